/** Launch → config.json of the OCI runtime specification (config.md, config-linux.md), field by field. Pure. */
import type { DeviceNode, Launch, LaunchDevice, LaunchMount } from '../launch/launch.ts';
import type { FreeCgroup } from './cgroup.ts';
import { sysctlsOf } from './sysctls.ts';

/** The parts of the specification that are used. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly SpecMount[];
  readonly hooks?: {
    readonly createRuntime: readonly {
      readonly path: string;
      readonly args: readonly string[];
      readonly env: readonly string[];
    }[];
  };
  readonly linux: Readonly<Record<string, unknown>>;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask: number;
    readonly additionalGids: readonly number[];
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Launch['runtimeCapabilities'];
  readonly rlimits: readonly { readonly type: string; readonly hard: number; readonly soft: number }[];
  readonly noNewPrivileges: boolean;
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** What the launch does not say because it is the engine's business. */
export interface SpecSurroundings {
  readonly id: string;
  readonly root: string;
  readonly limits: { readonly nofile: number; readonly nproc: number };
  /** Undefined when no control group can be made: then the specification asks for none. */
  readonly cgroup?: Pick<FreeCgroup, 'path' | 'version' | 'devices'>;
  /** Mount target → host folder of a volume. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Files of the engine's own: /etc/hosts and the like. */
  readonly files: readonly { readonly target: string; readonly source: string }[];
  /** Pid of a process whose network and IPC namespaces are joined. */
  readonly sandbox?: number;
  /** The runtime makes a terminal for the program. */
  readonly terminal?: boolean;
  /** Runs in the host's namespaces when everything is mounted and before anything of the image runs. */
  readonly hook?: { readonly args: readonly string[] };
}

/** What Docker and Podman hide and protect (moby oci/defaults.go, containers/common pkg/config). */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
export const READ_ONLY_PATHS: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * What a privileged container may write by the runtimes' rules, and what here stays read-only all the same: it holds for the whole machine
 * (proc_sys(5)), and a try-out must not change that. /proc/sys/net belongs to the network namespace.
 */
export const MACHINE_WIDE_PATHS: readonly string[] = [
  ...['abi', 'crypto', 'debug', 'dev', 'fs', 'kernel', 'vm'].map((name) => `/proc/sys/${name}`),
  '/proc/sysrq-trigger',
];

/** Mounts every Linux container has (config-linux.md, "Default Filesystems"); options as moby's oci/defaults.go sets them. */
export const DEFAULT_MOUNTS: readonly SpecMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] },
];

/** All mounts in the order in which they are made: the default ones, the engine's files, then what the launch asks for, parents first. */
export function specMounts(launch: Launch, around: Pick<SpecSurroundings, 'cgroup' | 'volumes' | 'files'>): readonly SpecMount[] {
  const asked = launch.mounts.filter(({ type }) => type !== 'cgroup' || around.cgroup);
  const targets = new Set(asked.map(({ target }) => target));
  const own = [
    ...DEFAULT_MOUNTS,
    ...around.files.map(
      ({ target, source }): SpecMount => ({
        destination: target,
        type: 'bind',
        source,
        options: ['bind', 'rprivate', ...(isReadOnly(target, launch) ? ['ro'] : [])],
      }),
    ),
  ].filter(({ destination }) => !targets.has(destination));
  const all = [...own, ...asked.map((mount) => specMount(mount, around.volumes))];
  // Stable, so mounts of one depth keep their order.
  return all.sort((a, b) => depth(a.destination) - depth(b.destination));
}

/** containerd mounts its own files like the root; /etc/hosts is the kubelet's and stays writable (internal/cri/server containerMounts). */
const isReadOnly = (target: string, { platform, readOnlyRoot }: Launch): boolean =>
  platform.kubelet && readOnlyRoot && target !== '/etc/hosts';

function specMount(mount: LaunchMount, volumes: ReadonlyMap<string, string>): SpecMount {
  const options = mount.options.filter((option) => option !== 'rw' || !mount.readOnly);
  const add = (option: string, key: string = option): void => {
    if (!options.some((each) => each === key || each.startsWith(`${key}=`))) options.push(option);
  };
  if (mount.readOnly) add('ro');
  if (mount.type === 'bind' || mount.type === 'volume') {
    if (!options.includes('rbind')) add('rbind', 'bind');
    if (!options.some((option) => /^r?(private|slave|shared|unbindable)$/.test(option))) options.push('rprivate');
    const source = mount.type === 'volume' ? volumes.get(mount.target) : mount.source;
    return { destination: mount.target, type: 'bind', source: source ?? '', options };
  }
  if (mount.type === 'tmpfs') {
    if (mount.mode !== undefined) add(`mode=${mount.mode.toString(8).padStart(4, '0')}`, 'mode');
    if (mount.uid !== undefined && mount.uid !== 0) add(`uid=${mount.uid}`, 'uid');
    if (mount.gid !== undefined && mount.gid !== 0) add(`gid=${mount.gid}`, 'gid');
    // runc's and crun's own extension, the one Podman uses.
    if (mount.copiesImageContent) add('tmpcopyup');
  }
  return { destination: mount.target, type: mount.type, source: mount.source ?? mount.type, options };
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

/** The process section: also what `exec` starts, with other arguments. */
export function specProcess(
  launch: Launch,
  limits: SpecSurroundings['limits'],
  hostname: string,
  args: readonly string[],
  env: readonly string[] = [],
): SpecProcess {
  return {
    terminal: false,
    user: { uid: launch.uid, gid: launch.gid, umask: launch.umask, additionalGids: launch.groups },
    args,
    env: [...environment(launch, hostname), ...env],
    cwd: launch.cwd || '/',
    capabilities: launch.runtimeCapabilities,
    // Always said: a runtime may want to raise them, which needs CAP_SYS_RESOURCE.
    rlimits: [
      { type: 'RLIMIT_NOFILE', hard: limits.nofile, soft: limits.nofile },
      { type: 'RLIMIT_NPROC', hard: limits.nproc, soft: limits.nproc },
    ],
    noNewPrivileges: launch.noNewPrivileges,
  };
}

/** The launch's environment, with HOSTNAME, which only the engine knows. */
export function environment(launch: Launch, hostname: string): readonly string[] {
  return launch.env.some((each) => each.startsWith('HOSTNAME=')) ? launch.env : [...launch.env, `HOSTNAME=${hostname}`];
}

/** The hostname a container gets: as asked for, else made of its id as Docker does. */
export function hostnameOf(launch: Launch, id: string): string {
  return launch.settings.hostname ?? id.replace(/^unroot-/, '');
}

type HandedIn = LaunchDevice & { readonly node: DeviceNode };

const handedIn = (launch: Launch): readonly HandedIn[] =>
  (launch.devices ?? []).filter((device): device is HandedIn => device.node !== undefined);

/** config-linux.md, "Devices": the runtime makes the node, with this owner. */
const specDevice = ({ path, node, inode }: HandedIn): Readonly<Record<string, unknown>> => ({
  path,
  ...node,
  ...(inode === undefined ? {} : { fileMode: inode.mode, uid: inode.uid, gid: inode.gid }),
});

const specDeviceRule = ({ node }: HandedIn): Readonly<Record<string, unknown>> => ({ allow: true, ...node, access: 'rwm' });

/** The whole configuration. */
export function runtimeSpec(launch: Launch, around: SpecSurroundings): RuntimeSpec {
  const privileged = launch.settings.privileged === true;
  const hostname = hostnameOf(launch, around.id);
  const devices = handedIn(launch);
  const namespaces = [
    ...(launch.hostPid === true ? [] : ['pid']),
    'ipc',
    'uts',
    'mount',
    ...(launch.network === 'host' ? [] : ['network']),
    ...(around.cgroup?.version === 2 ? ['cgroup'] : []),
  ];
  return {
    ociVersion: '1.0.2',
    process: { ...specProcess(launch, around.limits, hostname, launch.argv), terminal: around.terminal === true },
    root: { path: around.root, readonly: launch.readOnlyRoot },
    hostname,
    mounts: specMounts(launch, around),
    ...(around.hook
      ? { hooks: { createRuntime: [{ path: '/bin/sh', args: around.hook.args, env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] }] } }
      : {}),
    linux: {
      namespaces: namespaces.map((type) => ({
        type,
        ...(around.sandbox !== undefined && (type === 'network' || type === 'ipc')
          ? { path: `/proc/${around.sandbox}/ns/${type === 'network' ? 'net' : 'ipc'}` }
          : {}),
      })),
      sysctl: sysctlsOf(launch),
      maskedPaths: privileged ? [] : MASKED_PATHS,
      readonlyPaths: privileged ? MACHINE_WIDE_PATHS : READ_ONLY_PATHS,
      ...(devices.length === 0 ? {} : { devices: devices.map(specDevice) }),
      // Deny, then the runtime's own list of harmless devices and those handed in; privileged: all there are to give.
      ...(around.cgroup
        ? {
            cgroupsPath: around.cgroup.path,
            resources: {
              devices: [
                ...((privileged ? around.cgroup.devices : undefined)?.map((rule) => ({ allow: true, ...rule })) ?? [
                  { allow: privileged, access: 'rwm' },
                ]),
                ...devices.map(specDeviceRule),
              ],
            },
          }
        : {}),
    },
  };
}
