/** What is done to a volume so that somebody else may use what is in it: applied to copies, exactly as a cluster or an administrator would do it. */
import { chmodSync, chownSync, lchownSync, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { rootIsRight, withFsGroup } from '../launch/fs-group.ts';
import type { FileType, Inode } from '../linux/inode.ts';

export interface VolumeOwner {
  readonly path: string;
  /** `uid:gid`; with uid 0 the group gets what the owner has, since nobody knows the uid beforehand. */
  readonly owner: string;
  /** Octal, of the top folder. */
  readonly mode: string;
  /** What reaches the files in it; absent = only the folder itself changes hands. */
  readonly remedy?: 'fsGroup' | 'init' | 'migrate';
}

/** Gives a folder, which must be a copy, the owner that was asked for. */
export function applyRemedy(folder: string, { owner, mode, remedy }: VolumeOwner): void {
  const [uid, gid] = owner.split(':').map(Number) as [number, number];
  if (remedy === undefined) {
    chownSync(folder, uid, gid);
    chmodSync(folder, Number.parseInt(mode, 8));
  } else if (remedy === 'fsGroup') giveToGroup(folder, gid);
  else if (uid === 0) walk(folder, (path, stat) => shareWithGroup(path, stat, gid));
  else walk(folder, (path) => lchownSync(path, uid, gid));
}

/** The kubelet's walk, left out when the root is right (fsGroupChangePolicy OnRootMismatch). */
function giveToGroup(folder: string, gid: number): void {
  if (rootIsRight(inodeOf(lstatSync(folder)), gid)) return;
  walk(folder, (path, stat) => {
    const { mode } = withFsGroup(inodeOf(stat), gid);
    lchownSync(path, stat.uid, gid);
    if (!stat.isSymbolicLink()) chmodSync(path, mode);
  });
}

/** `chgrp -Rh` and `chmod -R g=u`. */
function shareWithGroup(path: string, stat: Stats, gid: number): void {
  lchownSync(path, stat.uid, gid);
  const mode = stat.mode & 0o7777;
  if (!stat.isSymbolicLink()) chmodSync(path, (mode & ~0o070) | ((mode >> 3) & 0o070));
}

/** Links are not followed: what they lead to may be outside. */
function walk(path: string, change: (path: string, stat: Stats) => void): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    const folder = opendirSync(path);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) walk(join(path, entry.name), change);
    } finally {
      folder.closeSync();
    }
  }
  change(path, stat);
}

function inodeOf(stat: Stats): Inode {
  const type: FileType = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
  return { type, uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 };
}
