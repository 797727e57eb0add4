/** Calls on files and directories, and what they change about where the process stands. */
import type { Operation } from '../../linux/operation.ts';
import {
  type Call,
  type CallContext,
  type CallEffect,
  done,
  effect,
  flagsOf,
  type Handler,
  idOf,
  modeOf,
  settle,
  withMode,
} from './strace-call.ts';
import { readString } from './strace-line.ts';
import { join, tidy } from './strace-path.ts';
import { own } from './strace-process.ts';

function open(
  call: Call,
  c: CallContext,
  at: string | undefined,
  name: string | undefined,
  flagText: string,
  modeText?: string,
): CallEffect | undefined {
  const located = c.paths.path(c.process, at, name);
  if (located === undefined) return undefined;
  const flags = new Set(flagsOf(flagText));
  const create = flags.has('O_CREAT');
  const access = flags.has('O_PATH')
    ? 'path'
    : flags.has('O_RDWR') || flags.has('O_ACCMODE')
      ? 'read-write'
      : flags.has('O_WRONLY')
        ? 'write'
        : 'read';
  if (done(call) && call.value !== undefined) {
    // Without -y the number is all that later calls say; with it only the standard three are worth keeping.
    const fd = call.value;
    if (call.returned === undefined) c.process.files.set(fd, own(located.resolved ?? located.path));
    else if (fd < 3) c.process.files.set(fd, own(call.returned));
  }
  const resolved = done(call) && call.returned !== undefined && call.returned !== located.path ? call.returned : located.resolved;
  const tmpfile = flags.has('O_TMPFILE');
  return {
    operation: {
      kind: 'open',
      path: located.path,
      access,
      ...(create ? { create } : {}),
      ...(flags.has('O_EXCL') && create ? { exclusive: true } : {}),
      ...(flags.has('O_TRUNC') ? { truncate: true } : {}),
      ...(flags.has('O_APPEND') ? { append: true } : {}),
      ...(flags.has('O_DIRECTORY') && !tmpfile ? { directory: true } : {}),
      ...(flags.has('O_NOFOLLOW') ? { noFollow: true } : {}),
      ...(tmpfile ? { tmpfile } : {}),
      ...(create || tmpfile ? withMode(modeOf(modeText)) : {}),
    },
    ...(resolved === undefined ? {} : { resolved }),
  };
}

const openat2: Handler = (call, c) => {
  const how = call.args[2] ?? '';
  const flags = /flags=([^,}]*)/.exec(how)?.[1] ?? '';
  return open(call, c, call.args[0], call.args[1], flags, /mode=([^,}]*)/.exec(how)?.[1]);
};

/** Calls whose whole meaning is one path. `at` and `name` are argument numbers; at < 0: relative to the working directory. */
const onPath =
  (at: number, name: number, make: (path: string, call: Call) => Operation | undefined): Handler =>
  (call, c) => {
    const located = c.paths.path(c.process, at < 0 ? undefined : call.args[at], call.args[name]);
    const operation = located === undefined ? undefined : make(located.path, call);
    return operation === undefined ? undefined : effect(operation, located!);
  };
/** The same for an open file. */
const onFile =
  (make: (path: string, call: Call) => Operation): Handler =>
  (call, c) => {
    const located = c.paths.file(c.process, call.args[0]);
    return located === undefined ? undefined : effect(make(located.path, call), located);
  };
/** The path if there is one, the descriptor if it is empty or NULL (AT_EMPTY_PATH, futimens). */
const onEither = (at: number, name: number, make: (path: string, call: Call) => Operation | undefined): Handler => {
  const byPath = onPath(at, name, make);
  return (call, c) => {
    const text = readString(call.args[name])?.text;
    if (text !== undefined && text !== '') return byPath(call, c);
    const located = c.paths.file(c.process, call.args[at]);
    const operation = located === undefined ? undefined : make(located.path, call);
    return operation === undefined ? undefined : effect(operation, located!);
  };
};
const twoPaths =
  (kind: 'rename' | 'link', at1: number, name1: number, at2: number, name2: number): Handler =>
  (call, c) => {
    const at = (index: number): string | undefined => (index < 0 ? undefined : call.args[index]);
    const emptyName = readString(call.args[name1])?.text === '';
    const from = emptyName ? c.paths.file(c.process, at(at1)) : c.paths.path(c.process, at(at1), call.args[name1]);
    const to = c.paths.path(c.process, at(at2), call.args[name2]);
    return from === undefined || to === undefined ? undefined : effect({ kind, path: from.path, to: to.path }, from);
  };
const symlink =
  (at: number, name: number): Handler =>
  (call, c) => {
    const located = c.paths.path(c.process, at < 0 ? undefined : call.args[at], call.args[name]);
    const target = readString(call.args[0])?.text;
    return located === undefined || target === undefined
      ? undefined
      : { operation: { kind: 'symlink', path: located.path, target } };
  };
const has = (call: Call, flag: string): boolean => call.args.some((arg) => arg.includes(flag));
const noFollow = (call: Call, always = false): { noFollow?: true } =>
  always || has(call, 'AT_SYMLINK_NOFOLLOW') ? { noFollow: true } : {};

const NODE_TYPES = { S_IFIFO: 'fifo', S_IFSOCK: 'socket', S_IFCHR: 'character-device', S_IFBLK: 'block-device' } as const;
const mknod = (at: number, name: number): Handler =>
  onPath(at, name, (path, call) => {
    const flags = flagsOf(call.args[name + 1]);
    const type = flags.map((flag) => NODE_TYPES[flag as keyof typeof NODE_TYPES]).find((t) => t !== undefined);
    return { kind: 'mknod', path, type: type ?? 'file', ...withMode(modeOf(call.args[name + 1])) };
  });

const chmod = (path: string, text: string | undefined, follow: { noFollow?: true } = {}): Operation | undefined => {
  const mode = modeOf(text);
  return mode === undefined ? undefined : { kind: 'chmod', path, mode, ...follow };
};
const chown = (path: string, uid: string | undefined, gid: string | undefined, follow: { noFollow?: true } = {}): Operation => ({
  kind: 'chown',
  path,
  uid: idOf(uid),
  gid: idOf(gid),
  ...follow,
});
/** Times "now" need only write permission; given times need ownership (utimensat(2)). */
const utimes = (path: string, times: string | undefined, call: Call, always = false): Operation | undefined => {
  const text = times ?? 'NULL';
  if (/^\[UTIME_OMIT, UTIME_OMIT\]$/.test(text)) return undefined;
  const now =
    text === 'NULL' || /^\[(?:\{.*?\}|UTIME_NOW)?[^\]]*UTIME_NOW, UTIME_NOW\]$/.test(text) || text === '[UTIME_NOW, UTIME_NOW]';
  return { kind: 'utimes', path, now, ...noFollow(call, always) };
};
const xattr = (path: string, call: Call): Operation => ({ kind: 'setxattr', path, name: readString(call.args[1])?.text ?? '' });
const ACCESS_BITS: Readonly<Record<string, number>> = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 };
const access = (path: string, text: string | undefined): Operation => ({
  kind: 'access',
  path,
  want: flagsOf(text).reduce((bits, flag) => bits | (ACCESS_BITS[flag] ?? 0), 0),
});

const chdir: Handler = (call, c) => {
  const located = c.paths.path(c.process, undefined, call.args[0]);
  if (located === undefined) return undefined;
  if (done(call)) {
    c.process.fs.cwd = own(join('/', located.path));
    settle(c.process);
  }
  return effect({ kind: 'chdir', path: located.path }, located);
};
const fchdir: Handler = (call, c) => {
  const located = c.paths.file(c.process, call.args[0]);
  if (located === undefined) return undefined;
  if (done(call)) {
    c.process.fs.cwd = own(located.path);
    settle(c.process);
  }
  return { operation: { kind: 'chdir', path: located.path } };
};
const chroot: Handler = (call, c) => {
  const located = c.paths.path(c.process, undefined, call.args[0]);
  if (located === undefined) return undefined;
  if (done(call)) {
    const root = join('/', located.path);
    c.process.fs.root = root === '/' ? '' : own(root);
    settle(c.process);
  }
  return { operation: { kind: 'chroot', path: located.path } };
};
const getcwd: Handler = (call, c) => {
  const text = readString(call.args[0])?.text;
  if (done(call) && text?.startsWith('/'))
    c.process.fs.cwd = own(c.process.fs.root === '' ? tidy(text) : join(c.process.fs.root, text));
  return undefined;
};

const mountOf = (path: string, call: 'mount' | 'umount' | 'pivot_root'): Operation => ({ kind: 'mount', path, call });
const stat = (path: string, call: Call, always = false): Operation => ({ kind: 'stat', path, ...noFollow(call, always) });
const unlink = (path: string, call: Call): Operation => ({ kind: has(call, 'AT_REMOVEDIR') ? 'rmdir' : 'unlink', path });
const mkdir = (path: string, mode: string | undefined): Operation => ({ kind: 'mkdir', path, ...withMode(modeOf(mode)) });

/** Calls that name a file or hold one. */
export const FILE_CALLS: readonly (readonly [string, Handler])[] = [
  ['open', (call, c) => open(call, c, undefined, call.args[0], call.args[1] ?? '', call.args[2])],
  ['openat', (call, c) => open(call, c, call.args[0], call.args[1], call.args[2] ?? '', call.args[3])],
  ['openat2', openat2],
  ['creat', (call, c) => open(call, c, undefined, call.args[0], 'O_WRONLY|O_CREAT|O_TRUNC', call.args[1])],
  ['stat', onPath(-1, 0, stat)],
  ['stat64', onPath(-1, 0, stat)],
  ['lstat', onPath(-1, 0, (path, call) => stat(path, call, true))],
  ['lstat64', onPath(-1, 0, (path, call) => stat(path, call, true))],
  ['newfstatat', onPath(0, 1, stat)],
  ['fstatat64', onPath(0, 1, stat)],
  ['statx', onPath(0, 1, stat)],
  ['access', onPath(-1, 0, (path, call) => access(path, call.args[1]))],
  ['faccessat', onPath(0, 1, (path, call) => access(path, call.args[2]))],
  ['faccessat2', onPath(0, 1, (path, call) => access(path, call.args[2]))],
  ['readlink', onPath(-1, 0, (path) => ({ kind: 'readlink', path }))],
  ['readlinkat', onPath(0, 1, (path) => ({ kind: 'readlink', path }))],
  ['chdir', chdir],
  ['fchdir', fchdir],
  ['getcwd', getcwd],
  ['mkdir', onPath(-1, 0, (path, call) => mkdir(path, call.args[1]))],
  ['mkdirat', onPath(0, 1, (path, call) => mkdir(path, call.args[2]))],
  ['rmdir', onPath(-1, 0, (path) => ({ kind: 'rmdir', path }))],
  ['unlink', onPath(-1, 0, (path) => ({ kind: 'unlink', path }))],
  ['unlinkat', onPath(0, 1, unlink)],
  ['rename', twoPaths('rename', -1, 0, -1, 1)],
  ['renameat', twoPaths('rename', 0, 1, 2, 3)],
  ['renameat2', twoPaths('rename', 0, 1, 2, 3)],
  ['link', twoPaths('link', -1, 0, -1, 1)],
  ['linkat', twoPaths('link', 0, 1, 2, 3)],
  ['symlink', symlink(-1, 1)],
  ['symlinkat', symlink(1, 2)],
  ['mknod', mknod(-1, 0)],
  ['mknodat', mknod(0, 1)],
  ['chmod', onPath(-1, 0, (path, call) => chmod(path, call.args[1]))],
  ['fchmod', onFile((path, call) => ({ kind: 'chmod', path, mode: modeOf(call.args[1]) ?? 0 }))],
  ['fchmodat', onPath(0, 1, (path, call) => chmod(path, call.args[2], noFollow(call)))],
  ['fchmodat2', onEither(0, 1, (path, call) => chmod(path, call.args[2], noFollow(call)))],
  ['chown', onPath(-1, 0, (path, call) => chown(path, call.args[1], call.args[2]))],
  ['chown32', onPath(-1, 0, (path, call) => chown(path, call.args[1], call.args[2]))],
  ['lchown', onPath(-1, 0, (path, call) => chown(path, call.args[1], call.args[2], { noFollow: true }))],
  ['lchown32', onPath(-1, 0, (path, call) => chown(path, call.args[1], call.args[2], { noFollow: true }))],
  ['fchown', onFile((path, call) => chown(path, call.args[1], call.args[2]))],
  ['fchown32', onFile((path, call) => chown(path, call.args[1], call.args[2]))],
  ['fchownat', onEither(0, 1, (path, call) => chown(path, call.args[2], call.args[3], noFollow(call)))],
  ['truncate', onPath(-1, 0, (path) => ({ kind: 'truncate', path }))],
  ['truncate64', onPath(-1, 0, (path) => ({ kind: 'truncate', path }))],
  ['ftruncate', onFile((path) => ({ kind: 'truncate', path }))],
  ['ftruncate64', onFile((path) => ({ kind: 'truncate', path }))],
  ['utime', onPath(-1, 0, (path, call) => utimes(path, call.args[1], call))],
  ['utimes', onPath(-1, 0, (path, call) => utimes(path, call.args[1], call))],
  ['futimesat', onPath(0, 1, (path, call) => utimes(path, call.args[2], call))],
  ['utimensat', onEither(0, 1, (path, call) => utimes(path, call.args[2], call))],
  ['utimensat_time64', onEither(0, 1, (path, call) => utimes(path, call.args[2], call))],
  ['setxattr', onPath(-1, 0, xattr)],
  ['lsetxattr', onPath(-1, 0, xattr)],
  ['fsetxattr', onFile(xattr)],
  ['removexattr', onPath(-1, 0, xattr)],
  ['lremovexattr', onPath(-1, 0, xattr)],
  ['fremovexattr', onFile(xattr)],
  ['chroot', chroot],
  ['mount', onPath(-1, 1, (path) => mountOf(path, 'mount'))],
  ['move_mount', onPath(2, 3, (path) => mountOf(path, 'mount'))],
  ['umount', onPath(-1, 0, (path) => mountOf(path, 'umount'))],
  ['umount2', onPath(-1, 0, (path) => mountOf(path, 'umount'))],
  ['pivot_root', onPath(-1, 0, (path) => mountOf(path, 'pivot_root'))],
];
