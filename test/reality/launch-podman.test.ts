/** The Launch against podman with runc: the same images and settings, read from inside, field by field. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { containersConf } from '../../src/platform/containers-conf.ts';
import { profile, withRuntime } from '../../src/platform/profiles.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import type { Observed } from './identity-compare.ts';
import { hostFacts } from './identity-host.ts';
import { whyNoShow } from './identity-image.ts';
import { identitySuite } from './identity-suite.ts';

const missing = ['podman', 'runc'].filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
const lacking =
  process.getuid?.() !== 0
    ? 'needs root'
    : missing.length > 0
      ? `needs ${missing.join(' and ')}: apt-get install -y ${missing.join(' ')}`
      : whyNoShow;

identitySuite({
  runtime: 'podman',
  title: 'podman with runc',
  lacking,
  atOnce: 4,
  async start(images) {
    execFileSync('podman', ['load', '--quiet', '--input', images.archive], { stdio: ['ignore', 'ignore', 'pipe'] });
    const version = execFileSync('podman', ['version', '--format', '{{.Client.Version}}'], { encoding: 'utf8' }).trim();
    const runc = execFileSync('runc', ['--version'], { encoding: 'utf8' });
    const confs = ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf'].filter(existsSync);
    const conf = containersConf(confs.map((path) => ({ path, text: readFileSync(path, 'utf8') })));
    const volumes = new Set<string>();
    return {
      version: `podman ${version} with ${runc.split('\n')[0]?.replace(' version', '')}`,
      profile: withRuntime(profile('podman', version, conf), 'runc', runc),
      host: hostFacts(),
      async run(one, image): Promise<Observed> {
        for (const volume of one.settings?.volumes ?? []) if (volume.kind === 'named') volumes.add(volumeName(volume.source));
        const args = [...flagsOf(one.settings ?? {}), image.tag, ...(one.settings?.command ?? [])];
        let { stdout, words } = await podman(['run', '--rm', ...args]);
        // podman 4.3 now and then attaches too late and shows nothing of a container that ends at once.
        for (let again = 0; stdout === '' && words === '' && again < 3; again += 1)
          ({ stdout, words } = await podman(['run', '--rm', ...args]));
        if (words === '') return { kind: 'ran', stdout };
        const own = /^Error: (.*)$/ms.exec(words)?.[1];
        // Without that word it is the container's own standard error.
        if (own === undefined) return { kind: 'refused', phase: 'run', words };
        const created = await podman(['create', ...args]);
        if (created.words === '') await podman(['rm', '--force', created.stdout.trim()]);
        return { kind: 'refused', phase: created.words === '' ? 'start' : 'create', words: own };
      },
      async stop() {
        spawnSync('podman', ['rmi', '--force', ...images.images.map((image) => image.tag)], { stdio: 'ignore' });
        if (volumes.size > 0) spawnSync('podman', ['volume', 'rm', '--force', ...volumes], { stdio: 'ignore' });
      },
    };
  },
});

/** `words`: standard error without podman's warnings. */
function podman(args: readonly string[]): Promise<{ stdout: string; words: string }> {
  return new Promise((resolve) => {
    const options = { timeout: 60_000, maxBuffer: 2 ** 24 };
    execFile('podman', ['--cgroup-manager=cgroupfs', ...args], options, (_error, stdout, stderr) => {
      resolve({ stdout, words: stderr.replace(/^time=.*\n/gm, '').trim() });
    });
  });
}

const volumeName = (name = ''): string => `unroot-identity-${process.pid}-${name}`;

function flagsOf(settings: ContainerSettings): string[] {
  const all = (name: string, values: readonly string[] = []): string[] => values.map((value) => `${name}=${value}`);
  const volumes = settings.volumes ?? [];
  const tmpfsOptions = ({ mode, uid, gid }: (typeof volumes)[number]): string =>
    [
      ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
      ...(uid === undefined ? [] : [`uid=${uid}`]),
      ...(gid === undefined ? [] : [`gid=${gid}`]),
    ].join(',');
  return [
    '--runtime=runc',
    `--network=${settings.network ?? 'none'}`,
    '--ulimit=nofile=1024:1024',
    '--ulimit=nproc=1000:1000',
    ...(settings.user === undefined ? [] : [`--user=${settings.user}`]),
    ...(settings.workdir === undefined ? [] : [`--workdir=${settings.workdir}`]),
    ...(settings.noNewPrivileges === true ? ['--security-opt=no-new-privileges'] : []),
    ...(settings.readOnly === true ? ['--read-only'] : []),
    ...(settings.privileged === true ? ['--privileged'] : []),
    ...(settings.entrypoint === undefined
      ? []
      : [`--entrypoint=${settings.entrypoint.length > 1 ? JSON.stringify(settings.entrypoint) : settings.entrypoint[0]}`]),
    ...all('--cap-add', settings.capAdd),
    ...all('--cap-drop', settings.capDrop),
    ...all('--group-add', settings.groupAdd),
    ...Object.entries(settings.env ?? {}).map(([key, value]) => `--env=${key}=${value}`),
    ...Object.entries(settings.sysctls ?? {}).map(([key, value]) => `--sysctl=${key}=${value}`),
    ...all(
      '--tmpfs',
      volumes
        .filter((one) => one.kind === 'tmpfs')
        .map((one) => one.target + (tmpfsOptions(one) === '' ? '' : `:${tmpfsOptions(one)}`)),
    ),
    ...all(
      '--volume',
      volumes
        .filter((one) => one.kind !== 'tmpfs')
        .map((one) =>
          [
            ...(one.kind === 'named' ? [volumeName(one.source)] : one.kind === 'bind' ? [one.source] : []),
            one.target,
            ...(one.readOnly === true ? ['ro'] : []),
          ].join(':'),
        ),
    ),
    ...all(
      '--device',
      (settings.devices ?? []).map((one) => `${one.source}:${one.target ?? one.source}`),
    ),
  ];
}
