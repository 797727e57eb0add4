/** What a process sees in its own /proc, as far as permissions need it (proc(5)); everything else there is unknown. */
import type { FileNode } from '../linux/decision.ts';
import type { Launch } from './launch.ts';

/** The ids after the first execve count, where it changes them. */
type Owner = Pick<Launch, 'uid' | 'gid' | 'platform'> &
  Partial<Pick<Launch, 'effectiveUid' | 'effectiveGid' | 'capabilities' | 'runtimeCapabilities' | 'notDumpable'>>;

/**
 * A process that gained ids or capabilities at its execve, or may not read its own program, gives out no core and its files in /proc are
 * root's (kernel/cred.c commit_creds, fs/exec.c would_dump, fs/proc/base.c task_dump_owner).
 */
function isSecretive({ effectiveUid, effectiveGid, capabilities, runtimeCapabilities, notDumpable }: Owner): boolean {
  if (notDumpable === true) return true;
  if (effectiveUid !== undefined || effectiveGid !== undefined) return true;
  return capabilities?.permitted.some((name) => runtimeCapabilities?.permitted.includes(name) === false) === true;
}

const ON_PROC = { mount: '/proc', noExec: true, noSuid: true, noDev: true } as const;

function directory(mode: number, uid = 0, gid = 0): FileNode {
  return { inode: { type: 'directory', uid, gid, mode }, ...ON_PROC };
}

function file(mode: number, uid = 0, gid = 0): FileNode {
  return { inode: { type: 'file', uid, gid, mode }, ...ON_PROC };
}

/** Readable by everyone on any kernel. */
const PUBLIC = new Set([
  'cpuinfo',
  'meminfo',
  'stat',
  'uptime',
  'loadavg',
  'version',
  'filesystems',
  'cmdline',
  'diskstats',
  'vmstat',
  'partitions',
  'swaps',
  'devices',
  'cgroups',
]);
/** Of one process, readable by everyone. */
const OF_PROCESS = new Set([
  'cmdline',
  'status',
  'stat',
  'statm',
  'maps',
  'mounts',
  'mountinfo',
  'limits',
  'cgroup',
  'comm',
  'oom_score',
  'uid_map',
  'gid_map',
  'setgroups',
]);
/** Of one process, for its owner only. */
const PRIVATE = new Set(['environ', 'auxv', 'mem', 'io', 'pagemap']);
const WRITABLE = new Set([
  'comm',
  'oom_score_adj',
  'uid_map',
  'gid_map',
  'setgroups',
  'mem',
  'loginuid',
  'coredump_filter',
  'timerslack_ns',
  'clear_refs',
]);
/** Mounted read-only by every runtime (OCI readonlyPaths). */
const READ_ONLY = new Set(['bus', 'fs', 'irq', 'sys', 'sysrq-trigger']);
/** Directories of /proc/sys two levels down and deeper; anything else that deep is taken for a file. */
const SYSCTL_DIRECTORIES =
  /^(?:net\/[a-z0-9_]+(?:\/(?:conf|neigh|route)(?:\/[^/]+)?)?|kernel\/(?:random|keys|yama|pty|usermodehelper|seccomp|ns_last_pid\.d)|fs\/(?:inotify|mqueue|epoll|quota|binfmt_misc|fanotify|verity)|[a-z]+)$/;

/**
 * `path` is the part below /proc, without a leading slash. Process 1 is the container's first process and so is `self` here: its standard
 * streams are pipes that runc hands to the container's uid and crun to uid and gid, so a process that starts as root and then changes its
 * user cannot open them again (observed: `fifo 600 0:0`).
 */
export function procNode(path: string, owner: Owner, privileged: boolean): FileNode | 'unknown' | undefined {
  if (path === '') return directory(0o555);
  const [first = '', ...rest] = path.split('/');
  if (READ_ONLY.has(first)) return readOnlyNode(first, rest.join('/'), !privileged);
  if (PUBLIC.has(first) && rest.length === 0) return file(0o444);
  if (first === 'mounts' && rest.length === 0)
    return { inode: { type: 'symlink', uid: 0, gid: 0, mode: 0o777 }, target: 'self/mounts', ...ON_PROC };
  if (first === 'self' || first === 'thread-self' || first === '1') return processNode(rest, owner);
  return 'unknown';
}

/** Bound over itself, read-only, unless the container is privileged. */
function readOnlyNode(first: string, rest: string, readOnly: boolean): FileNode | 'unknown' {
  const there = bareNode(first, rest);
  return there === 'unknown' || !readOnly ? there : { ...there, mount: `/proc/${first}`, readOnly };
}

function bareNode(first: string, rest: string): FileNode | 'unknown' {
  if (first === 'sysrq-trigger') return file(0o200);
  if (first !== 'sys') return rest === '' ? directory(0o555) : 'unknown';
  const node = rest === '' || SYSCTL_DIRECTORIES.test(rest) ? directory(0o555) : file(0o644);
  return { ...node, inode: { ...node.inode, sysctl: rest === 'net' || rest.startsWith('net/') ? 'net' : 'kernel' } };
}

function processNode(rest: readonly string[], owner: Owner): FileNode | 'unknown' | undefined {
  const [name, number] = rest;
  const [ownUid, ownGid] = [owner.effectiveUid ?? owner.uid, owner.effectiveGid ?? owner.gid];
  // This one directory always belongs to the process.
  if (name === undefined) return directory(0o555, ownUid, ownGid);
  const [uid, gid] = isSecretive(owner) ? [0, 0] : [ownUid, ownGid];
  if (rest.length === 1) {
    if (name === 'fd' || name === 'fdinfo') return directory(0o500, uid, gid);
    if (name === 'task' || name === 'net' || name === 'ns') return directory(0o555, uid, gid);
    if (PRIVATE.has(name)) return file(WRITABLE.has(name) ? 0o600 : 0o400, uid, gid);
    if (WRITABLE.has(name)) return file(0o644, uid, gid);
    return OF_PROCESS.has(name) ? file(0o444, uid, gid) : 'unknown';
  }
  if (name === 'fd' && rest.length === 2 && /^[012]$/.test(number ?? '')) {
    return { inode: { type: 'fifo', uid: owner.uid, gid: owner.platform.runtime === 'crun' ? owner.gid : 0, mode: 0o600 } };
  }
  return 'unknown';
}
