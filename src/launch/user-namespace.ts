/** A pod's own user namespace (hostUsers false): which ids it has, and what the runtime says of others. */
import type { IdMapping } from '../linux/credentials.ts';
import type { FileNode } from '../linux/decision.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';

/** KEP-127: one block of 65536 ids; its host base is a multiple of that and never 0. */
const MAPPING: IdMapping = { container: 0, host: 65536, size: 65536 };

export function userNamespace(settings: ContainerSettings): IdMapping | undefined {
  return settings.hostUsers === false ? MAPPING : undefined;
}

/** runc libcontainer/init_linux.go setupUser: all groups at once first, the primary one among them, then the user (observed with 1.5). */
export function unmappedId(uid: number, gid: number, groups: readonly number[], profile: PlatformProfile): string | undefined {
  const outside = (id: number): boolean => id >= MAPPING.size;
  const prefix = profile.runtime === 'runc' ? 'unable to setup user: ' : '';
  if ([gid, ...groups].some(outside)) return `${prefix}setgroups: invalid argument`;
  return outside(uid) ? `${prefix}cannot setuid to unmapped uid ${uid} in user namespace` : undefined;
}

/** What an id without a mapping is shown as (fs.overflowuid). */
const NOBODY = 65534;

/** Settings that are the pod's own, with its IPC and network namespaces: root inside owns them (observed with Linux 6.18). */
const OWN_SYSCTL = /^\/proc\/sys\/(?:net\/.|kernel\/(?:sem$|shm|msg|auto_msgmni$)|fs\/mqueue(?:\/|$))/;
/** ucounts: whoever has CAP_SYS_RESOURCE in the namespace counts as their owner (kernel/ucount.c set_permissions), which is not modelled. */
const UCOUNTS = '/proc/sys/user/';

/** What the host's root made without a mapping belongs to nobody inside, and no capability reaches it; nor files of the image with ids beyond the mapping. */
export function seenFromOwnUsers(path: string, node: FileNode | 'unknown' | undefined): FileNode | 'unknown' | undefined {
  if (node === undefined || node === 'unknown') return node;
  if (path.startsWith(UCOUNTS)) return 'unknown';
  // Nobody makes device nodes in a user namespace: each is bound.
  const bound = node.inode.type === 'character-device' && node.mount === '/dev';
  const seen = { ...node, inode: seenInode(path, node.inode), ...(bound ? { mount: path } : {}) };
  return node.covered === undefined ? seen : { ...seen, covered: seenInode('', node.covered) };
}

function seenInode(path: string, inode: Inode): Inode {
  const ofHost = madeByHost(path, inode);
  const uid = (ofHost && path !== '/dev/mqueue') || inode.uid >= MAPPING.size;
  const gid = ofHost || inode.gid >= MAPPING.size;
  if (!uid && !gid) return inode;
  return { ...inode, ...(uid ? { uid: NOBODY } : {}), ...(gid ? { gid: NOBODY } : {}), unmapped: { uid, gid } };
}

/** Device nodes bound from the host, the pod's /dev/shm and, its group only, /dev/mqueue; sysfs, and of /proc all but the processes' own. */
function madeByHost(path: string, { type }: Inode): boolean {
  if (path === '/dev/shm' || path === '/dev/mqueue') return true;
  if (path.startsWith('/dev/')) return type === 'character-device' && !path.startsWith('/dev/pts/');
  if (path === '/sys' || path === '/proc') return true;
  return path.startsWith('/proc/') && !/^\/proc\/(?:self|thread-self|1)\//.test(path) && !OWN_SYSCTL.test(path);
}
