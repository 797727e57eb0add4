/** The Launch against a Docker daemon of the test's own: the same images and settings, read from inside, field by field. */
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { type DockerApi, dockerApi, dockerVersion } from '../../src/engine/docker/api.ts';
import { profile, withRuntime } from '../../src/platform/profiles.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { startDockerd, whyNoDockerd } from '../support/dockerd.ts';
import type { IdentityCase } from './identity-cases.ts';
import type { Observed } from './identity-compare.ts';
import { hostFacts } from './identity-host.ts';
import { type IdentityImage, whyNoShow } from './identity-image.ts';
import { identitySuite } from './identity-suite.ts';

identitySuite({
  runtime: 'docker',
  title: 'Docker Engine',
  lacking: whyNoDockerd ?? whyNoShow,
  atOnce: 4,
  async start(images) {
    const daemon = await startDockerd();
    const api = dockerApi(daemon.socket, (await dockerVersion(daemon.socket)).ApiVersion);
    await api.need('POST', '/images/load?quiet=1', { upload: createReadStream(images.archive) });
    const runc = execFileSync('runc', ['--version'], { encoding: 'utf8' });
    return {
      version: `Docker ${daemon.version} with ${runc.split('\n')[0]?.replace(' version', '')}`,
      profile: withRuntime(profile('docker', daemon.version), 'runc', runc),
      host: hostFacts(),
      run: (one, image) => run(api, daemon.socket, one, image),
      stop: daemon.stop,
    };
  },
});

async function run(api: DockerApi, socket: string, one: IdentityCase, image: IdentityImage): Promise<Observed> {
  const settings = one.settings ?? {};
  const created = await api.call('POST', '/containers/create', { body: request(settings, image.tag) });
  if (created.status >= 400) return { kind: 'refused', phase: 'create', words: created.message };
  const { Id: id } = created.body as { Id: string };
  try {
    const started = await api.call('POST', `/containers/${id}/start`);
    if (started.status >= 400) return { kind: 'refused', phase: 'start', words: started.message };
    await api.need('POST', `/containers/${id}/wait`);
    const stdout = await logs(socket, id, 'stdout');
    return stdout === ''
      ? { kind: 'refused', phase: 'run', words: (await logs(socket, id, 'stderr')).trim() }
      : { kind: 'ran', stdout };
  } finally {
    await api.need('DELETE', `/containers/${id}?force=1&v=1`);
  }
}

/** As the client of Docker translates the flags. */
function request(settings: ContainerSettings, image: string): object {
  const volumes = settings.volumes ?? [];
  return {
    Image: image,
    User: settings.user ?? '',
    WorkingDir: settings.workdir ?? '',
    Env: Object.entries(settings.env ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(settings.entrypoint === undefined ? {} : { Entrypoint: settings.entrypoint }),
    ...(settings.command === undefined ? {} : { Cmd: settings.command }),
    Volumes: Object.fromEntries(volumes.filter((one) => one.kind === 'anonymous').map((one) => [one.target, {}])),
    HostConfig: {
      NetworkMode: settings.network ?? 'none',
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 1024 },
        { Name: 'nproc', Soft: 1000, Hard: 1000 },
      ],
      CapAdd: settings.capAdd ?? [],
      CapDrop: settings.capDrop ?? [],
      GroupAdd: settings.groupAdd ?? [],
      SecurityOpt: settings.noNewPrivileges === true ? ['no-new-privileges'] : [],
      Privileged: settings.privileged === true,
      ReadonlyRootfs: settings.readOnly === true,
      Sysctls: settings.sysctls ?? {},
      Binds: volumes.filter((one) => one.kind === 'bind').map(({ source, target }) => `${source}:${target}`),
      Tmpfs: Object.fromEntries(volumes.filter((one) => one.kind === 'tmpfs').map((one) => [one.target, tmpfsOptions(one)])),
      Mounts: volumes
        .filter((one) => one.kind === 'named')
        .map((one) => ({ Type: 'volume', Source: `unroot-${one.source}`, Target: one.target, ReadOnly: one.readOnly === true })),
      Devices: (settings.devices ?? []).map(({ source, target }) => ({
        PathOnHost: source,
        PathInContainer: target ?? source,
        CgroupPermissions: 'rwm',
      })),
    },
  };
}

function tmpfsOptions({ mode, uid, gid }: NonNullable<ContainerSettings['volumes']>[number]): string {
  return [
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...(uid === undefined ? [] : [`uid=${uid}`]),
    ...(gid === undefined ? [] : [`gid=${gid}`]),
  ].join(',');
}

/** One stream of a container that has ended: 8 bytes of header (stream, three zeros, length), then that many bytes, again and again. */
async function logs(socketPath: string, id: string, stream: 'stdout' | 'stderr'): Promise<string> {
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ socketPath, path: `/containers/${id}/logs?${stream}=1`, headers: { Host: 'docker' }, agent: false }, resolve).on(
      'error',
      reject,
    );
  });
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const frames: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32BE(at + 4)) {
    frames.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)));
  }
  return Buffer.concat(frames).toString('utf8');
}
