/** A volume of a pod as the container finds it: root, files the kubelet wrote, and what nobody can know before it runs. */
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { octal } from '../text/octal.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import { withFsGroup } from './fs-group.ts';
import { fsUserOf } from './fs-user.ts';
import type { Derivation, LaunchMount, MountEntry } from './launch.ts';
import { entriesBelow, type PodOwners, projectedFiles } from './projected-files.ts';

export interface PodVolume {
  readonly mount: LaunchMount;
  readonly because: Derivation;
}

type Common = Pick<LaunchMount, 'type' | 'target' | 'readOnly' | 'options' | 'origin'>;

/** emptyDir, what the kubelet writes, and everything that comes from elsewhere; a hostPath too, which is a folder of a node nobody sees here. */
export function podVolume(volume: Volume, settings: ContainerSettings, profile: PlatformProfile): PodVolume {
  const readOnly = volume.readOnly === true;
  const common: Common = {
    type: 'volume',
    target: volume.target,
    readOnly,
    options: readOnly ? ['ro'] : [],
    origin: 'settings',
  };
  const owners: PodOwners = { fsGroup: settings.fsGroup, fsUser: fsUserOf(settings, profile) };
  switch (volume.kind) {
    case 'projected':
      return writtenByKubelet(volume, owners, common);
    case 'empty-dir':
      return emptyDir(volume, owners, common);
    default:
      return fromElsewhere(volume, owners, settings, common);
  }
}

/** kubernetes pkg/volume/emptydir: the disk's folder is 0777 without sticky bit, a tmpfs 1777; the group as everywhere. */
function emptyDir(volume: Volume, { fsGroup }: PodOwners, common: Common): PodVolume {
  const tmpfs = volume.medium === 'Memory';
  // hugetlbfs makes its root 0755 (fs/hugetlbfs/inode.c), whatever the folder below was.
  const mode = volume.mode ?? (tmpfs ? 0o1777 : volume.medium === 'HugePages' ? 0o755 : 0o777);
  const start: Inode = { type: 'directory', uid: volume.uid ?? 0, gid: volume.gid ?? 0, mode };
  const root = fsGroup === undefined ? start : withFsGroup(start, fsGroup);
  // A subPath that is not there is made with the mode of the root, and takes its group where the root hands it on (kubelet_pods.go makeMounts).
  const shown = volume.subPath === undefined || (root.mode & 0o2000) !== 0 ? root : { ...root, gid: 0 };
  const source = `an emptyDir ${tmpfs ? 'in memory' : 'on the disk'} starts out as 0:0 ${octal(mode)} (pkg/volume/emptydir)`;
  if (volume.shared === 'before' && volume.subPath !== undefined)
    return unknown(common, `${source}; a container that starts earlier may have made ${volume.subPath}`);
  const inside: Inode = (root.mode & 0o2000) !== 0 ? root : { ...root, gid: 0 };
  const folders = new Set(
    (volume.subFolders ?? []).flatMap((path) => path.split('/').map((_, at, all) => all.slice(0, at + 1).join('/'))),
  );
  const entries = [...folders].map((path): MountEntry => ({ path, inode: inside }));
  const mount = {
    ...common,
    ...ownerOf(shown),
    ...(entries.length === 0 ? {} : { entries }),
    ...(volume.shared === undefined ? {} : { contentUnknown: true }),
  };
  return { mount, because: derivation(mount, `${source}${groupSaid(fsGroup, '02770')}`) };
}

function writtenByKubelet(volume: Volume, owners: PodOwners, common: Common): PodVolume {
  const all = projectedFiles(volume, owners);
  const root = all[0]?.inode as Inode;
  const what = `${volume.type ?? 'projected'} "${volume.name ?? ''}"`;
  const rule = `the kubelet writes the files of ${what} as root${groupSaid(owners.fsGroup, 'r for files, r-x and setgid for folders')}`;
  let entries: readonly MountEntry[] = all;
  if (volume.subPath !== undefined) {
    const below = entriesBelow(all, volume.subPath);
    if (below !== undefined) entries = below;
    else if (volume.otherFilesMode !== undefined) {
      // Whoever mounts one name of a configMap means a key of it; its content is not at hand.
      const file: Inode = { type: 'file', uid: 0, gid: 0, mode: volume.otherFilesMode };
      entries = [{ path: '', inode: owners.fsGroup === undefined ? file : withFsGroup(file, owners.fsGroup, true) }];
    } else entries = [{ path: '', inode: (root.mode & 0o2000) === 0 ? { ...root, gid: 0 } : root }];
  }
  const own = entries.find(({ path }) => path === '')?.inode ?? root;
  const unknownFiles = volume.otherFilesMode !== undefined && own.type === 'directory';
  const mount = { ...common, ...ownerOf(own), entries, ...(unknownFiles ? { contentUnknown: true } : {}) };
  const modes = unknownFiles ? `; its other files are ${octal(volume.otherFilesMode as number)} before that` : '';
  return { mount, because: derivation(mount, `${rule}${modes} (pkg/volume/util/atomic_writer.go)`) };
}

/** Nobody knows what is there. When the kubelet gives it to fsGroup, the group's rights at the root are certain. */
function fromElsewhere(volume: Volume, { fsGroup }: PodOwners, settings: ContainerSettings, common: Common): PodVolume {
  const what = `${volume.type ?? volume.kind}${volume.source === undefined ? '' : ` ${volume.source}`}`;
  if (volume.kind === 'bind') {
    const made = /OrCreate$/.test(volume.hostPathType ?? '')
      ? `; made as root ${volume.hostPathType === 'FileOrCreate' ? '0644' : '0755'} when it is missing`
      : '';
    return unknown(common, `${what} keeps the owners it has on the node: fsGroup does not reach it${made} (pkg/volume/hostpath)`);
  }
  const rule = volume.takesFsGroup;
  const given = rule?.answer === 'yes' && fsGroup !== undefined;
  // Below a root that is right OnRootMismatch looks at nothing.
  const skipped = settings.fsGroupChangePolicy === 'OnRootMismatch' && rule?.policyHeeded === true;
  if (!given || common.readOnly || (volume.subPath !== undefined && skipped)) {
    const why =
      fsGroup === undefined
        ? ''
        : rule?.answer === 'no'
          ? `; fsGroup ${fsGroup} does not reach it`
          : rule?.answer === 'yes'
            ? ''
            : `; whether fsGroup ${fsGroup} reaches it depends on what is behind it`;
    return unknown(common, `${what}: its files come from elsewhere${why}${rule === undefined ? '' : ` (${rule.source})`}`);
  }
  const mount = {
    ...common,
    ...ownerOf(withFsGroup({ type: 'directory', uid: 0, gid: 0, mode: 0 }, fsGroup)),
    contentUnknown: true,
  };
  return {
    mount,
    because: derivation(
      mount,
      `${what}: its files come from elsewhere${groupSaid(fsGroup, 'at least 02770 at the root')} (${rule.source})`,
    ),
  };
}

function unknown(common: Common, source: string): PodVolume {
  const mount = { ...common, contentUnknown: true };
  return { mount, because: derivation(mount, source) };
}

function groupSaid(fsGroup: number | undefined, bits: string): string {
  return fsGroup === undefined ? '' : `, then gives them to fsGroup ${fsGroup}, adding ${bits} (pkg/volume/volume_linux.go)`;
}

function derivation(mount: LaunchMount, source: string): Derivation {
  const value = mount.mode === undefined ? 'unknown' : `${mount.uid}:${mount.gid} ${octal(mount.mode)}`;
  return { field: `mounts.${mount.target}`, value, source, where: { path: mount.target } };
}

const ownerOf = ({ uid, gid, mode }: Inode): Pick<LaunchMount, 'uid' | 'gid' | 'mode'> => ({ uid, gid, mode });
