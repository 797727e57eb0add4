/** What a run changed, seen from outside: folders compared before and after, and the upper folder of an overlay. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { RootFs } from '../image/image.ts';
import type { FileType } from '../linux/inode.ts';
import type { FileChange } from './engine.ts';

/** Entries looked at in one folder; a bind of a whole disk must not hold a run up. */
const ENTRY_LIMIT = 200_000;

export interface SnapshotEntry {
  readonly type: FileType;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly size: number;
  readonly inode: number;
  readonly changed: number;
  /** Overlay whiteout: character device 0:0 (kernel Documentation/filesystems/overlayfs.rst). */
  readonly whiteout: boolean;
}

/** Paths relative to the folder, each with a leading `/`; the folder itself is `/`. Links are not followed. */
export type Snapshot = ReadonlyMap<string, SnapshotEntry>;

/** Empty when the folder is not there. What vanishes while we look is left out; so is what we may not read. */
export function snapshot(folder: string): Snapshot {
  const found = new Map<string, SnapshotEntry>();
  const open = ['/'];
  for (let path = open.pop(); path !== undefined && found.size < ENTRY_LIMIT; path = open.pop()) {
    const stats = lookAt(join(folder, path));
    if (stats === undefined) continue;
    found.set(path, entryOf(stats));
    if (stats.isDirectory())
      for (const name of namesIn(join(folder, path))) open.push(path === '/' ? `/${name}` : `${path}/${name}`);
  }
  return found;
}

/** Differences of a folder that is mounted at `target`: a volume, a bind, a tmpfs. */
export function folderChanges(target: string, before: Snapshot, after: Snapshot): FileChange[] {
  const changes: FileChange[] = [];
  for (const [path, now] of after) {
    const then = before.get(path);
    if (then === undefined) changes.push(change(target, path, 'added', now));
    else if (differs(then, now)) changes.push(change(target, path, 'modified', now));
  }
  for (const [path, then] of before) if (!after.has(path)) changes.push(change(target, path, 'deleted', then));
  return byPath(changes);
}

/**
 * What an overlay's upper folder says against the image: `baseline` is the upper folder before the program started (mount points and
 * files of the runtime's own), `deleted` what the engine itself calls deleted (it also knows opaque folders).
 */
export function overlayChanges(upper: string, baseline: Snapshot, rootFs: RootFs, deleted: readonly string[] = []): FileChange[] {
  const changes = new Map<string, FileChange>();
  const after = snapshot(upper);
  const gone = (path: string): void => {
    const entry = rootFs.get(path);
    if (entry === undefined) return;
    if (after.get(path)?.type === 'directory') {
      // Deleted and made anew (an opaque folder): gone is what was in it.
      for (const name of rootFs.list(path)) if (!after.has(`${path}/${name}`)) gone(`${path}/${name}`);
      return;
    }
    const { type, uid, gid, mode, size } = entry;
    changes.set(path, { path, change: 'deleted', type, uid, gid, mode, size });
  };
  for (const [path, now] of after) {
    const then = baseline.get(path);
    const inImage = rootFs.get(path);
    if (now.whiteout) gone(path);
    else if (then !== undefined && !differs(then, now)) continue;
    else if (inImage === undefined) {
      // The runtime's own folder (a mount point) does not become a change because somebody wrote into it.
      changes.set(path, change('', path, then === undefined ? 'added' : 'modified', now));
    } else if (now.type !== 'directory' || inImage.type !== 'directory' || !sameOwnership(inImage, now)) {
      // A folder is copied up only because something in it changed; it counts when it changed itself.
      changes.set(path, change('', path, 'modified', now));
    }
  }
  for (const path of deleted) if (!changes.has(path)) gone(path);
  return byPath([...changes.values()]);
}

function sameOwnership(a: { uid: number; gid: number; mode: number }, b: { uid: number; gid: number; mode: number }): boolean {
  return a.uid === b.uid && a.gid === b.gid && a.mode === b.mode;
}

function differs(then: SnapshotEntry, now: SnapshotEntry): boolean {
  if (then.type !== now.type || !sameOwnership(then, now)) return true;
  // A folder's times and size change with its entries, which are reported by themselves.
  return now.type !== 'directory' && (then.size !== now.size || then.inode !== now.inode || then.changed !== now.changed);
}

function change(target: string, path: string, kind: FileChange['change'], entry: SnapshotEntry): FileChange {
  const { type, uid, gid, mode, size } = entry;
  const whole = target === '' || target === '/' ? path : path === '/' ? target : target + path;
  return { path: whole, change: kind, type, uid, gid, mode, size };
}

function byPath(changes: FileChange[]): FileChange[] {
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function entryOf(stats: Stats): SnapshotEntry {
  return {
    type: fileType(stats),
    uid: stats.uid,
    gid: stats.gid,
    mode: stats.mode & 0o7777,
    size: stats.isFile() || stats.isSymbolicLink() ? stats.size : 0,
    inode: stats.ino,
    changed: stats.ctimeMs,
    whiteout: stats.isCharacterDevice() && stats.rdev === 0,
  };
}

function fileType(stats: Stats): FileType {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  if (stats.isBlockDevice()) return 'block-device';
  return stats.isCharacterDevice() ? 'character-device' : 'file';
}

function lookAt(path: string): Stats | undefined {
  return unlessGone(() => lstatSync(path));
}

function namesIn(path: string): readonly string[] {
  return unlessGone(() => readdirSync(path)) ?? [];
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ESRCH', 'ESTALE'].includes(code)) return undefined;
    throw error;
  }
}
