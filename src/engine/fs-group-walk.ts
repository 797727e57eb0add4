/**
 * What a kubelet does to a volume for `fsGroup` (kubernetes pkg/volume/volume_linux.go): the group of everything in it, and bits that are only
 * added. Through open folders, never through a link: whoever works in the volume meanwhile cannot send the walk elsewhere.
 */
import { chmodSync, chownSync, closeSync, constants, fstatSync, lchownSync, openSync, readdirSync, type Stats } from 'node:fs';
import { UnrootError } from '../error.ts';
import { rootIsRight, withFsGroup } from '../launch/fs-group.ts';
import type { Inode } from '../linux/inode.ts';

/** O_PATH, which Node does not name. */
const O_PATH = 0o10000000;
/** Each level keeps one folder open. */
const MAX_DEPTH = 256;

export interface FsGroupRequest {
  readonly gid: number;
  /** fsGroupChangePolicy OnRootMismatch: nothing is done where the root is right already. */
  readonly onRootMismatch: boolean;
}

/** Whether it walked. */
export function giveToGroup(folder: string, { gid, onRootMismatch }: FsGroupRequest): boolean {
  const root = openSync(folder, O_PATH | constants.O_DIRECTORY);
  try {
    if (onRootMismatch && rootIsRight(inodeOf(fstatSync(root)), gid)) return false;
    walk(root, gid, 0);
    return true;
  } finally {
    closeSync(root);
  }
}

/** What is in it before it itself is told, as filepath.Walk would not; the outcome is the same. */
function walk(folder: number, gid: number, depth: number): void {
  if (depth > MAX_DEPTH) throw new UnrootError(`fsGroup: folders are more than ${MAX_DEPTH} deep`, { code: 'engine.pod-volume' });
  const at = `/proc/self/fd/${folder}`;
  for (const name of readdirSync(`${at}/.`)) {
    let fd: number;
    try {
      fd = openSync(`${at}/${name}`, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    try {
      const stat = fstatSync(fd);
      if (stat.isSymbolicLink()) lchownSync(`${at}/${name}`, stat.uid, gid);
      else if (stat.isDirectory()) walk(fd, gid, depth + 1);
      else give(fd, stat, gid);
    } finally {
      closeSync(fd);
    }
  }
  give(folder, fstatSync(folder), gid);
}

function give(fd: number, stat: Stats, gid: number): void {
  const file = `/proc/self/fd/${fd}`;
  chownSync(file, stat.uid, gid);
  chmodSync(file, withFsGroup(inodeOf(stat), gid).mode);
}

const inodeOf = (stat: Stats): Inode => ({
  type: stat.isDirectory() ? 'directory' : 'file',
  uid: stat.uid,
  gid: stat.gid,
  mode: stat.mode & 0o7777,
});
