/** System calls that can be asked about by name, with the arguments that decide. */
import type { Operation } from '../linux/operation.ts';
import { absolute, type Scene } from './path-actions.ts';

export interface Call {
  /** What stands behind the name: `UID`, `PATH [p|c|b]`. */
  readonly usage: string;
  /** undefined = the arguments make no sense. */
  readonly make: (words: readonly string[], scene: Scene) => Operation | undefined;
  /** What decides besides the kernel's own rule. */
  readonly note?: string;
}

/** The name with its arguments, as it is typed. */
export const callUsage = (name: string, usage: string): string => (usage === '' ? name : `${name} ${usage}`);

const bare = (operation: Operation, note?: string): Call => ({
  usage: '',
  make: (words) => (words.length === 0 ? operation : undefined),
  ...(note === undefined ? {} : { note }),
});

const onPath = (usage: string, make: (path: string) => Operation): Call => ({
  usage,
  make: ([path, ...more], { cwd }) => (path === undefined || more.length > 0 ? undefined : make(absolute(path, cwd))),
});

const ids = (kind: 'setuid' | 'setgid', usage: string): Call => ({
  usage,
  make: ([text = '', ...more], { names }) => {
    const id = kind === 'setuid' ? names.uidOf(text) : names.gidOf(text);
    if (id === undefined || more.length > 0) return undefined;
    return kind === 'setuid' ? { kind, call: 'setuid', ids: [id] } : { kind, call: 'setgid', ids: [id] };
  },
});

const DEVICES = { p: 'fifo', c: 'character-device', b: 'block-device', s: 'socket', f: 'file' } as const;

const SECCOMP =
  'the default seccomp profile of Docker, Podman and containerd lets this call through only together with the capability';
/** containers/common pkg/seccomp lets them through for everybody (its seccomp.json of 4.3.1), moby profiles/seccomp does not. */
const SECCOMP_BUT_PODMAN =
  'the default seccomp profile of Docker and containerd lets this call through only together with the capability; that of Podman leaves it to the kernel';

/** Process 1 is the container's own; whose any other is, must be said. */
function target(
  [pid = '', user, ...more]: readonly string[],
  { uid, names }: Scene,
): { pid: number; targetUid?: number } | undefined {
  if (!/^\d{1,7}$/.test(pid) || more.length > 0) return undefined;
  if (user === undefined) return pid === '1' ? { pid: 1, targetUid: uid } : { pid: Number(pid) };
  const targetUid = names.uidOf(user);
  return targetUid === undefined ? undefined : { pid: Number(pid), targetUid };
}

export const CALLS: Readonly<Record<string, Call>> = {
  setuid: ids('setuid', 'UID'),
  setgid: ids('setgid', 'GID'),
  setgroups: {
    usage: '[GID…]',
    make: (words, { names }) => {
      const groups = words.map((word) => names.gidOf(word));
      return groups.some((gid) => gid === undefined) ? undefined : { kind: 'setgroups', groups: groups as number[] };
    },
  },
  chroot: onPath('PATH', (path) => ({ kind: 'chroot', path })),
  mknod: {
    usage: 'PATH [p|c|b|s|f]',
    make: ([path, letter = 'p', ...more], { cwd }) => {
      const type = Object.hasOwn(DEVICES, letter) ? DEVICES[letter as keyof typeof DEVICES] : undefined;
      if (path === undefined || type === undefined || more.length > 0) return undefined;
      return { kind: 'mknod', path: absolute(path, cwd), type };
    },
  },
  setcap: onPath('PATH', (path) => ({ kind: 'setxattr', path, name: 'security.capability' })),
  kill: {
    usage: 'PID [UID]',
    make: (words, scene) => {
      const whom = target(words, scene);
      return whom === undefined ? undefined : { kind: 'kill', signal: 'SIGTERM', ...whom };
    },
  },
  ptrace: {
    usage: 'PID [UID]',
    make: (words, scene) => {
      const whom = target(words, scene);
      if (whom === undefined) return undefined;
      return { kind: 'ptrace', ...(whom.targetUid === undefined ? {} : { targetUid: whom.targetUid }) };
    },
    note: 'kernel.yama.ptrace_scope of the host may forbid it besides, and a process with more capabilities is never traced by one with fewer',
  },
  ping: bare({ kind: 'socket', type: 'ping', family: 'inet' }),
  'raw-socket': bare({ kind: 'socket', type: 'raw', family: 'inet' }),
  'packet-socket': bare({ kind: 'socket', type: 'packet', family: 'packet' }),
  setsockopt: {
    usage: 'NAME',
    make: ([name, ...more]) => (name === undefined || more.length > 0 ? undefined : { kind: 'setsockopt', name }),
  },
  nice: bare({ kind: 'priority', call: 'setpriority', lowers: true }),
  rlimit: {
    usage: '[NAME]',
    make: ([resource = 'RLIMIT_NOFILE', ...more]) =>
      more.length > 0 ? undefined : { kind: 'rlimit', resource: resource.toUpperCase(), raises: true },
  },
  mount: {
    ...onPath('PATH', (path) => ({ kind: 'mount', call: 'mount', path })),
    note: `${SECCOMP_BUT_PODMAN}; where AppArmor is on, the profile of Docker and containerd forbids it even with the capability`,
  },
  umount: { ...onPath('PATH', (path) => ({ kind: 'mount', call: 'umount', path })), note: SECCOMP_BUT_PODMAN },
  pivot_root: { ...onPath('PATH', (path) => ({ kind: 'mount', call: 'pivot_root', path })), note: SECCOMP_BUT_PODMAN },
  unshare: {
    usage: '[FLAG…]',
    make: (words) => ({ kind: 'unshare', flags: words.length > 0 ? words.map(cloneFlag) : ['CLONE_NEWNS'] }),
    note: SECCOMP_BUT_PODMAN,
  },
  setns: bare({ kind: 'setns' }, SECCOMP_BUT_PODMAN),
  sethostname: bare({ kind: 'sethostname' }, SECCOMP),
  settime: bare({ kind: 'settime' }, SECCOMP),
  'bounding-drop': bare({ kind: 'bounding-drop' }),
};

/** `mount` and `net` for CLONE_NEWNS and CLONE_NEWNET, as unshare(1) has them. */
const cloneFlag = (word: string): string => {
  if (/^CLONE_/i.test(word)) return word.toUpperCase();
  return word === 'mount' ? 'CLONE_NEWNS' : `CLONE_NEW${word.toUpperCase()}`;
};
