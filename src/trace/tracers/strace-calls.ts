/** What each system call means for permission: from decoded arguments to an Operation, and what it changes about the process. */
import type { Operation } from '../../linux/operation.ts';
import { readDescriptor, readString, readStrings } from './strace-line.ts';
import { join, type Located, type PathReader, tidy } from './strace-path.ts';
import { type Ids, own, type Process, type ProcessTable } from './strace-process.ts';

/** A finished call. */
export interface Call {
  readonly name: string;
  readonly args: readonly string[];
  readonly value: number | undefined;
  readonly errno: string | undefined;
  /** What -y says of the returned descriptor, as a container path. */
  readonly returned: string | undefined;
}

/** What handlers need besides the call. */
export interface CallContext {
  readonly process: Process;
  readonly table: ProcessTable;
  readonly paths: PathReader;
  /** Kind of every socket seen, by inode (`socket:[7]`) or by process and number. */
  readonly sockets: Map<string, { protocol: 'tcp' | 'udp'; bound: number }>;
}

/** One operation of a call, with what the path led to. */
export interface CallEffect {
  readonly operation: Operation;
  readonly resolved?: string;
}

type Handler = (call: Call, context: CallContext) => CallEffect | undefined;

const flagsOf = (arg: string | undefined): readonly string[] => (arg ?? '').split('|').map((flag) => flag.trim());
const number = (arg: string | undefined): number => {
  const match = /^-?(?:0x[0-9a-f]+|\d+)/.exec(arg ?? '');
  return match === null ? Number.NaN : Number(match[0]);
};
/** `0644`, `S_IFREG|0644`, `S_ISVTX|0777` → 07777 bits. */
const modeOf = (arg: string | undefined): number | undefined => {
  if (arg === undefined) return undefined;
  let mode = 0;
  let known = false;
  for (const part of flagsOf(arg)) {
    const special = { S_ISUID: 0o4000, S_ISGID: 0o2000, S_ISVTX: 0o1000 }[part];
    if (special !== undefined) mode |= special;
    else if (/^0[0-7]*$/.test(part)) mode |= Number.parseInt(part, 8);
    else continue;
    known = true;
  }
  return known ? mode & 0o7777 : undefined;
};
/** -1 is printed as -1 or as the unsigned number. */
const idOf = (arg: string | undefined): number => {
  const id = number(arg);
  return id === 4294967295 ? -1 : id;
};
const withMode = (mode: number | undefined): { mode?: number } => (mode === undefined ? {} : { mode });
const effect = (operation: Operation, located: Located): CallEffect =>
  located.resolved === undefined ? { operation } : { operation, resolved: located.resolved };
const done = (call: Call): boolean => call.errno === undefined && call.value !== undefined && call.value >= 0;

/** The process now stands somewhere else, or has become someone else: its parent can no longer be corrected. */
function settle(process: Process): void {
  process.fresh = false;
}

// --- opening ---------------------------------------------------------------------------------------------------------------

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

// --- names -----------------------------------------------------------------------------------------------------------------

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

// --- places ----------------------------------------------------------------------------------------------------------------

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

// --- identity --------------------------------------------------------------------------------------------------------------

const keep = (id: number, old: number): number => (id === -1 || Number.isNaN(id) ? old : id);
/** What a successful call makes of the ids (setuid(2), setreuid(2), setresuid(2)). */
function changeIds(call: string, ids: readonly number[], old: Ids, privileged: boolean): Ids {
  const [a = -1, b = -1, c = -1] = ids;
  switch (call.slice(3).replace(/[ug]id$/, '')) {
    case '':
      return privileged ? { real: a, effective: a, saved: a } : { ...old, effective: a };
    case 'e':
      return { ...old, effective: a };
    case 're': {
      const effective = keep(b, old.effective);
      return { real: keep(a, old.real), effective, saved: a !== -1 || (b !== -1 && b !== old.real) ? effective : old.saved };
    }
    case 'res':
      return { real: keep(a, old.real), effective: keep(b, old.effective), saved: keep(c, old.saved) };
    default:
      return old;
  }
}
const setIds =
  (which: 'uid' | 'gid'): Handler =>
  (call, c) => {
    const name = call.name.replace(/32$/, '');
    const ids = call.args.map(idOf);
    if (ids.length === 0 || ids.some(Number.isNaN)) return undefined;
    if (done(call) && !name.includes('fs')) {
      c.process[which] = changeIds(name, ids, c.process[which], c.process.uid.effective === 0);
      settle(c.process);
    }
    const kind = `set${which}` as const;
    return { operation: { kind, call: name, ids } as Operation };
  };
/** What a process is told about its own ids is worth more than what was followed: a set-user-ID program changes them unseen. */
const seenIds =
  (which: 'uid' | 'gid', all: boolean): Handler =>
  (call, c) => {
    const ids = c.process[which];
    if (all) {
      const [real, effective, saved] = call.args.map((arg) => number(/\[(\d+)\]/.exec(arg)?.[1]));
      if (done(call) && ![real, effective, saved].some((id) => id === undefined || Number.isNaN(id)))
        c.process[which] = { real: real!, effective: effective!, saved: saved! };
    } else if (done(call) && call.value !== ids.effective) c.process[which] = { ...ids, effective: call.value! };
    return undefined;
  };
const setgroups: Handler = (call) => {
  const groups = [...(call.args[1] ?? '').matchAll(/\d+/g)].map((match) => Number(match[0]));
  return { operation: { kind: 'setgroups', groups } };
};
const prctl: Handler = (call) => {
  // Both need CAP_SETPCAP (capabilities(7)); the other requests change nothing that is decided by identity.
  return call.args[0] === 'PR_CAPBSET_DROP' || call.args[0] === 'PR_SET_SECUREBITS'
    ? { operation: { kind: 'bounding-drop' } }
    : undefined;
};

// --- programs and processes ------------------------------------------------------------------------------------------------

const exec =
  (at: number, name: number): Handler =>
  (call, c) => {
    const empty = readString(call.args[name])?.text === '';
    const located = empty
      ? c.paths.file(c.process, call.args[at])
      : c.paths.path(c.process, at < 0 ? undefined : call.args[at], call.args[name]);
    if (located === undefined) return undefined;
    const argv = readStrings(call.args[name + 1]).map((string) => string.text);
    if (done(call)) {
      c.process.group.program = own(located.path);
      c.process.group.argv = argv.map(own);
      settle(c.process);
    }
    return effect({ kind: 'exec', path: located.path, argv }, located);
  };
const NEW_NAMESPACE = /CLONE_NEW[A-Z]+/g;
const unshare: Handler = (call) => {
  const flags = call.args.join(' ').match(NEW_NAMESPACE) ?? [];
  return flags.length === 0 ? undefined : { operation: { kind: 'unshare', flags } };
};
const kill =
  (pidAt: number, signalAt: number, thread: boolean): Handler =>
  (call, c) => {
    const pid = number(call.args[pidAt]);
    const outer = /\/\* (\d+) in strace/.exec(call.args[pidAt] ?? '')?.[1];
    if (Number.isNaN(pid) || pid <= 0) return undefined;
    const target = outer === undefined ? (c.table.byInnerPid(pid) ?? c.table.peek(pid)) : c.table.peek(Number(outer));
    // A process may always signal itself; abort(3) and thread libraries do it all the time.
    if (target?.group === c.process.group || (thread && target === undefined && call.errno !== 'EPERM')) return undefined;
    const targetUid = target?.uid.effective;
    const signal = call.args[signalAt] ?? '';
    return { operation: { kind: 'kill', pid, signal, ...(targetUid === undefined ? {} : { targetUid }) } };
  };
const setpriority: Handler = (call, c) => {
  const nice = number(call.args[2]);
  if (Number.isNaN(nice)) return undefined;
  const lowers = nice < c.process.group.nice;
  if (done(call) && call.args[0] === 'PRIO_PROCESS' && number(call.args[1]) === 0) c.process.group.nice = nice;
  return { operation: { kind: 'priority', call: call.name, lowers } };
};
const scheduler: Handler = (call) => ({
  operation: {
    kind: 'priority',
    call: call.name,
    lowers: /SCHED_(?:FIFO|RR|DEADLINE)|IOPRIO_CLASS_RT/.test(call.args.join(' ')),
  },
});
/** `1024*1024`, `RLIM64_INFINITY`. */
const limitOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (text.includes('INFINITY')) return Number.POSITIVE_INFINITY;
  const product = text.split('*').reduce((value, factor) => value * Number(factor), 1);
  return Number.isNaN(product) ? undefined : product;
};
const hardLimit = (arg: string | undefined): number | undefined => limitOf(/rlim_max=([^,}]*)/.exec(arg ?? '')?.[1]);
/** Lowering is free, raising the hard limit needs CAP_SYS_RESOURCE (setrlimit(2)). */
const rlimit =
  (resourceAt: number, newAt: number, oldAt: number): Handler =>
  (call, c) => {
    const resource = call.args[resourceAt] ?? '';
    const limits = c.process.group.limits;
    const old = hardLimit(call.args[oldAt]);
    if (done(call) && old !== undefined) limits.set(resource, old);
    const wanted = newAt < 0 ? undefined : hardLimit(call.args[newAt]);
    if (wanted === undefined) return undefined;
    const known = limits.get(resource);
    const raises = known === undefined ? call.errno === 'EPERM' : wanted > known;
    if (done(call)) limits.set(resource, wanted);
    return { operation: { kind: 'rlimit', resource, raises } };
  };

// --- sockets ---------------------------------------------------------------------------------------------------------------

const MAX_SOCKETS = 50_000;
/** With -y the inode names a socket across processes; without, its number does within one. */
function socketKey(c: CallContext, arg: string | undefined): string {
  const descriptor = readDescriptor(arg);
  return descriptor?.target?.startsWith('socket:') ? descriptor.target : `${c.process.group.pid}/${descriptor?.fd ?? ''}`;
}
const socket: Handler = (call, c) => {
  const family = call.args[0] ?? '';
  const types = flagsOf(call.args[1]);
  const protocol = call.args[2] ?? '';
  if (done(call) && /^(?:AF|PF)_INET6?$/.test(family)) {
    if (c.sockets.size >= MAX_SOCKETS) c.sockets.delete(c.sockets.keys().next().value!);
    const key = call.returned?.startsWith('socket:') ? call.returned : `${c.process.group.pid}/${call.value}`;
    c.sockets.set(own(key), { protocol: types.includes('SOCK_DGRAM') ? 'udp' : 'tcp', bound: -1 });
  }
  if (/_PACKET$/.test(family)) return { operation: { kind: 'socket', type: 'packet', family: 'packet' } };
  if (!/_INET6?$/.test(family)) return undefined;
  const inet = family.endsWith('6') ? 'inet6' : 'inet';
  if (types.includes('SOCK_RAW')) return { operation: { kind: 'socket', type: 'raw', family: inet } };
  if (types.includes('SOCK_DGRAM') && /ICMP/.test(protocol)) return { operation: { kind: 'socket', type: 'ping', family: inet } };
  return undefined;
};
const address = (call: Call, c: CallContext): { path: string } | { port: number; address: string } | undefined => {
  const text = call.args[1] ?? '';
  const unix = /^\{sa_family=(?:AF|PF)_UNIX, sun_path=(@?)(".*?(?<!\\)(?:\\\\)*")/s.exec(text);
  if (unix !== null) {
    const name = readString(unix[2])?.text ?? '';
    // An abstract name is no file; shown with @ as ss(8) does.
    if (unix[1] === '@') return { path: `@${name}` };
    const located = c.paths.path(c.process, undefined, unix[2]);
    return located === undefined ? undefined : { path: located.path };
  }
  const port = /sin6?_port=htons\((\d+)\)/.exec(text)?.[1];
  if (port === undefined) return undefined;
  const host =
    /sin_addr=inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"|sin_addr=htonl\((INADDR_ANY|INADDR_LOOPBACK)\)/.exec(text);
  const named = host?.[3] === undefined ? undefined : host[3] === 'INADDR_ANY' ? '0.0.0.0' : '127.0.0.1';
  return { port: Number(port), address: host?.[1] ?? host?.[2] ?? named ?? (text.includes('AF_INET6') ? '::' : '0.0.0.0') };
};
const bind: Handler = (call, c) => {
  const to = address(call, c);
  if (to === undefined) return undefined;
  if ('path' in to) return { operation: { kind: 'bind-unix', path: to.path } };
  const known = c.sockets.get(socketKey(c, call.args[0]));
  return { operation: { kind: 'bind', protocol: known?.protocol ?? 'tcp', address: to.address, port: to.port } };
};
const connect: Handler = (call, c) => {
  const to = address(call, c);
  return to !== undefined && 'path' in to ? { operation: { kind: 'connect-unix', path: to.path } } : undefined;
};
/** Options that need CAP_NET_ADMIN or CAP_NET_RAW (net/core/sock.c, net/ipv4/ip_sockglue.c). */
const PRIVILEGED_OPTIONS: ReadonlySet<string> = new Set([
  'SO_DEBUG',
  'SO_MARK',
  'SO_BINDTODEVICE',
  'SO_RCVBUFFORCE',
  'SO_SNDBUFFORCE',
  'SO_BUSY_POLL_BUDGET',
  'SO_PREFER_BUSY_POLL',
  'IP_TRANSPARENT',
  'IPV6_TRANSPARENT',
  'TCP_REPAIR',
]);
const setsockopt: Handler = (call) => {
  const name = call.args[2] ?? '';
  const priority = name === 'SO_PRIORITY' ? number(/\[(-?\d+)\]/.exec(call.args[3] ?? '')?.[1]) : 0;
  const needed = PRIVILEGED_OPTIONS.has(name) || priority < 0 || priority > 6;
  return needed ? { operation: { kind: 'setsockopt', name } } : undefined;
};
/** Copies of a descriptor: only needed without -y, and for the standard three. */
const duplicate =
  (newAt: number): Handler =>
  (call, c) => {
    if (!done(call)) return undefined;
    const to = newAt < 0 ? call.value! : number(call.args[newAt]);
    const from = readDescriptor(call.args[0]);
    const target = call.returned ?? c.paths.target(from?.target);
    if (target !== undefined) {
      if (to < 3) c.process.files.set(to, own(target));
      return undefined;
    }
    const path = c.process.files.get(from?.fd ?? -1);
    if (path !== undefined) c.process.files.set(to, path);
    const known = c.sockets.get(`${c.process.group.pid}/${from?.fd ?? ''}`);
    if (known !== undefined) c.sockets.set(`${c.process.group.pid}/${to}`, known);
    return undefined;
  };
const fcntl: Handler = (call, c) => (call.args[1]?.startsWith('F_DUPFD') ? duplicate(-1)(call, c) : undefined);
const close: Handler = (call, c) => {
  const fd = readDescriptor(call.args[0])?.fd;
  if (fd !== undefined && done(call)) c.process.files.delete(fd);
  return undefined;
};

const plain =
  (operation: Operation): Handler =>
  () => ({ operation });
const mountOf = (path: string, call: 'mount' | 'umount' | 'pivot_root'): Operation => ({ kind: 'mount', path, call });
const stat = (path: string, call: Call, always = false): Operation => ({ kind: 'stat', path, ...noFollow(call, always) });
const unlink = (path: string, call: Call): Operation => ({ kind: has(call, 'AT_REMOVEDIR') ? 'rmdir' : 'unlink', path });
const mkdir = (path: string, mode: string | undefined): Operation => ({ kind: 'mkdir', path, ...withMode(modeOf(mode)) });

/** Every call that is read, by name. Whatever is not here is skipped unread. */
export const STRACE_CALLS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['open', (call, c) => open(call, c, undefined, call.args[0], call.args[1] ?? '', call.args[2])],
  ['openat', (call, c) => open(call, c, call.args[0], call.args[1], call.args[2] ?? '', call.args[3])],
  ['openat2', openat2],
  ['creat', (call, c) => open(call, c, undefined, call.args[0], 'O_WRONLY|O_CREAT|O_TRUNC', call.args[1])],
  ['execve', exec(-1, 0)],
  ['execveat', exec(0, 1)],
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
  ['socket', socket],
  ['bind', bind],
  ['connect', connect],
  ['setsockopt', setsockopt],
  ['setuid', setIds('uid')],
  ['setuid32', setIds('uid')],
  ['setreuid', setIds('uid')],
  ['setreuid32', setIds('uid')],
  ['setresuid', setIds('uid')],
  ['setresuid32', setIds('uid')],
  ['setfsuid', setIds('uid')],
  ['setfsuid32', setIds('uid')],
  ['setgid', setIds('gid')],
  ['setgid32', setIds('gid')],
  ['setregid', setIds('gid')],
  ['setregid32', setIds('gid')],
  ['setresgid', setIds('gid')],
  ['setresgid32', setIds('gid')],
  ['setfsgid', setIds('gid')],
  ['setfsgid32', setIds('gid')],
  ['geteuid', seenIds('uid', false)],
  ['geteuid32', seenIds('uid', false)],
  ['getegid', seenIds('gid', false)],
  ['getegid32', seenIds('gid', false)],
  ['getresuid', seenIds('uid', true)],
  ['getresuid32', seenIds('uid', true)],
  ['getresgid', seenIds('gid', true)],
  ['getresgid32', seenIds('gid', true)],
  ['setgroups', setgroups],
  ['setgroups32', setgroups],
  ['capset', plain({ kind: 'capset' })],
  ['prctl', prctl],
  ['chroot', chroot],
  ['mount', onPath(-1, 1, (path) => mountOf(path, 'mount'))],
  ['move_mount', onPath(2, 3, (path) => mountOf(path, 'mount'))],
  ['umount', onPath(-1, 0, (path) => mountOf(path, 'umount'))],
  ['umount2', onPath(-1, 0, (path) => mountOf(path, 'umount'))],
  ['pivot_root', onPath(-1, 0, (path) => mountOf(path, 'pivot_root'))],
  ['kill', kill(0, 1, false)],
  ['tkill', kill(0, 1, true)],
  ['tgkill', kill(0, 2, true)],
  ['unshare', unshare],
  ['clone', unshare],
  ['clone3', unshare],
  ['setns', plain({ kind: 'setns' })],
  ['setpriority', setpriority],
  ['sched_setscheduler', scheduler],
  ['sched_setattr', scheduler],
  ['ioprio_set', scheduler],
  ['prlimit64', rlimit(1, 2, 3)],
  ['setrlimit', rlimit(0, 1, -1)],
  ['getrlimit', rlimit(0, -1, 1)],
  ['ugetrlimit', rlimit(0, -1, 1)],
  ['sethostname', plain({ kind: 'sethostname' })],
  ['setdomainname', plain({ kind: 'sethostname' })],
  ['settimeofday', plain({ kind: 'settime' })],
  ['clock_settime', plain({ kind: 'settime' })],
  ['clock_settime64', plain({ kind: 'settime' })],
  ['adjtimex', (call) => (/modes=0[,}]/.test(call.args[0] ?? '') ? undefined : { operation: { kind: 'settime' } })],
  ['clock_adjtime', (call) => (/modes=0[,}]/.test(call.args[1] ?? '') ? undefined : { operation: { kind: 'settime' } })],
  [
    'ptrace',
    (call, c) => {
      if (!/^PTRACE_(?:ATTACH|SEIZE)$/.test(call.args[0] ?? '')) return undefined;
      const pid = number(call.args[1]);
      const targetUid = (c.table.byInnerPid(pid) ?? c.table.peek(pid))?.uid.effective;
      return { operation: { kind: 'ptrace', ...(targetUid === undefined ? {} : { targetUid }) } };
    },
  ],
  ['dup', duplicate(-1)],
  ['dup2', duplicate(1)],
  ['dup3', duplicate(1)],
  ['fcntl', fcntl],
  ['fcntl64', fcntl],
  ['close', close],
]);

/** Binds and listens meet here: which event a socket's bind became. */
export function rememberBind(call: Call, c: CallContext, event: number): void {
  if (c.sockets.size >= MAX_SOCKETS) c.sockets.delete(c.sockets.keys().next().value!);
  const key = socketKey(c, call.args[0]);
  const known = c.sockets.get(key);
  c.sockets.set(own(key), { protocol: known?.protocol ?? 'tcp', bound: event });
}

/** The event of the bind that this listen(2) completes. */
export function boundBy(call: Call, c: CallContext): number | undefined {
  const bound = c.sockets.get(socketKey(c, call.args[0]))?.bound;
  return bound === undefined || bound < 0 ? undefined : bound;
}
