/** What the kubelet's walk for fsGroup makes of a file (kubernetes pkg/volume/volume_linux.go). */
import type { Inode } from '../linux/inode.ts';

const SETGID = 0o2000;

/** The group is changed, bits are only added: never the owner, never x on a file. A symlink keeps its mode. */
export function withFsGroup(inode: Inode, fsGroup: number, readOnly = false): Inode {
  if (inode.type === 'symlink') return { ...inode, gid: fsGroup };
  const mask = readOnly ? 0o440 : 0o660;
  const more = inode.type === 'directory' ? mask | 0o110 | SETGID : mask;
  // chown(2) clears set-id bits of anything executable but the chmod after it brings back those that were read before.
  return { ...inode, gid: fsGroup, mode: inode.mode | more };
}

/** fsGroupChangePolicy OnRootMismatch: the walk is left out when the root is right. What lies below is not looked at. */
export function rootIsRight(root: Inode, fsGroup: number, readOnly = false): boolean {
  const needed = readOnly ? 0o550 : 0o770;
  return root.type === 'directory' && root.gid === fsGroup && (root.mode & needed) === needed && (root.mode & SETGID) !== 0;
}
