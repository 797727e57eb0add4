/** A pod's own user namespace (hostUsers false): which ids it has, and what the runtime says of others. */
import type { IdMapping } from '../linux/credentials.ts';
import type { FileNode } from '../linux/decision.ts';
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

/**
 * What the host's root made without a mapping: device nodes bound from the host, the pod's /dev/shm, sysctls of no namespace of the pod's
 * (observed). Root's capabilities do not count there, which the access rules know nothing of: a sysctl is unknown.
 */
export function seenFromOwnUsers(path: string, node: FileNode | 'unknown' | undefined): FileNode | 'unknown' | undefined {
  if (node === undefined || node === 'unknown') return node;
  const { inode } = node;
  if (path.startsWith('/proc/sys/') && !path.startsWith('/proc/sys/net/') && inode.type !== 'directory') return 'unknown';
  if (path === '/dev/mqueue') return { ...node, inode: { ...inode, gid: NOBODY } };
  const ofHost = path === '/dev/shm' || (inode.type === 'character-device' && /^\/dev\/[^/]+$/.test(path));
  return ofHost ? { ...node, inode: { ...inode, uid: NOBODY, gid: NOBODY } } : node;
}
