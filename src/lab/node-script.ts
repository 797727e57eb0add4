/**
 * The shell script that becomes the first process of a node. It runs in new mount, pid, net, uts and ipc namespaces, still with the machine's
 * root: it mounts an overlay over the cached system on a tmpfs of limited size, what a host has in /dev, /proc and /sys, and the folders the
 * player hands in; then it makes that its root, lets the machine's go, and waits. When the player's end of the pipe closes, it ends, and with
 * it every process of the node and every mount (pid_namespaces(7), mount_namespaces(7)).
 */
import { quote } from '../engine/reaper.ts';
import type { NodeDisk } from './disks.ts';

/** What is bound into the node. */
export interface NodeBind {
  readonly source: string;
  /** Absolute, in the node. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly file?: boolean;
}

export interface NodeScriptParts {
  /** An empty folder of the machine: the place of the tmpfs. */
  readonly place: string;
  /** Folders of the system, top first. */
  readonly lower: readonly string[];
  readonly megabytes: number;
  readonly binds: readonly NodeBind[];
  /** Folder whose contents are copied to /root/lab. */
  readonly files: string | undefined;
  /** Control groups bound below /sys/fs/cgroup: name → folder of the machine ('' = it is the whole of version 2). */
  readonly cgroups: readonly (readonly [name: string, folder: string])[];
  /** Files to write 0 to, to enter the node's control groups. */
  readonly join: readonly string[];
  /** Disks of its own. */
  readonly disks: readonly NodeDisk[];
  /** Bash, run once in the node. */
  readonly setup: string;
  readonly hostname: string;
  /** The switches of SELinux are there too, and labels of processes. */
  readonly selinux?: boolean;
}

const DEVICES = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const;
/** As container engines hide them, and what reaches the whole machine. */
const MASKED_FILES = ['kcore', 'keys', 'timer_list', 'sched_debug', 'kmsg', 'kpagecount', 'kpageflags', 'kpagecgroup'];
const MASKED_FOLDERS = ['acpi', 'scsi', 'asound'];
const READ_ONLY = ['sysrq-trigger', 'sys', 'irq', 'bus', 'fs'];

/** The environment of everything that is started in a node. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: '/root',
  USER: 'root',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  PATH: '/opt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  // The same engine whatever else is in the node; --engine says otherwise.
  UNROOT_ENGINE: 'runc',
  UNROOT_IMAGES: '/images',
  UNROOT_RUN_RECORD: '/run/lab/records',
};

/** The whole script, for `sh -c`. */
export function nodeScript(parts: NodeScriptParts): string {
  const at = (path: string): string => quote(`${parts.place}/root${path}`);
  const bind = ({ source, target, readOnly, file }: NodeBind): readonly string[] => [
    file ? `mkdir -p "$(dirname ${at(target)})"; [ -e ${at(target)} ] || : >${at(target)}` : `mkdir -p ${at(target)}`,
    `mount --bind ${quote(source)} ${at(target)}`,
    ...(readOnly ? [`mount -o remount,bind,ro,nosuid,nodev ${at(target)}`] : []),
  ];
  return [
    'set -eu',
    'umask 022',
    'PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // The machine's /proc is still mounted: it names us by our number there.
    'read -r pid _ </proc/self/stat',
    ...parts.join.map((file) => `echo 0 >${quote(file)}`),
    `mount -t tmpfs -o mode=0755,size=${parts.megabytes}m,nodev lab ${quote(parts.place)}`,
    `cd ${quote(parts.place)}`,
    'mkdir up wk root run containers',
    `mount -t overlay -o ${quote(`lowerdir=${parts.lower.join(':')},upperdir=${parts.place}/up,workdir=${parts.place}/wk,redirect_dir=off,metacopy=off,index=off`)},nodev overlay root`,
    `mount -t proc -o nosuid,noexec,nodev proc ${at('/proc')}`,
    // Of our own network namespace; the flags of an interface are a file of it.
    `mount -t sysfs -o nosuid,noexec,nodev sysfs ${at('/sys')}`,
    `echo 0x1 >${at('/sys/class/net/lo/flags')} || ip link set lo up`,
    ...(parts.selinux ? [`mount -t selinuxfs selinuxfs ${at('/sys/fs/selinux')}`] : []),
    `mount -o remount,ro,nosuid,noexec,nodev ${at('/sys')}`,
    `mount -t tmpfs -o mode=0755,nosuid,nodev,size=64m run ${at('/run')}`,
    `mount -t tmpfs -o mode=0755,nosuid,size=1m dev ${at('/dev')}`,
    ...DEVICES.map(
      ([name, major, minor]) =>
        `mknod -m 0666 ${at(`/dev/${name}`)} c ${major} ${minor} 2>/dev/null || { : >${at(`/dev/${name}`)}; mount --bind /dev/${name} ${at(`/dev/${name}`)}; }`,
    ),
    // As a disk has them on Debian: root's, and the group disk's.
    ...parts.disks.map(({ name, major, minor }) => `mknod -m 0660 ${at(name)} b ${major} ${minor} && chown 0:6 ${at(name)}`),
    `mkdir ${at('/dev/pts')} ${at('/dev/shm')} ${at('/dev/mqueue')}`,
    `mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts ${at('/dev/pts')}`,
    `mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=64m shm ${at('/dev/shm')}`,
    `mount -t mqueue -o nosuid,nodev,noexec mqueue ${at('/dev/mqueue')}`,
    `ln -s pts/ptmx ${at('/dev/ptmx')}; ln -s /proc/self/fd ${at('/dev/fd')}`,
    ...['stdin', 'stdout', 'stderr'].map((name, fd) => `ln -s /proc/self/fd/${fd} ${at(`/dev/${name}`)}`),
    ...MASKED_FILES.map((name) => `[ ! -e ${at(`/proc/${name}`)} ] || mount --bind ${at('/dev/null')} ${at(`/proc/${name}`)}`),
    ...MASKED_FOLDERS.map((name) => `[ ! -d ${at(`/proc/${name}`)} ] || mount -t tmpfs -o ro,size=0 none ${at(`/proc/${name}`)}`),
    ...READ_ONLY.map(
      (name) =>
        `[ ! -e ${at(`/proc/${name}`)} ] || { mount --bind ${at(`/proc/${name}`)} ${at(`/proc/${name}`)}; mount -o remount,bind,ro,nosuid,nodev,noexec ${at(`/proc/${name}`)}; }`,
    ),
    ...cgroupLines(parts, at),
    ...parts.binds.flatMap(bind),
    // Containers' own layers need a file system that an overlay may write to; it counts against the node's size.
    `mkdir -p ${at('/root/.cache/unroot/run')}`,
    `mount --bind run ${at('/root/.cache/unroot/run')}`,
    `mkdir -p ${at('/var/lib/containers')}`,
    `mount --bind containers ${at('/var/lib/containers')}`,
    `mkdir -p ${at('/root/lab')}`,
    ...(parts.files === undefined ? [] : [`cp -R --preserve=mode,links ${quote(`${parts.files}/.`)} ${at('/root/lab/')}`]),
    // Not over the lower system's own file: names of the machine stay on the machine.
    `printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\t${parts.hostname}\\n' >${at('/etc/hosts')}`,
    `printf '%s\\n' ${quote(parts.hostname)} | tee ${at('/etc/hostname')} >/proc/sys/kernel/hostname`,
    `: >${at('/etc/resolv.conf')}`,
    'cd root',
    'pivot_root . .',
    'umount -l .',
    'cd /root/lab',
    'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    `exec env -i ${Object.entries(NODE_ENVIRONMENT)
      .map(([name, value]) => quote(`${name}=${value}`))
      .join(' ')} /bin/bash -c ${quote(INIT)} init "$pid" ${quote(parts.setup)}`,
  ].join('\n');
}

/**
 * Bash and not sh, because it collects every child that ends, also those it adopted. The first line is the player's sign that all is ready.
 * `cd /` at the end, so that the learner's folder can be moved away.
 */
const INIT = `trap '' INT TERM HUP QUIT
if [ -n "$2" ]; then /bin/bash -euc "$2" setup </dev/null >/dev/null || exit 99; fi
cd /
printf 'ready %s\\n' "$1"
exec 1>/dev/null 2>/dev/null
while read -r _; do :; done`;

function cgroupLines(parts: NodeScriptParts, at: (path: string) => string): readonly string[] {
  const [first] = parts.cgroups;
  if (first === undefined) return [];
  if (first[0] === '') return [`mount --bind ${quote(first[1])} ${at('/sys/fs/cgroup')}`];
  return [
    `mount -t tmpfs -o mode=0755,nosuid,noexec,nodev cgroup ${at('/sys/fs/cgroup')}`,
    ...parts.cgroups.flatMap(([name, folder]) => [
      `mkdir ${at(`/sys/fs/cgroup/${name}`)}`,
      `mount --bind ${quote(folder)} ${at(`/sys/fs/cgroup/${name}`)}`,
    ]),
  ];
}
