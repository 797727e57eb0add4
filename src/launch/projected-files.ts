/** The files and folders the kubelet writes for a secret, configMap, downwardAPI or projected volume (kubernetes pkg/volume/util/atomic_writer.go). */
import type { Inode } from '../linux/inode.ts';
import type { Volume, VolumeFile } from '../workload/container.ts';
import { normalise } from './command.ts';
import { withFsGroup } from './fs-group.ts';
import type { MountEntry } from './launch.ts';

export interface PodOwners {
  readonly fsGroup?: number | undefined;
  /** See `fsUserOf`. */
  readonly fsUser?: number | undefined;
}

/** The real name is the time with a random end: `..2026_11_21_10_00_00.123456789`. */
export const PAYLOAD = '..<timestamp>';

/** Every entry, the root first. Links at the root lead through `..data` to the folder that really holds the files. */
export function projectedFiles(volume: Volume, owners: PodOwners): readonly MountEntry[] {
  const { fsGroup } = owners;
  const entries = new Map<string, MountEntry>();
  const put = (path: string, inode: Inode, target?: string): void => {
    if (!entries.has(path)) entries.set(path, { path, inode, ...(target === undefined ? {} : { target }) });
  };
  const walked = (inode: Inode): Inode => (fsGroup === undefined ? inode : withFsGroup(inode, fsGroup, true));
  const folder = (mode: number): Inode => ({ type: 'directory', uid: 0, gid: 0, mode });
  // Made after the walk, in a folder that hands its group on.
  const link = (uid: number): Inode => ({ type: 'symlink', uid, gid: fsGroup ?? 0, mode: 0o777 });

  // A configMap lies on the disk, the others on a tmpfs of its own. The wrapped emptyDir is walked as a writable one first.
  const root = folder(volume.type === 'configMap' ? 0o777 : 0o1777);
  put('', fsGroup === undefined ? root : withFsGroup(root, fsGroup));
  for (const path of volume.mountpoints ?? []) putFolders(path, (at) => put(at, walked(folder(0o755))));
  put(PAYLOAD, walked(folder(0o755)));
  put('..data', link(0), PAYLOAD);
  for (const file of volume.files ?? []) {
    const path = normalise(file.path).slice(1);
    const parent = path.lastIndexOf('/');
    if (parent !== -1) putFolders(path.slice(0, parent), (at) => put(`${PAYLOAD}/${at}`, walked(folder(0o755))));
    const owned = fileInode(file, owners);
    put(`${PAYLOAD}/${path}`, walked(owned));
    const first = path.split('/', 1)[0] as string;
    put(first, link(owned.uid), `..data/${first}`);
  }
  return [...entries.values()];
}

/** Projected credentials are private as soon as there is somebody to be private to. */
function fileInode(file: VolumeFile, { fsGroup, fsUser }: PodOwners): Inode {
  if (file.credential !== true || (fsGroup === undefined && fsUser === undefined))
    return { type: 'file', uid: 0, gid: 0, mode: file.mode };
  return { type: 'file', uid: fsUser ?? 0, gid: 0, mode: 0o600 };
}

function putFolders(path: string, put: (at: string) => void): void {
  for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) put(path.slice(0, cut));
  put(path);
}

/** What a subPath shows: the file or folder it leads to, as the mount's own root. Undefined = it does not exist. */
export function entriesBelow(entries: readonly MountEntry[], subPath: string): readonly MountEntry[] | undefined {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  let at = '';
  let pending = normalise(subPath)
    .split('/')
    .filter((part) => part !== '');
  for (let links = 0; pending.length > 0; ) {
    const next = at === '' ? (pending[0] as string) : `${at}/${pending[0]}`;
    const entry = byPath.get(next);
    if (entry === undefined) return undefined;
    pending = pending.slice(1);
    if (entry.target === undefined) at = next;
    else if (++links > 40) return undefined;
    else pending = [...entry.target.split('/'), ...pending];
  }
  const prefix = at === '' ? '' : `${at}/`;
  return entries.flatMap((entry) => {
    if (entry.path === at) return [{ ...entry, path: '' }];
    return prefix !== '' && entry.path.startsWith(prefix) ? [{ ...entry, path: entry.path.slice(prefix.length) }] : [];
  });
}
