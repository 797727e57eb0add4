/**
 * The shell script that becomes the container's first process. It runs as PID 1 of new namespaces, still with the host's root: it makes the
 * mounts, takes the identity and waits. The root is changed under it from outside (kernel fs/namespace.c: pivot_root moves every process
 * whose root is the old one), so that programs of the host never look up users or libraries inside the image.
 */
import type { Launch } from '../launch/launch.ts';
import { CAPABILITIES, type Capability, type CapabilitySet, capabilitySet } from '../linux/capability.ts';
import type { ToolBox } from './builtin-tools.ts';
import { quote } from './reaper.ts';
import { MACHINE_WIDE_PATHS, MASKED_PATHS, READ_ONLY_PATHS, type SpecMount } from './spec.ts';

export interface PlacedMount extends SpecMount {
  /** On the host, below the root folder; no component of it is a symlink. */
  readonly place: string;
  /** What is bound there is a file. */
  readonly file: boolean;
}

export interface ScriptParts {
  readonly launch: Launch;
  readonly root: string;
  /** Folder of the tools on the host, and the empty one where the container's own copy is mounted. */
  readonly tools: string;
  readonly box: string;
  readonly ready: string;
  readonly gate: string;
  readonly hostname: string;
  readonly toolBox: ToolBox;
  /** What makes our root that of the namespace, where it is not. */
  readonly reroot: readonly string[];
  /** What to run in the folder of the tools when the gate opens. */
  readonly program: readonly string[];
  readonly limits: { readonly nofile: number; readonly nproc: number };
  readonly mounts: readonly PlacedMount[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Its network namespace is new: loopback must be set up. */
  readonly ownNetwork: boolean;
}

const DEVICES = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] } as const;
/** Options that are runc's or the mount namespace's, not mount(8)'s. */
const NOT_OPTIONS = /^(r?bind|r?private|r?slave|r?shared|r?unbindable|(no)?tmpcopyup|rw)$/;

/** The whole script. */
export function builtinScript(parts: ScriptParts): string {
  const { launch, root } = parts;
  const lines = [
    'set -eu',
    'PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...parts.reroot,
    `exec 7>${quote(parts.ready)} 8<${quote(parts.gate)}`,
    // The host's /proc is still mounted: it names us by our number there.
    'read -r host_pid _ </proc/self/stat',
    `mount --bind ${quote(root)} ${quote(root)}`,
    'umask 0022',
    // Before the container's own sysfs, which is read-only: both are one and the same for the kernel.
    ...(parts.ownNetwork ? loopback(parts.box) : []),
    ...parts.mounts.flatMap((mount) => mountLines(mount, parts.box)),
    `printf '%s\\n' ${quote(parts.hostname)} >${quote(`${root}/proc/sys/kernel/hostname`)}`,
    ...Object.entries(parts.sysctls).map(
      ([name, value]) => `printf '%s\\n' ${quote(value)} >${quote(`${root}/proc/sys/${sysctlPath(name)}`)}`,
    ),
    ...(launch.settings.privileged ? readOnly(root, MACHINE_WIDE_PATHS) : protect(root)),
    ...(launch.readOnlyRoot ? [`mount -o remount,bind,ro ${quote(root)}`] : []),
    `mount -t tmpfs -o mode=0755,nosuid,nodev tools ${quote(parts.box)}`,
    `cp ${quote(`${parts.tools}/.`)} -R ${quote(parts.box)}`,
    `cd ${quote(parts.box)}`,
    `umask ${launch.umask.toString(8).padStart(4, '0')}`,
    `exec ${[...limitsCommand(parts.limits), ...identityCommand(launch), ...parts.toolBox.command('sh'), '-c', WAIT, 'unroot'].map(quote).join(' ')} "$host_pid" ${parts.program.map(quote).join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Changes the root of the waiting process from outside, and lets the host's go: two commands, in this order. Neither ever executes a file
 * with the image's root: an /etc/ld.so.preload or a name service module of the image would then run with our privileges.
 */
export function pivotCommands(pid: number, root: string): readonly (readonly string[])[] {
  // The host's root lies over the container's /dev for a moment: a directory that is sure to be there and to be ours.
  const old = `/proc/${pid}/root/dev`;
  return [
    ['nsenter', '-t', String(pid), '-m', '--', 'pivot_root', root, `${root}/dev`],
    ['nsenter', '-t', String(pid), '-m', `--root=${old}`, `--wd=${old}`, '--', 'umount', '-l', '/'],
  ];
}

/** May do no harm even inside the image's root: Docker gives both to every container. Needed for the last steps of {@link execCommand}. */
const LAST_STEPS: CapabilitySet = ['CAP_SETPCAP', 'CAP_SYS_CHROOT'];

/**
 * Runs something in a running container, as the launch's user. `box`: a path to the tools' own file system, which holds nothing else. What is
 * privileged runs with that as its root; the image's root is entered with the user's identity, and the last two capabilities dropped there.
 */
export function execCommand(
  pid: number,
  launch: Launch,
  limits: ScriptParts['limits'],
  box: string,
  tools: ToolBox,
  program: readonly string[],
): readonly string[] {
  const rooted = (name: string): readonly string[] =>
    tools.command(name).map((word) => (word === '.' ? '/' : word.replace(/^\.\//, '/')));
  const wanted = launch.runtimeCapabilities;
  const more = (set: CapabilitySet): CapabilitySet => capabilitySet([...set, ...LAST_STEPS]);
  const first = {
    ...launch,
    noNewPrivileges: false,
    runtimeCapabilities: {
      ...wanted,
      bounding: more(wanted.bounding),
      inheritable: more(wanted.inheritable),
      ambient: more(wanted.ambient),
    },
  };
  const namespaces = ['-m', '-u', '-i', '-p', ...(launch.network === 'host' ? [] : ['-n'])];
  return [
    ...limitsCommand(limits),
    ...['nsenter', '-t', String(pid), ...namespaces, `--root=${box}`, `--wd=/proc/${pid}/root`, '--'],
    ...rooted('setpriv'),
    ...identityCommand(first).slice(1),
    ...rooted('nsenter'),
    '--root=.',
    '--wd=/',
    '--',
    ...tools.command('setpriv'),
    ...capabilityArguments(launch),
    ...program,
  ];
}

/** What runs the program: in the folder of the tools, with the container's root. */
export function programCommand(
  launch: Launch,
  environment: readonly string[],
  argv: readonly string[],
  box: ToolBox,
): readonly string[] {
  return [
    ...box.command('env'),
    '-i',
    '-C',
    launch.cwd || '/',
    '--',
    ...environment.filter((each) => each.indexOf('=') > 0),
    ...argv,
  ];
}

/** setpriv(1) with the identity of the launch. `+` keeps it from taking a number for a name. */
export function identityCommand(launch: Launch): readonly string[] {
  return [
    'setpriv',
    '--reuid',
    `+${launch.uid}`,
    '--regid',
    `+${launch.gid}`,
    ...(launch.groups.length > 0 ? ['--groups', launch.groups.map((gid) => `+${gid}`).join(',')] : ['--clear-groups']),
    ...capabilityArguments(launch),
  ];
}

function capabilityArguments(launch: Launch): readonly string[] {
  const { bounding, inheritable, ambient } = launch.runtimeCapabilities;
  return [
    '--bounding-set',
    capabilityList(bounding),
    '--inh-caps',
    capabilityList(inheritable),
    '--ambient-caps',
    capabilityList(ambient),
    ...(launch.noNewPrivileges ? ['--no-new-privs'] : []),
  ];
}

/** prlimit(1) before a command. */
export function limitsCommand(limits: ScriptParts['limits']): readonly string[] {
  return ['prlimit', `--nofile=${limits.nofile}:${limits.nofile}`, `--nproc=${limits.nproc}:${limits.nproc}`];
}

/** As the user, in the folder of the tools: says that all is ready, waits, becomes the program. */
const WAIT = `printf '%s\\n' "$1" >&7; exec 7>&-; shift; read -r word <&8 && [ "$word" = go ] || exit 125; exec "$@" 8<&-`;

function capabilityList(set: CapabilitySet): string {
  return ['-all', ...set.map((name: Capability) => `+cap_${CAPABILITIES.indexOf(name)}`)].join(',');
}

function sysctlPath(name: string): string {
  // sysctl(8): when the first separator is a slash, dots are part of the names.
  return /^[^./]*\//.test(name) ? name : name.replaceAll('.', '/');
}

function mountLines(mount: PlacedMount, box: string): readonly string[] {
  const place = quote(mount.place);
  const make = mount.file ? `[ -e ${place} ] || : >${place}` : `mkdir -p ${place}`;
  const options = mount.options.filter((option) => !NOT_OPTIONS.test(option));
  // A directory that has to be there: the working directory.
  if (mount.type === 'none') return [make];
  if (mount.type === 'bind') {
    const how = mount.options.includes('rbind') ? '--rbind' : '--bind';
    const again = options.length > 0 ? [`mount -o ${quote(['remount', 'bind', ...options].join(','))} ${place}`] : [];
    return [make, `mount ${how} ${quote(mount.source)} ${place}`, ...again];
  }
  const list = options.length > 0 ? `-o ${quote(options.join(','))} ` : '';
  const line = `mount -t ${mount.type} ${list}${mount.type === 'tmpfs' ? 'tmpfs' : quote(mount.source)} ${place}`;
  if (mount.destination === '/dev') return [make, line, ...devices(mount.place)];
  if (mount.type === 'tmpfs' && mount.options.includes('tmpcopyup')) {
    // Made elsewhere and filled first: what it covers cannot be seen afterwards.
    const copied = quote(box);
    return [
      make,
      line.replace(place, copied),
      `cp -a ${place}/. ${copied}`,
      `mount --bind ${copied} ${place}`,
      `umount ${copied}`,
    ];
  }
  return [make, line];
}

function devices(dev: string): readonly string[] {
  const at = (name: string): string => quote(`${dev}/${name}`);
  return [
    ...Object.entries(DEVICES).map(
      ([name, [major, minor]]) =>
        `mknod -m 0666 ${at(name)} c ${major} ${minor} 2>/dev/null || { : >${at(name)}; mount --bind /dev/${name} ${at(name)}; }`,
    ),
    `ln -s /proc/self/fd ${at('fd')}`,
    ...['stdin', 'stdout', 'stderr'].map((name, fd) => `ln -s /proc/self/fd/${fd} ${at(name)}`),
    `ln -s pts/ptmx ${at('ptmx')}`,
  ];
}

/** Up without iproute2: the flags of an interface are a file of the sysfs that was mounted in its network namespace. */
function loopback(box: string): readonly string[] {
  const flags = quote(`${box}/class/net/lo/flags`);
  return [`mount -t sysfs sysfs ${quote(box)}`, `echo 0x1 >${flags} || ip link set lo up`, `umount ${quote(box)}`];
}

function protect(root: string): readonly string[] {
  const at = (path: string): string => quote(root + path);
  return [
    ...MASKED_PATHS.map(
      (path) =>
        `if [ -d ${at(path)} ]; then mount -t tmpfs -o ro,size=0 tmpfs ${at(path)}; elif [ -e ${at(path)} ]; then mount --bind ${at('/dev/null')} ${at(path)}; fi`,
    ),
    ...readOnly(root, READ_ONLY_PATHS),
  ];
}

function readOnly(root: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    const at = quote(root + path);
    return `if [ -e ${at} ]; then mount --bind ${at} ${at}; mount -o remount,bind,ro,nosuid,nodev,noexec ${at}; fi`;
  });
}
