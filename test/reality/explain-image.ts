/** The image that `explain` is compared with reality on: folders of several owners, ACLs, links, set-id programs and scripts, each with its own victims. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Operation } from '../../src/linux/operation.ts';
import type { BuildSpec, LayerItem } from '../support/image-builder.ts';
import { doLine } from './performer.ts';

const source = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** What is missing to build it; undefined = nothing. */
export function whyNoExplainImage(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root: run the tests with sudo';
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'needs a C compiler: apt-get install -y gcc libc6-dev';
}

function compiled(file: string, ...options: readonly string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-explain-'));
  try {
    const program = join(folder, 'program');
    const run = spawnSync(
      'gcc',
      ['-O2', '-Wall', '-Wextra', '-Werror', '-static', '-s', ...options, '-o', program, source(file)],
      {
        encoding: 'utf8',
      },
    );
    if (run.status !== 0) throw new Error(`gcc ${file}: ${run.stderr}`);
    return readFileSync(program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** system.posix_acl_access: tag, permission, id; little-endian. */
function acl(...entries: readonly (readonly [tag: number, perm: number, id?: number])[]): Readonly<Record<string, Uint8Array>> {
  const bytes = new DataView(new ArrayBuffer(4 + 8 * entries.length));
  bytes.setUint32(0, 2, true);
  entries.forEach(([tag, perm, id = 0xffffffff], index) => {
    bytes.setUint16(4 + 8 * index, tag, true);
    bytes.setUint16(6 + 8 * index, perm, true);
    bytes.setUint32(8 + 8 * index, id, true);
  });
  return { 'system.posix_acl_access': new Uint8Array(bytes.buffer) };
}
const [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER] = [1, 2, 4, 8, 16, 32] as const;

/** Names of victims in a folder, one for each operation that changes something for good. */
const VICTIMS = ['delete', 'rename', 'chown', 'truncate', 'link', 'chmod'];

/** A folder with its victims: some of root, some of the folder's owner. */
const folder = (path: string, mode: number, uid: number, gid: number): LayerItem[] => [
  { path, mode, uid, gid },
  ...VICTIMS.map(
    (name): LayerItem => ({ path: `${path}/${name}`, content: 'x', mode: 0o644, uid: name === 'chmod' ? uid : 0, gid: 0 }),
  ),
  { path: `${path}/own`, content: 'x', mode: 0o600, uid: 1234, gid: 1234 },
  { path: `${path}/empty`, mode: 0o755, uid, gid },
];

/** Everything of it that can be asked about; `folders` are the ones with victims. */
export const FOLDERS: readonly string[] = ['/open', '/shut', '/team', '/sticky', '/mine', '/seen', '/data', '/deep/er'];

/** The image; `attempts` is the list of operations that its program carries out. */
export function explainSpec(attempts: readonly Operation[]): BuildSpec {
  const program = compiled('program.c', '-nostdlib', '-Wl,--build-id=none', '-Wl,-n');
  const file = (path: string, mode: number, uid = 0, gid = 0, more: Partial<LayerItem> = {}): LayerItem => ({
    path,
    content: 'x',
    mode,
    uid,
    gid,
    ...more,
  });
  const bottom: LayerItem[] = [
    ...['/', '/etc', '/bin', '/deep', '/run'].map((path) => ({ path })),
    file('/etc/passwd', 0o644, 0, 0, { content: 'root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n' }),
    file('/etc/group', 0o644, 0, 0, { content: 'root:x:0:\napp:x:1234:\nextra:x:77:app\n' }),
    file('/etc/shadow', 0o640, 0, 42),
    { path: '/bin/attempt', content: compiled('attempt.c'), mode: 0o755 },
    { path: '/bin/prog', content: program, mode: 0o755 },
    { path: '/bin/rootonly', content: program, mode: 0o700 },
    { path: '/bin/team', content: program, mode: 0o750, gid: 77 },
    { path: '/bin/suid', content: program, mode: 0o4755 },
    { path: '/bin/nobits', content: program, mode: 0o644 },
    { path: '/bin/script', content: '#!/bin/prog\n', mode: 0o755 },
    { path: '/bin/script2', content: '#! /bin/rootonly -x\n', mode: 0o755 },
    { path: '/bin/script3', content: '#!/bin/none\n', mode: 0o755 },
    { path: '/bin/script4', content: '#!/shut/own\n', mode: 0o755 },
  ];
  const top: LayerItem[] = [
    ...folder('/open', 0o755, 0, 0),
    ...folder('/shut', 0o700, 0, 0),
    ...folder('/team', 0o2770, 0, 77),
    ...folder('/sticky', 0o1777, 0, 0),
    ...folder('/mine', 0o700, 1234, 1234),
    ...folder('/seen', 0o711, 0, 0),
    ...folder('/data', 0o750, 1234, 77),
    ...folder('/deep/er', 0o775, 10001, 10001),
    file('/acl-user', 0o640, 0, 0, { xattrs: acl([USER_OBJ, 6], [USER, 6, 1234], [GROUP_OBJ, 0], [MASK, 4], [OTHER, 0]) }),
    file('/acl-group', 0o660, 0, 0, { xattrs: acl([USER_OBJ, 6], [GROUP_OBJ, 4], [GROUP, 6, 77], [MASK, 6], [OTHER, 4]) }),
    { path: '/to-shadow', target: 'etc/shadow' },
    { path: '/to-mine', target: '/mine' },
    { path: '/dangling', target: '/open/none' },
    { path: '/loop', target: 'loop' },
    { path: '/sticky/pointer', target: '/etc/passwd', uid: 1234, gid: 1234 },
    file('/scratch-here', 0o666),
    // To be moved and linked onto other mounts, and one file by two names: in folders of nobody in particular.
    ...['away', 'linked', 'onto', 'one'].map((name) => file(`/wide/${name}`, 0o666)),
    { path: '/wide', mode: 0o777 },
    { path: '/wide/two', hardlink: '/wide/one' },
    ...['one', 'two'].map((name) => file(`/narrow/${name}`, 0o666)),
    { path: '/narrow', mode: 0o755 },
    { path: '/narrow/other', hardlink: '/narrow/one' },
    { path: '/scratch', mode: 0o755 },
    file('/attempts', 0o644, 0, 0, {
      content: attempts.map((operation) => `${doLine(operation).slice('do\t'.length)}\n`).join(''),
    }),
  ];
  return {
    layers: [bottom, top],
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/attempt', '/attempts'], WorkingDir: '/open', Volumes: { '/data': {} } },
  };
}
