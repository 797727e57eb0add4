/** System calls that can be asked about by name, with the arguments that decide. */
import type { Operation } from '../linux/operation.ts';
import { absolute, type Scene } from './path-actions.ts';

export interface Call {
  /** What stands behind the name: `UID`, `PATH [p|c|b]`. */
  readonly usage: string;
  /** undefined = the arguments make no sense. */
  readonly make: (words: readonly string[], scene: Scene) => Operation | undefined;
  /** What an argument has to be, where the usage does not tell. */
  readonly expects?: string;
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
  expects: `${usage} as a number from 0 to 4294967294, or a name that is in ${kind === 'setuid' ? '/etc/passwd' : '/etc/group'} of the image`,
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

/** What unshare(2) takes, by the words of unshare(1) where it has some. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['mount', 'CLONE_NEWNS'],
  ['uts', 'CLONE_NEWUTS'],
  ['ipc', 'CLONE_NEWIPC'],
  ['net', 'CLONE_NEWNET'],
  ['pid', 'CLONE_NEWPID'],
  ['user', 'CLONE_NEWUSER'],
  ['cgroup', 'CLONE_NEWCGROUP'],
  ['time', 'CLONE_NEWTIME'],
  ['files', 'CLONE_FILES'],
  ['fs', 'CLONE_FS'],
  ['sysvsem', 'CLONE_SYSVSEM'],
]);

const cloneFlag = (word: string): string | undefined =>
  FLAGS.get(word.toLowerCase()) ??
  (word.toLowerCase() === 'ns' ? 'CLONE_NEWNS' : [...FLAGS.values()].find((flag) => flag === word.toUpperCase()));

/** setrlimit(2), without RLIMIT_. */
const RESOURCES: readonly string[] = [
  'AS',
  'CORE',
  'CPU',
  'DATA',
  'FSIZE',
  'LOCKS',
  'MEMLOCK',
  'MSGQUEUE',
  'NICE',
  'NOFILE',
  'NPROC',
  'RSS',
  'RTPRIO',
  'RTTIME',
  'SIGPENDING',
  'STACK',
];

/** Options of which it is known whether they ask for a capability (net/core/sock.c, net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c). */
const SOCKET_OPTIONS = [
  'SO_MARK',
  'SO_RCVBUFFORCE',
  'SO_SNDBUFFORCE',
  'SO_DEBUG',
  'SO_BINDTODEVICE',
  'IP_TRANSPARENT',
  'IPV6_TRANSPARENT',
  'SO_REUSEADDR',
  'SO_REUSEPORT',
  'SO_KEEPALIVE',
  'SO_BROADCAST',
  'SO_LINGER',
  'SO_RCVBUF',
  'SO_SNDBUF',
  'SO_RCVTIMEO',
  'SO_SNDTIMEO',
  'TCP_NODELAY',
  'TCP_KEEPIDLE',
  'TCP_KEEPINTVL',
  'TCP_KEEPCNT',
  'TCP_DEFER_ACCEPT',
  'TCP_FASTOPEN',
  'TCP_QUICKACK',
  'TCP_CORK',
  'IPV6_V6ONLY',
] as const;

export const CALLS: Readonly<Record<string, Call>> = {
  setuid: ids('setuid', 'UID'),
  setgid: ids('setgid', 'GID'),
  setgroups: {
    usage: '[GID…]',
    expects: 'each GID as a number from 0 to 4294967294, or a name that is in /etc/group of the image',
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
    expects: `one of ${SOCKET_OPTIONS.join(', ')}`,
    make: ([text, ...more]) => {
      const name = text?.toUpperCase();
      const known = SOCKET_OPTIONS.find((one) => one === name);
      return known === undefined || more.length > 0 ? undefined : { kind: 'setsockopt', name: known };
    },
  },
  nice: bare({ kind: 'priority', call: 'setpriority', lowers: true }),
  rlimit: {
    usage: '[NAME]',
    expects: `NAME one of ${RESOURCES.join(', ')}, with or without RLIMIT_`,
    make: ([text = 'NOFILE', ...more]) => {
      const name = text.toUpperCase().replace(/^RLIMIT_/, '');
      if (more.length > 0 || !RESOURCES.includes(name)) return undefined;
      return { kind: 'rlimit', resource: `RLIMIT_${name}`, raises: true };
    },
  },
  mount: {
    ...onPath('PATH', (path) => ({ kind: 'mount', call: 'mount', path })),
    note: `${SECCOMP_BUT_PODMAN}; where AppArmor is on, the profile of Docker and containerd forbids it even with the capability`,
  },
  umount: { ...onPath('PATH', (path) => ({ kind: 'mount', call: 'umount', path })), note: SECCOMP_BUT_PODMAN },
  pivot_root: { ...onPath('PATH', (path) => ({ kind: 'mount', call: 'pivot_root', path })), note: SECCOMP_BUT_PODMAN },
  unshare: {
    usage: '[FLAG…]',
    expects: `FLAG one of ${[...FLAGS.keys()].join(', ')}, or its name in clone(2): CLONE_NEWNS …`,
    make: (words) => {
      const flags = words.length > 0 ? words.map(cloneFlag) : ['CLONE_NEWNS'];
      return flags.some((flag) => flag === undefined) ? undefined : { kind: 'unshare', flags: flags as string[] };
    },
    note: SECCOMP_BUT_PODMAN,
  },
  setns: bare({ kind: 'setns' }, SECCOMP_BUT_PODMAN),
  sethostname: bare({ kind: 'sethostname' }, SECCOMP),
  settime: bare({ kind: 'settime' }, SECCOMP),
  'bounding-drop': bare({ kind: 'bounding-drop' }),
};
