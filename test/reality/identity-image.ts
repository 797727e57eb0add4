/** The images the runtimes are compared on: one program that tells about itself, odd account files, every configuration a case asks for. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImageConfig } from '../../src/image/image.ts';
import type { LaunchSubject } from '../../src/launch/input.ts';
import { encodeFileCapabilities } from '../../src/linux/capability.ts';
import { archiveOf, type BuildSpec, dockerFiles, type LayerItem } from '../support/image-builder.ts';
import { CONFIG } from '../support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../support/memory-rootfs.ts';
import type { IdentityCase } from './identity-cases.ts';

/** /etc/passwd and /etc/group; null = the image has no such file. */
export interface Accounts {
  readonly passwd: string | null;
  readonly group: string | null;
}

export type AccountsName = 'usual' | 'none' | 'empty' | 'noGroup' | 'noPasswd' | 'twice' | 'corrupt' | 'numbers';

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

/** What the account files of an image may look like. */
export const ACCOUNTS: Readonly<Record<AccountsName, Accounts>> = {
  usual: {
    passwd: lines(
      'root:x:0:0::/root:/bin/sh',
      'toor:x:0:0::/toor:/bin/sh',
      'app:x:1234:1234::/home/app:/bin/sh',
      '4242:x:0:0::/:/bin/sh',
      'web:x:33:34::/var/www:/sbin/nologin',
    ),
    group: lines('root:x:0:', 'app:x:1234:app', 'extra:x:77:app', 'www:x:34:app,web', '99:x:1099:'),
  },
  none: { passwd: null, group: null },
  empty: { passwd: '', group: '' },
  noGroup: { passwd: lines('root:x:0:0::/root:/bin/sh', 'app:x:1234:5678::/home/app:/bin/sh'), group: null },
  noPasswd: { passwd: null, group: lines('root:x:0:', 'extra:x:77:app,root', 'app:x:1234:') },
  /** The same uid and the same name again: the first line wins, in different ways. */
  twice: {
    passwd: lines(
      'first:x:1234:10::/first:/bin/sh',
      'app:x:1234:11::/app:/bin/sh',
      'app:x:4321:12::/other:/bin/sh',
      'root:x:0:5::/root:/bin/sh',
    ),
    group: lines('one:x:101:first', 'two:x:102:app', 'two:x:103:app', 'root:x:0:root', 'three:x:101:app,first'),
  },
  /** What people and scripts leave in these files. */
  corrupt: {
    passwd: [
      '# users of this image',
      '',
      'short',
      'nouid:x',
      ':x:0:0::/noname:/bin/sh',
      'words:x:abc:def::/words:/bin/sh',
      '+::::::',
      'app:x:1234:1234',
      'spaces : x : 55 : 56 : : /spaces : /bin/sh',
      '   led:x:66:67::/led:/bin/sh',
      'more:x:70:71::/more:/bin/sh:and:more',
      'dos:x:80:81::/dos:/bin/sh\r',
      'root:x:0:0::/root:/bin/sh',
      'last:x:90:91::/last:/bin/sh',
    ].join('\n'),
    group: [
      '# groups',
      '',
      'short',
      'words:x:abc:last',
      ':x:7:last',
      'members:x:71: last , app',
      'more:x:72:last:root',
      'comma:x:73:,last,,',
      'dos:x:74:last\r',
      'last:x:75:app,last',
    ].join('\n'),
  },
  /** Numbers that do not fit. */
  numbers: {
    passwd: lines(
      'root:x:0:0::/root:/bin/sh',
      'plus:x:+15:+16::/plus:/bin/sh',
      'zeros:x:0017:0018::/zeros:/bin/sh',
      'hex:x:0x10:0x11::/hex:/bin/sh',
    ),
    group: lines('root:x:0:', 'plus:x:+20:plus,zeros', 'zeros:x:0021:zeros'),
  },
};

const NBS = { permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true } as const;
const NOT_EFFECTIVE = { permitted: ['CAP_NET_BIND_SERVICE', 'CAP_KILL'], inheritable: ['CAP_CHOWN'], effective: false } as const;
const NET_ADMIN = { permitted: ['CAP_NET_ADMIN'], inheritable: [], effective: true } as const;
const program = (mode: number, more: MemoryEntry = {}): MemoryEntry => ({ content: 'the program', mode, ...more });

/** Everything but the account files. Content `the program` stands for the bytes of the program. */
const FILES: Readonly<Record<string, MemoryEntry>> = {
  '/': {},
  '/etc': {},
  '/bin/show': program(0o755),
  '/bin/suid': program(0o4755),
  '/bin/suid-app': program(0o4755, { uid: 1234, gid: 1234 }),
  '/bin/sgid': program(0o2755, { gid: 77 }),
  '/bin/both': program(0o6755, { uid: 33, gid: 77 }),
  '/bin/sgid-no-x': program(0o2745, { gid: 77 }),
  '/bin/nbs': program(0o755, { fileCapabilities: NBS }),
  '/bin/not-effective': program(0o755, { fileCapabilities: NOT_EFFECTIVE }),
  '/bin/net-admin': program(0o755, { fileCapabilities: NET_ADMIN }),
  '/bin/suid-nbs': program(0o4755, { fileCapabilities: NBS }),
  '/bin/rootonly': program(0o700),
  '/bin/grouponly': program(0o750, { gid: 77 }),
  '/sbin': { target: 'bin' },
  '/first/show': program(0o700),
  '/first/plain': { content: 'no program', mode: 0o644 },
  '/loop': { target: 'loop' },
  '/dangling': { target: '/nowhere' },
  '/plain': { content: 'no program' },
  '/broken': { content: 'no program at all', mode: 0o755 },
  '/script': { content: '#!/nowhere/sh\n', mode: 0o755 },
  '/sec': { mode: 0o700 },
  '/sec/show': program(0o755),
  '/srv': {},
  '/link': { target: 'own' },
  '/own': { uid: 1234, gid: 77, mode: 0o750 },
  '/own/file': { content: 'x', uid: 1234, gid: 77, mode: 0o640 },
  '/own/deep': { uid: 1234, gid: 1234, mode: 0o2770 },
  '/empty': { uid: 5, gid: 6, mode: 0o711 },
  '/group': { gid: 77, mode: 0o2775 },
  '/tmp': { mode: 0o1777 },
  '/run': {},
  '/var/tmp': { mode: 0o1777 },
  '/file': { content: 'x', mode: 0o666 },
};

/** The places whose owner, mode and right to write the program tells. */
export const PATHS: readonly string[] = [
  ...['/', '/dev', '/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty', '/dev/ptmx', '/dev/pts'],
  ...['/dev/pts/ptmx', '/dev/fd', '/dev/stdin', '/dev/stdout', '/dev/stderr', '/dev/console', '/dev/shm'],
  ...['/dev/mqueue', '/dev/kmsg', '/dev/mem', '/dev/termination-log', '/dev/x', '/dev/y'],
  ...['/proc', '/proc/sys', '/proc/sys/net', '/proc/sys/kernel/hostname', '/proc/1', '/proc/self/fd'],
  ...['/sys', '/sys/fs/cgroup', '/etc', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'],
  ...['/own', '/own/file', '/own/deep', '/link', '/empty', '/group', '/plain', '/file', '/srv', '/script', '/sec', '/sec/show'],
  ...['/tmp', '/run', '/run/secrets', '/var', '/var/tmp', '/new', '/new/deep', '/gone', '/gone/deep', '/root', '/home/app'],
];

/** Static program, made once. */
export function buildShow(folder: string): Uint8Array {
  copyFileSync(fileURLToPath(new URL('identity-show.c', import.meta.url)), join(folder, 'show.c'));
  writeFileSync(join(folder, 'paths.h'), PATHS.map((path) => `${JSON.stringify(path)},\n`).join(''));
  execFileSync('gcc', ['-static', '-O1', '-s', '-o', join(folder, 'show'), join(folder, 'show.c')]);
  return readFileSync(join(folder, 'show'));
}

/** What `buildShow` lacks here, with the line that brings it. */
export const whyNoShow: string | undefined =
  spawnSync('gcc', ['--version'], { stdio: 'ignore' }).error === undefined ? undefined : 'gcc: apt-get install -y gcc libc6-dev';

/** One image of the set. */
export interface IdentityImage {
  readonly tag: string;
  readonly subject: LaunchSubject;
  readonly files: Readonly<Record<string, MemoryEntry>>;
}

export interface ImageSet {
  /** Docker archive with all of them. */
  readonly archive: string;
  readonly images: readonly IdentityImage[];
  imageOf(one: Pick<IdentityCase, 'accounts' | 'config'>): IdentityImage;
}

/** `written` false: only the model's side of them. Every image the cases need, in one archive whose layers they share. Tags are `localhost/NAME:1` and so on. */
export function buildImages(
  folder: string,
  name: string,
  cases: readonly Pick<IdentityCase, 'accounts' | 'config'>[],
  written = true,
): ImageSet {
  const show = written ? buildShow(folder) : new Uint8Array(0);
  const base = Object.entries(FILES).map(([path, entry]) => layerItem(path, entry, show));
  const images = new Map<string, IdentityImage & { readonly spec: BuildSpec }>();
  const keyOf = (one: Pick<IdentityCase, 'accounts' | 'config'>): string =>
    JSON.stringify([one.accounts ?? 'usual', one.config ?? {}]);
  for (const one of cases) {
    if (images.has(keyOf(one))) continue;
    const accounts: Accounts = ACCOUNTS[one.accounts ?? 'usual'];
    const files: Record<string, MemoryEntry> = { ...FILES };
    const items: LayerItem[] = [];
    for (const [path, content] of [
      ['/etc/passwd', accounts.passwd],
      ['/etc/group', accounts.group],
    ] as const) {
      if (content === null) continue;
      files[path] = { content };
      items.push({ path, content });
    }
    const tag = `localhost/${name}:${images.size + 1}`;
    const config: ImageConfig = { ...CONFIG, cmd: ['/bin/show'], ...one.config };
    const subject: LaunchSubject = {
      reference: tag,
      config,
      passwd: accounts.passwd ?? undefined,
      group: accounts.group ?? undefined,
      rootFs: memoryRootFs(files),
    };
    images.set(keyOf(one), { tag, subject, files, spec: { layers: [base, items], config: ociConfig(config) } });
  }
  const archive = join(folder, 'images.tar');
  if (written)
    writeFileSync(archive, archiveOf(dockerFiles([...images.values()].map(({ spec, tag }) => ({ spec, names: [tag] })))));
  return {
    archive,
    images: [...images.values()],
    imageOf: (one) => {
      const found = images.get(keyOf(one));
      if (found === undefined) throw new Error(`no image was built for ${keyOf(one)}`);
      return found;
    },
  };
}

function layerItem(path: string, entry: MemoryEntry, show: Uint8Array): LayerItem {
  const { content, target, mode, uid, gid, fileCapabilities } = entry;
  return {
    path,
    ...(content === undefined ? {} : { content: content === 'the program' ? show : content }),
    ...(target === undefined ? {} : { target }),
    ...(mode === undefined ? {} : { mode }),
    uid: uid ?? 0,
    gid: gid ?? 0,
    ...(fileCapabilities === undefined ? {} : { xattrs: { 'security.capability': encodeFileCapabilities(fileCapabilities) } }),
  };
}

/** As the image config spells it; what is empty is left out, as builders do. */
function ociConfig(config: ImageConfig): Record<string, unknown> {
  return {
    ...(config.user === '' ? {} : { User: config.user }),
    ...(config.env.length === 0 ? {} : { Env: config.env }),
    ...(config.entrypoint.length === 0 ? {} : { Entrypoint: config.entrypoint }),
    ...(config.cmd.length === 0 ? {} : { Cmd: config.cmd }),
    ...(config.workingDir === '' ? {} : { WorkingDir: config.workingDir }),
    ...(config.volumes.length === 0 ? {} : { Volumes: Object.fromEntries(config.volumes.map((path) => [path, {}])) }),
  };
}
