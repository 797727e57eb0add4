/** A compose file that runs the result (compose-spec). */
import { stringify } from 'yaml';
import type { RunVolume } from '../../finding/fix.ts';
import { type ArtifactInput, dnsLabel, titled } from './artifact.ts';
import { STEP_CAPABILITIES, stepImage } from './volume-step.ts';

export function composeYaml(input: ArtifactInput): string {
  const label = dnsLabel(input.name);
  const paths = [...new Set([...input.run.volumes.map((volume) => volume.path), ...input.volumes])];
  const named = paths.map((path) => ({ name: `${label}${path.replace(/[^A-Za-z0-9]+/g, '-').replace(/-+$/, '')}`, path }));
  // With the host's network there is nothing to publish: compose refuses ports beside it.
  const onHost = input.run.network === 'host';
  // Docker copies nothing into them.
  const tmpfs = [...input.run.tmpfs, ...(input.run.tmpfsInside ?? [])];
  const step = input.run.volumes.filter(({ commands }) => commands !== undefined);
  const compose = {
    services: {
      [label]: {
        image: input.name,
        user: input.run.user,
        ...(input.run.entrypoint === undefined ? {} : { entrypoint: input.run.entrypoint }),
        ...(input.run.command === undefined ? {} : { command: input.run.command }),
        ...(input.run.workdir === undefined ? {} : { working_dir: input.run.workdir }),
        ...(Object.keys(input.run.env).length > 0 ? { environment: input.run.env } : {}),
        cap_drop: input.run.capDrop,
        ...(input.run.capAdd.length > 0 ? { cap_add: input.run.capAdd } : {}),
        security_opt: input.run.noNewPrivileges ? ['no-new-privileges:true'] : [],
        ...(input.run.readOnly ? { read_only: true } : {}),
        ...(Object.keys(input.run.sysctls).length > 0 ? { sysctls: input.run.sysctls } : {}),
        ...(onHost ? { network_mode: 'host' } : {}),
        ...(tmpfs.length > 0 ? { tmpfs } : {}),
        ...(input.run.ports.length > 0 && !onHost
          ? { ports: input.run.ports.map(({ from, to, protocol }) => `${from}:${to}${protocol === 'udp' ? '/udp' : ''}`) }
          : {}),
        ...(named.length > 0 ? { volumes: named.map(({ name, path }) => `${name}:${path}`) } : {}),
      },
      ...(step.length > 0 ? { 'volumes-init': takeOver(input, step, named) } : {}),
    },
    ...(named.length > 0 ? { volumes: Object.fromEntries(named.map(({ name }) => [name, {}])) } : {}),
  };
  const root = input.run.user.split(':')[0] === '0';
  return titled(input, `${root ? ROOT_COMMENT : ''}${step.length > 0 ? STEP_COMMENT : ''}${stringify(compose)}`);
}

const ROOT_COMMENT =
  '# Still root inside; outside it is nobody with "userns-remap" of the Docker daemon, or with podman: userns_mode: auto\n';
const STEP_COMMENT =
  '# Volumes that hold data of the former image, once, while nothing uses them: docker compose run --rm volumes-init\n';

/** Not started with the rest: only whoever has old data needs it, and only once. */
function takeOver(
  input: ArtifactInput,
  volumes: readonly RunVolume[],
  named: readonly { readonly name: string; readonly path: string }[],
): object {
  return {
    image: stepImage(input),
    profiles: ['migrate'],
    user: '0:0',
    entrypoint: ['/bin/sh', '-ec'],
    command: [volumes.flatMap(({ commands = [] }) => commands).join('\n')],
    cap_drop: ['ALL'],
    cap_add: STEP_CAPABILITIES,
    security_opt: ['no-new-privileges:true'],
    network_mode: 'none',
    read_only: true,
    restart: 'no',
    volumes: named
      .filter(({ path }) => volumes.some((volume) => volume.path === path))
      .map(({ name, path }) => `${name}:${path}`),
  };
}
