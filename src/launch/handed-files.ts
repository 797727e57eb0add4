/** The files that a kubelet hands in, as far as it is known which they are and what modes they get. */
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import { withFsGroup } from './fs-group.ts';
import { fsUserOf } from './fs-user.ts';
import { PAYLOAD, projectedFiles } from './projected-files.ts';

export interface HandedFile {
  /** Below the mount; `*` for those whose names nobody here knows. */
  readonly name: string;
  readonly inode: Inode;
}

/** Of a volume that the kubelet writes (secret, configMap, downwardAPI, projected); of any other none. */
export function handedFiles(volume: Volume, settings: ContainerSettings, profile: PlatformProfile): readonly HandedFile[] {
  if (volume.kind !== 'projected') return [];
  const owners = { fsGroup: settings.fsGroup, fsUser: fsUserOf(settings, profile) };
  const payload = `${PAYLOAD}/`;
  const known = projectedFiles(volume, owners).flatMap(({ path, inode }) =>
    inode.type === 'file' && path.startsWith(payload) ? [{ name: path.slice(payload.length), inode }] : [],
  );
  if (volume.otherFilesMode === undefined) return known;
  const other: Inode = { type: 'file', uid: 0, gid: 0, mode: volume.otherFilesMode };
  const { fsGroup } = settings;
  return [...known, { name: '*', inode: fsGroup === undefined ? other : withFsGroup(other, fsGroup, true) }];
}
