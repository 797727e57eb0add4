/** What the host has where a container mounts a folder of it: owners and modes, for the access model. Looks, opens nothing. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from '../launch/launch.ts';
import type { FileNode, FileTree } from '../linux/decision.ts';
import type { FileType } from '../linux/inode.ts';

/** By mount target, as `fileTree` takes it. */
export function hostBinds(launch: Pick<Launch, 'mounts'>): ReadonlyMap<string, FileTree> {
  const trees = new Map<string, FileTree>();
  for (const mount of launch.mounts) {
    const { source, target, readOnly } = mount;
    if (mount.type !== 'bind' || source === undefined) continue;
    trees.set(target, { lookup: (path) => nodeAt(join(source, path.slice(target.length)), readOnly) });
  }
  return trees;
}

function nodeAt(path: string, readOnly: boolean): FileNode | 'unknown' | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const type = typeOf(stat);
    return {
      inode: { type, uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 },
      ...(type === 'symlink' ? { target: readlinkSync(path) } : {}),
      readOnly,
    };
  } catch {
    return 'unknown'; // EACCES for us: what the container would see cannot be told
  }
}

function typeOf(stat: Stats): FileType {
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block-device';
  return stat.isCharacterDevice() ? 'character-device' : 'file';
}
