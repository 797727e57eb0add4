/** The Launch against the real thing: the same image and settings run by podman and runc, read from inside, field by field. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageConfig } from '../../src/image/image.ts';
import { fileTree } from '../../src/launch/file-tree.ts';
import { credentialsOf, type Launch, type Refusal } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import { decide } from '../../src/linux/access.ts';
import { type CapabilitySet, capabilitiesFromMask, capabilityMask } from '../../src/linux/capability.ts';
import type { FileNode } from '../../src/linux/decision.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { containersConf } from '../../src/platform/containers-conf.ts';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import { profile, withRuntime } from '../../src/platform/profiles.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { CONFIG } from '../support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../support/memory-rootfs.ts';

const TOOLS = { podman: 'podman', runc: 'runc', buildah: 'buildah', gcc: 'gcc libc6-dev', setcap: 'libcap2-bin' };
const lacking = Object.entries(TOOLS).filter(([tool]) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
const reason =
  process.getuid?.() !== 0
    ? 'needs root'
    : lacking.length > 0
      ? `needs ${lacking.map(([tool]) => tool).join(', ')}: apt-get install -y ${lacking.map(([, name]) => name).join(' ')}`
      : undefined;
if (reason !== undefined) console.warn(`SKIPPED test/reality/launch-podman.test.ts: ${reason}`);

/** Prints what a process can find out about itself; static, so that it runs in an empty image. */
const SHOW = `
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
extern char **environ;
static void cat(const char *path) {
  char buffer[4096]; ssize_t n; int fd = open(path, O_RDONLY);
  if (fd < 0) { printf("%s\\n", strerror(errno)); return; }
  while ((n = read(fd, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, n, stdout);
  close(fd);
}
int main(int argc, char **argv) {
  char cwd[4096]; struct stat s; int i, fd;
  cat("/proc/self/status");
  printf("Cwd:\\t%s\\nUmask0:\\t%04o\\nPortStart:\\t", getcwd(cwd, sizeof cwd), umask(0));
  cat("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  printf("PingRange:\\t"); cat("/proc/sys/net/ipv4/ping_group_range");
  for (char **e = environ; *e; e++) printf("Env:\\t%s\\n", *e);
  for (i = 1; i < argc; i++) {
    printf("At:\\t%s\\t", argv[i]);
    if (lstat(argv[i], &s)) { printf("%s\\n", errno == ENOENT ? "missing" : strerror(errno)); continue; }
    printf("%o %d:%d\\t", s.st_mode & 07777, s.st_uid, s.st_gid);
    fd = S_ISDIR(s.st_mode) ? -1 : open(argv[i], O_WRONLY);
    printf("%s\\n", S_ISDIR(s.st_mode) ? "directory" : fd >= 0 ? "writable" : strerror(errno));
  }
  return 0;
}
`;

const PASSWD =
  'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/toor:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n4242:x:0:0::/:/bin/sh\n';
const GROUP = 'root:x:0:\napp:x:1234:\nextra:x:77:app\n';
const NBS = { permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true } as const;
const NET_ADMIN = { permitted: ['CAP_NET_ADMIN'], inheritable: [], effective: true } as const;
const program = (mode: number, more: MemoryEntry = {}): MemoryEntry => ({ content: 'the program', mode, ...more });

/** The image: written to disk for buildah, kept in memory for the model. */
const FILES: Readonly<Record<string, MemoryEntry>> = {
  '/etc/passwd': { content: PASSWD },
  '/etc/group': { content: GROUP },
  '/bin/show': program(0o755),
  '/bin/suid': program(0o4755),
  '/bin/sgid': program(0o2755, { gid: 77 }),
  '/bin/nbs': program(0o755, { fileCapabilities: NBS }),
  '/bin/net-admin': program(0o755, { fileCapabilities: NET_ADMIN }),
  '/bin/rootonly': program(0o700),
  '/sbin': { target: 'bin' },
  '/plain': { content: 'no program' },
  '/sec': { mode: 0o700 },
  '/sec/show': program(0o755),
  '/srv': {},
  '/own': { uid: 1234, gid: 77, mode: 0o750 },
  '/own/file': { content: 'x', uid: 1234, gid: 77, mode: 0o640 },
  '/empty': { uid: 5, gid: 6, mode: 0o711 },
};
const PATHS = [
  '/dev/null',
  '/dev/full',
  '/dev/shm',
  '/dev/mqueue',
  '/dev/pts',
  '/dev',
  '/proc',
  '/sys',
  '/etc/hosts',
  '/etc/hostname',
  '/own',
  '/own/file',
  '/empty',
  '/plain',
  '/srv',
  '/bin/nbs',
  '/proc/sys/kernel/hostname',
  '/new',
  '/gone',
  '/gone/deep',
];

describe.skipIf(reason !== undefined)('podman with runc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-launch-'));
  const tag = `localhost/unroot-launch-test:${process.pid}`;
  let rules: PlatformProfile;
  const bounding =
    reason === undefined
      ? capabilitiesFromMask(BigInt(`0x${/CapBnd:\t(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`))
      : [];

  beforeAll(() => {
    const rootfs = join(folder, 'rootfs');
    writeFileSync(join(folder, 'show.c'), SHOW);
    execFileSync('gcc', ['-static', '-O1', '-o', join(folder, 'show'), join(folder, 'show.c')]);
    for (const [path, entry] of Object.entries(FILES)) {
      const place = join(rootfs, path);
      mkdirSync(dirname(place), { recursive: true });
      if (entry.target !== undefined) symlinkSync(entry.target, place);
      else if (entry.content === undefined) mkdirSync(place, { recursive: true });
      else writeFileSync(place, entry.content === 'the program' ? readFileSync(join(folder, 'show')) : entry.content);
    }
    for (const [path, entry] of Object.entries(FILES)) {
      const place = join(rootfs, path);
      lchownSync(place, entry.uid ?? 0, entry.gid ?? 0);
      if (entry.target !== undefined) continue;
      chmodSync(place, entry.mode ?? (entry.content === undefined ? 0o755 : 0o644));
      const names = entry.fileCapabilities?.permitted.join(',').toLowerCase();
      if (names !== undefined) execFileSync('setcap', [`${names}=ep`, place]);
    }
    execFileSync('tar', ['-C', rootfs, '--xattrs', '--xattrs-include=security.*', '-cf', join(folder, 'rootfs.tar'), '.']);
    writeFileSync(join(folder, 'Containerfile'), 'FROM scratch\nADD rootfs.tar /\n');
    execFileSync('buildah', ['bud', '--isolation', 'chroot', '--ulimit', 'nofile=1024:1024', '-q', '-t', tag, folder], {
      stdio: 'pipe',
    });

    const version = execFileSync('podman', ['version', '--format', '{{.Client.Version}}'], { encoding: 'utf8' });
    const confs = ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf'].filter(existsSync);
    const conf = containersConf(confs.map((path) => ({ path, text: readFileSync(path, 'utf8') })));
    rules = withRuntime(profile('podman', version, conf), 'runc', execFileSync('runc', ['--version'], { encoding: 'utf8' }));
  });
  afterAll(() => {
    spawnSync('podman', ['rmi', '-f', tag], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  });

  function predicted(settings: ContainerSettings, config: Partial<ImageConfig>): Launch | Refusal {
    const image = {
      reference: tag,
      config: { ...CONFIG, cmd: [], ...config },
      passwd: PASSWD,
      group: GROUP,
      rootFs: memoryRootFs(FILES),
    };
    return launchImage({ image, settings: { network: 'none', ...settings }, profile: rules, host: { bounding } });
  }

  function podman(settings: ContainerSettings, config: Partial<ImageConfig>): { stdout: string; stderr: string } {
    const flag = (name: string, values: readonly string[] = []): string[] => values.flatMap((value) => [name, value]);
    const image =
      config.user === undefined && config.workingDir === undefined && config.env === undefined ? tag : derived(config);
    const args = [
      '--cgroup-manager=cgroupfs',
      'run',
      '--rm',
      '--runtime=runc',
      '--network=none',
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=1000:1000',
      ...(settings.user === undefined ? [] : ['--user', settings.user]),
      ...(settings.workdir === undefined ? [] : ['--workdir', settings.workdir]),
      ...(settings.noNewPrivileges === true ? ['--security-opt=no-new-privileges'] : []),
      ...(settings.readOnly === true ? ['--read-only'] : []),
      ...flag('--cap-add', settings.capAdd),
      ...flag('--cap-drop', settings.capDrop),
      ...flag('--group-add', settings.groupAdd),
      ...flag(
        '--env',
        Object.entries(settings.env ?? {}).map((pair) => pair.join('=')),
      ),
      ...flag(
        '--sysctl',
        Object.entries(settings.sysctls ?? {}).map((pair) => pair.join('=')),
      ),
      ...flag(
        '--tmpfs',
        (settings.volumes ?? [])
          .filter((one) => one.kind === 'tmpfs')
          .map(({ target, mode }) => target + (mode === undefined ? '' : `:mode=${mode.toString(8)}`)),
      ),
      ...flag(
        '--volume',
        (settings.volumes ?? []).filter((one) => one.kind === 'anonymous').map((one) => one.target),
      ),
      image,
      ...(settings.command ?? []),
    ];
    const { stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8', timeout: 60_000 });
    return { stdout, stderr };
  }

  const images = new Map<string, string>();
  function derived(config: Partial<ImageConfig>): string {
    const key = JSON.stringify(config);
    const known = images.get(key);
    if (known !== undefined) return known;
    const name = `${tag}-${images.size}`;
    const buildah = (...args: string[]): string =>
      execFileSync('buildah', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
    const container = buildah('from', tag);
    // By configuration, not by a build: a build would make the working directory.
    if (config.env !== undefined) buildah('config', ...config.env.flatMap((one) => ['--env', one]), container);
    if (config.workingDir !== undefined) buildah('config', '--workingdir', config.workingDir, container);
    if (config.user !== undefined) buildah('config', '--user', config.user, container);
    buildah('commit', '-q', container, name);
    buildah('rm', container);
    images.set(key, name);
    return name;
  }
  afterAll(() => {
    for (const name of images.values()) spawnSync('podman', ['rmi', '-f', name], { stdio: 'ignore' });
  });

  const mask = (set: CapabilitySet): string => capabilityMask(set).toString(16).padStart(16, '0');
  const ordered = (groups: readonly number[]): string => [...groups].sort((a, b) => a - b).join(' ');

  /** What the model says the program prints. */
  function expectation(launch: Launch): Record<string, unknown> {
    const [uid, gid] = [launch.effectiveUid ?? launch.uid, launch.effectiveGid ?? launch.gid];
    return {
      Uid: `${launch.uid} ${uid} ${uid} ${uid}`,
      Gid: `${launch.gid} ${gid} ${gid} ${gid}`,
      Groups: ordered(launch.groups),
      CapInh: mask(launch.capabilities.inheritable),
      CapPrm: mask(launch.capabilities.permitted),
      CapEff: mask(launch.capabilities.effective),
      CapBnd: mask(launch.capabilities.bounding),
      CapAmb: mask(launch.capabilities.ambient),
      NoNewPrivs: launch.noNewPrivileges ? '1' : '0',
      Cwd: launch.cwd,
      Umask0: launch.umask.toString(8).padStart(4, '0'),
      PortStart: String(launch.facts.unprivilegedPortStart),
      PingRange: launch.facts.pingGroupRange.join(' '),
      Env: [...launch.env].sort(),
    };
  }

  function observation(stdout: string): Record<string, unknown> {
    const lines = stdout.split('\n').map((line) => line.split('\t'));
    const field = (name: string): string => {
      const found = lines.find(([key]) => key === `${name}:`);
      return (found?.slice(1).join(' ') ?? '(not printed)').trim();
    };
    const names = [
      'Uid',
      'Gid',
      'CapInh',
      'CapPrm',
      'CapEff',
      'CapBnd',
      'CapAmb',
      'NoNewPrivs',
      'Cwd',
      'Umask0',
      'PortStart',
      'PingRange',
    ];
    const env = lines.filter(([key]) => key === 'Env:').map((line) => line[1] as string);
    return {
      ...Object.fromEntries(names.map((name) => [name, field(name)])),
      Groups: ordered(field('Groups').split(' ').filter(Boolean).map(Number)),
      Env: env.filter((one) => !one.startsWith('HOSTNAME=')).sort(),
    };
  }

  /** Owner, mode and the right to write of well-known places: model against lstat and open. */
  function filesSaid(launch: Launch): Record<string, string> {
    const tree = fileTree(launch, memoryRootFs(FILES));
    const ask = (operation: Operation) => decide(operation, credentialsOf(launch), tree, launch.facts);
    const words: Record<string, string> = {
      EACCES: 'Permission denied',
      EROFS: 'Read-only file system',
      EPERM: 'Operation not permitted',
    };
    return Object.fromEntries(
      PATHS.map((path) => {
        const stat = ask({ kind: 'stat', path, noFollow: true });
        if (!stat.known) return [path, 'unknown'];
        if (!stat.allowed) return [path, stat.errno === 'ENOENT' ? 'missing' : (words[stat.errno ?? ''] ?? String(stat.errno))];
        const node = tree.lookup(path) as FileNode;
        const shown = `${node.inode.mode.toString(8)} ${node.inode.uid}:${node.inode.gid}`;
        if (node.inode.type === 'directory') return [path, `${shown} directory`];
        // proc_sys_permission (fs/proc/proc_sysctl.c) asks no capability; the model's permission bits do.
        if (
          path.startsWith('/proc/sys/') &&
          (launch.effectiveUid ?? launch.uid) !== 0 &&
          launch.capabilities.effective.includes('CAP_DAC_OVERRIDE')
        )
          return [path, `${shown} ${words.EACCES}`];
        const write = ask({ kind: 'open', path, access: 'write' });
        return [path, `${shown} ${write.allowed ? 'writable' : (words[write.errno ?? ''] ?? String(write.errno))}`];
      }),
    );
  }
  const filesSeen = (stdout: string): Record<string, string> =>
    Object.fromEntries(
      [...stdout.matchAll(/^At:\t([^\t\n]+)\t(.+)$/gm)].map(([, path, said]) => [
        path as string,
        (said as string).replace('\t', ' '),
      ]),
    );

  const cases: readonly (readonly [string, ContainerSettings, Partial<ImageConfig>?])[] = [
    ['no user', {}],
    ...[
      '0',
      '00',
      '+0',
      '-0',
      ':0',
      '0:0',
      'root:root',
      'toor',
      ':1000',
      'app',
      'app:app',
      'app:extra',
      '1234',
      '4242',
      '65532',
      '7:8',
      '2147483647',
    ].map((user): [string, ContainerSettings] => [`--user ${user}`, { user }]),
    ['USER app of the image', {}, { user: 'app' }],
    ['USER :1000 of the image', {}, { user: ':1000' }],
    ['USER 4242 of the image, WORKDIR /srv', {}, { user: '4242', workingDir: '/srv' }],
    ['a WORKDIR that the image lacks', {}, { user: '1000:5', workingDir: '/gone/deep' }],
    ['a WORKDIR that the image lacks, as root', {}, { workingDir: '/gone' }],
    ['USER app, --user root', { user: 'root' }, { user: 'app' }],
    ['--group-add', { user: '7:8', groupAdd: ['99', 'extra'] }],
    ['--cap-add to a user', { user: 'app', capAdd: ['NET_BIND_SERVICE'] }],
    [
      '--cap-drop ALL --cap-add to a user under no_new_privs',
      { user: '1000', capDrop: ['ALL'], capAdd: ['cap_net_bind_service'], noNewPrivileges: true },
    ],
    ['--cap-add ALL to a user', { user: '1000', capAdd: ['ALL'] }],
    ['--cap-drop ALL to root', { capDrop: ['ALL'] }],
    ['--cap-add NET_RAW to root', { capAdd: ['net_raw'] }],
    ['toor under no_new_privs', { user: 'toor', noNewPrivileges: true }],
    ['set-uid program', { user: 'app', command: ['/bin/suid'] }],
    ['set-uid program under no_new_privs', { user: 'app', command: ['/bin/suid'], noNewPrivileges: true }],
    ['set-gid program', { user: '1000:1000', command: ['/bin/sgid'] }],
    ['file capabilities', { user: 'app', command: ['/bin/nbs'] }],
    ['file capabilities under no_new_privs', { user: 'app', command: ['/bin/nbs'], noNewPrivileges: true }],
    ['file capabilities and ambient ones', { user: 'app', command: ['/bin/nbs'], capAdd: ['KILL', 'NET_BIND_SERVICE'] }],
    ['found in PATH through a symlink', { user: 'app', env: { PATH: '/none:/sbin' }, command: ['show'] }],
    ['HOME set, HOME empty', { user: 'app', env: { HOME: '/elsewhere' } }],
    ['HOME empty', { user: 'app', env: { HOME: '' } }],
    ['HOME empty, unknown uid', { user: '1000', env: { HOME: '' } }],
    ['--workdir', { user: '1000', workdir: '/srv' }],
    ['image ENV and --env', { env: { A: '9', C: 'x=y' } }, { env: ['A=1', 'B=2'] }],
    [
      '--sysctl',
      { user: 'app', sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80', 'net.ipv4.ping_group_range': '0 1000' } },
    ],
    ['tmpfs over a directory', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/own' }] }],
    ['tmpfs with a mode', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/own', mode: 0o700 }] }],
    ['tmpfs on a new path', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/new' }] }],
    ['volume over a directory', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/own' }] }],
    ['volume over an empty directory', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/empty' }] }],
    ['volume on a new path', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/new' }] }],
    ['--read-only', { user: '1000', readOnly: true }],
  ];

  it.each(cases.map(([name, settings, config]) => ({ name, settings, config: config ?? {} })))(
    '$name',
    ({ settings, config }) => {
      const program = settings.command ?? ['/bin/show'];
      const command = [...program, ...PATHS];
      const launch = predicted({ ...settings, command }, config);
      expect(launch.kind === 'refusal' ? launch.message : undefined).toBeUndefined();
      if (launch.kind === 'refusal') return;
      const { stdout, stderr } = podman({ ...settings, command }, config);
      expect(stderr.replace(/^time=.*\n/gm, '')).toBe('');
      expect(observation(stdout)).toEqual(expectation(launch));
      expect(filesSeen(stdout)).toEqual(filesSaid(launch));
    },
  );

  const refused: readonly (readonly [string, ContainerSettings])[] = [
    ['unknown user', { user: 'nosuch' }],
    ['hexadecimal user', { user: '0x0' }],
    ['exponent user', { user: '1e0' }],
    ['unknown group', { user: 'app:nosuch' }],
    ['uid out of range', { user: '2147483648' }],
    ['negative uid', { user: '-1' }],
    ['unknown capability', { capAdd: ['FOO'] }],
    ['capability added and dropped', { capAdd: ['CHOWN'], capDrop: ['CHOWN'] }],
    ['ALL added and dropped', { capAdd: ['ALL'], capDrop: ['ALL'] }],
    ['missing program', { command: ['/nosuch'] }],
    ['program not in PATH', { command: ['nosuch'] }],
    ['program without x, as root', { command: ['/plain'] }],
    ['a directory', { command: ['/srv'] }],
    ['program of root only', { user: '1000', command: ['/bin/rootonly'] }],
    ['program in a folder of root only', { user: '1000', command: ['/sec/show'] }],
    ['below a file', { command: ['/plain/x'] }],
    ['file capabilities outside the bounding set', { user: '1000', command: ['/bin/net-admin'] }],
    ['the same as root', { command: ['/bin/net-admin'] }],
    ['no command', { command: [] }],
    ['--workdir that does not exist', { workdir: '/gone' }],
  ];

  it.each(refused.map(([name, settings]) => ({ name, settings })))('refuses: $name', ({ settings }) => {
    const command = settings.command ?? ['/bin/show'];
    const outcome = predicted({ ...settings, command }, {});
    expect(outcome.kind).toBe('refusal');
    if (outcome.kind === 'launch') return;
    const { stdout, stderr } = podman({ ...settings, command }, {});
    expect(stdout).toBe('');
    expect(stderr).toContain(outcome.message);
  });

  it('a log behind /dev/stdout can be opened again by a process started as the user', () => {
    for (const user of ['1000', '0']) {
      const { stdout } = podman({ user, command: ['/bin/show', '/proc/self/fd/1'] }, {});
      const launch = predicted({ user, command: ['/bin/show'] }, {}) as Launch;
      const node = fileTree(launch, memoryRootFs(FILES)).lookup('/proc/self/fd/1');
      expect(node).toMatchObject({ inode: { type: 'fifo', uid: Number(user), mode: 0o600 } });
      expect(stdout).toMatch(/^At:\t\/proc\/self\/fd\/1\t.*\twritable$/m);
    }
  });
});
