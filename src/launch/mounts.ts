/** What is mounted over the image: the platform's own, the image's VOLUMEs, the settings' volumes; with the owner and mode each starts out with. */
import type { RootEntry, RootFs } from '../image/image.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import { normalise } from './command.ts';
import { withFsGroup } from './fs-group.ts';
import type { Identity } from './identity.ts';
import type { LaunchSubject } from './input.ts';
import type { Derivation, LaunchMount } from './launch.ts';
import { podVolume } from './pod-volumes.ts';

export interface Mounts {
  readonly mounts: readonly LaunchMount[];
  readonly because: readonly Derivation[];
}

/** Parents come before what lies below them, so that they can be mounted in order. */
export function mountsOf(
  image: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  identity: Identity,
): Mounts {
  const because: Derivation[] = [];
  const mounts = new Map<string, LaunchMount>();
  const put = (mount: LaunchMount): void => {
    mounts.set(mount.target, mount);
  };
  for (const mount of platformMounts(settings.privileged === true, profile)) put(mount);
  const asked = (settings.volumes ?? []).map((volume) => ({
    ...volume,
    written: normalise(volume.target),
    target: placeOf(volume.target, image.rootFs),
  }));
  const taken = new Set(asked.map((volume) => volume.target));

  for (const path of image.config.volumes) {
    const target = placeOf(path, image.rootFs);
    if (taken.has(target)) continue;
    const mount = imageVolume(target, normalise(path), image, profile, identity, settings.readOnly === true);
    if (mount === undefined) continue;
    put(mount);
    because.push(ownership(mount, `image VOLUME ${path}`, profile.sources.imageVolumes));
  }
  for (const volume of asked) {
    if (ofPod(volume)) {
      const { mount, because: rule } = podVolume(volume, settings, profile);
      put(mount);
      because.push(rule);
      continue;
    }
    const mount = settingsVolume(volume, volume.written, image, settings, profile, identity);
    put(mount);
    if (mount.type !== 'bind') {
      const rule = mount.type === 'tmpfs' ? profile.sources.tmpfs : profile.sources.imageVolumes;
      because.push(ownership(mount, `${volume.kind} at ${volume.target}`, rule));
    }
  }
  if (settings.readOnly === true) {
    for (const target of profile.readOnlyTmpfs ?? []) {
      if (mounts.has(target)) continue;
      const mount = tmpfs({ kind: 'tmpfs', target }, image, profile, 'platform');
      put(mount);
      because.push(ownership(mount, `read-only root: ${target}`, profile.sources.readOnlyTmpfs));
    }
  }
  return { mounts: [...mounts.values()].sort((a, b) => depth(a.target) - depth(b.target)), because };
}

const NO_DEVICES = ['nosuid', 'noexec', 'nodev'];

/** runc spec's defaults, which Docker, Podman, containerd and CRI-O share (containerd pkg/oci/mounts.go, moby oci/defaults.go). */
function platformMounts(privileged: boolean, { devOptions = [] }: PlatformProfile): LaunchMount[] {
  const mount = (
    type: LaunchMount['type'],
    target: string,
    mode: number,
    options: readonly string[],
    readOnly = false,
  ): LaunchMount => ({
    type,
    target,
    readOnly,
    options,
    uid: 0,
    gid: 0,
    mode,
    origin: 'platform',
  });
  const locked = !privileged;
  return [
    mount('proc', '/proc', 0o555, NO_DEVICES),
    mount('tmpfs', '/dev', 0o755, ['nosuid', ...devOptions, 'strictatime', 'mode=755', 'size=65536k']),
    mount('devpts', '/dev/pts', 0o755, ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    mount('tmpfs', '/dev/shm', 0o1777, [...NO_DEVICES, 'mode=1777', 'size=65536k']),
    mount('mqueue', '/dev/mqueue', 0o1777, NO_DEVICES),
    mount('sysfs', '/sys', 0o555, locked ? [...NO_DEVICES, 'ro'] : NO_DEVICES, locked),
    mount('cgroup', '/sys/fs/cgroup', 0o555, locked ? [...NO_DEVICES, 'relatime', 'ro'] : [...NO_DEVICES, 'relatime'], locked),
  ];
}

/** Volumes whose owner the kubelet decides. A folder that the user of an engine binds is one of this machine. */
function ofPod(volume: Volume): boolean {
  return (
    volume.kind === 'empty-dir' ||
    volume.kind === 'projected' ||
    volume.kind === 'external' ||
    (volume.kind === 'bind' && volume.type !== undefined)
  );
}

/** Dockerfile VOLUME without anything else mounted there; undefined = nothing is mounted, the image's own directory is used. */
function imageVolume(
  target: string,
  written: string,
  image: LaunchSubject,
  profile: PlatformProfile,
  identity: Identity,
  readOnlyRoot: boolean,
): LaunchMount | undefined {
  if (profile.imageVolumes === 'mkdir-user-owned') {
    // CRI-O mounts nothing: a directory that exists stays as it is, a missing one is made in the root file system.
    if (image.rootFs === undefined || directoryAt(target, image.rootFs) !== undefined) return undefined;
    const owned = { uid: identity.uid, gid: identity.gid, mode: 0o755 };
    return { type: 'volume', target, readOnly: readOnlyRoot, options: [], ...owned, origin: 'image' };
  }
  return {
    type: 'volume',
    target,
    readOnly: false,
    options: profile.volumeOptions ?? [],
    ...contentVolume(target, written, image, profile, identity),
    origin: 'image',
  };
}

/** A new, empty volume: the image's directory is copied into it, with owner and mode; else what the platform makes. */
function contentVolume(
  target: string,
  written: string,
  image: LaunchSubject,
  profile: PlatformProfile,
  identity: Identity,
): Partial<LaunchMount> {
  // Without the files of the image nobody knows whether the path exists.
  if (image.rootFs === undefined) return { copiesImageContent: true };
  const entry = directoryAt(target, image.rootFs);
  const user = profile.imageVolumes === 'copy-content-or-user-owned';
  if (entry !== undefined) {
    // Podman takes owner and mode of the path as it is written, which may be those of a symlink (observed with 4.3.1).
    const { uid, gid, mode } = (user ? image.rootFs.resolve(written, { follow: false }).entry : undefined) ?? entry;
    return { uid, gid, mode, copiesImageContent: true };
  }
  return emptyVolume(profile, identity);
}

/** As the engine makes it: Podman gives a volume that stays empty to the user. */
function emptyVolume(profile: PlatformProfile, identity: Identity): Pick<LaunchMount, 'uid' | 'gid' | 'mode'> {
  const user = profile.imageVolumes === 'copy-content-or-user-owned';
  return { uid: user ? identity.uid : 0, gid: user ? identity.gid : 0, mode: 0o755 };
}

function settingsVolume(
  volume: Volume,
  written: string,
  image: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  identity: Identity,
): LaunchMount {
  const common = {
    target: volume.target,
    readOnly: volume.readOnly === true,
    options: volume.readOnly === true ? ['ro'] : [],
    origin: 'settings' as const,
  };
  switch (volume.kind) {
    case 'bind':
      return { ...common, type: 'bind', ...(volume.source === undefined ? {} : { source: volume.source }) };
    case 'tmpfs':
      return tmpfs(volume, image, profile, 'settings');
    default: {
      const own = (): Partial<LaunchMount> =>
        volume.noCopy === true ? emptyVolume(profile, identity) : contentVolume(volume.target, written, image, profile, identity);
      const first = claim(volume, settings, profile) ?? own();
      const said = {
        ...(volume.uid !== undefined && { uid: volume.uid }),
        ...(volume.gid !== undefined && { gid: volume.gid }),
        ...(volume.mode !== undefined && { mode: volume.mode }),
        // Only Podman knows the option (podman-run(1), chowning volume mounts).
        ...(volume.chown === true && profile.passwdInjection === 'podman' && { uid: identity.uid, gid: identity.gid }),
      };
      const options = [...(profile.volumeOptions ?? []), ...common.options];
      return {
        ...common,
        type: 'volume',
        options,
        ...(volume.source === undefined ? {} : { source: volume.source }),
        ...first,
        ...said,
      };
    }
  }
}

/**
 * Under a kubelet a named volume is a claim: a new file system, empty, root's with mode 0755, whatever the image has there. The kubelet gives it
 * to fsGroup (pkg/volume/volume_linux.go); nothing else changes it.
 */
function claim({ kind }: Volume, { fsGroup }: ContainerSettings, { kubelet }: PlatformProfile): Partial<LaunchMount> | undefined {
  if (kind !== 'named' || !kubelet) return undefined;
  const made: Inode = { type: 'directory', uid: 0, gid: 0, mode: 0o755 };
  const { uid, gid, mode } = fsGroup === undefined ? made : withFsGroup(made, fsGroup);
  return { uid, gid, mode };
}

/** The mode of what it covers, never the owner; else the kernel's 1777. */
function tmpfs(volume: Volume, image: LaunchSubject, profile: PlatformProfile, origin: LaunchMount['origin']): LaunchMount {
  const covered = image.rootFs === undefined ? undefined : directoryAt(volume.target, image.rootFs);
  const copied = profile.tmpfs.copiesMode ? covered?.mode : undefined;
  const mode = (profile.tmpfs.explicitModeLost === true ? (copied ?? volume.mode) : (volume.mode ?? copied)) ?? 0o1777;
  const options = ['nosuid', 'nodev', ...(profile.tmpfs.copiesContent ? ['tmpcopyup'] : ['noexec'])];
  if (volume.mode !== undefined) options.push(`mode=${volume.mode.toString(8).padStart(4, '0')}`);
  if (volume.uid !== undefined) options.push(`uid=${volume.uid}`);
  if (volume.gid !== undefined) options.push(`gid=${volume.gid}`);
  if (volume.sizeLimit !== undefined) options.push(`size=${volume.sizeLimit}`);
  if (volume.readOnly === true) options.push('ro');
  return {
    type: 'tmpfs',
    target: volume.target,
    readOnly: volume.readOnly === true,
    options,
    uid: volume.uid ?? 0,
    gid: volume.gid ?? 0,
    mode,
    ...(profile.tmpfs.copiesContent && covered !== undefined ? { copiesImageContent: true } : {}),
    origin,
  };
}

function directoryAt(path: string, rootFs: RootFs): RootEntry | undefined {
  const entry = rootFs.resolve(path).entry;
  return entry?.type === 'directory' ? entry : undefined;
}

/** Runtimes mount where the path leads inside the image: `/var/run` is `/run` in most. */
export function placeOf(path: string, rootFs: RootFs | undefined): string {
  const plain = normalise(path);
  if (rootFs === undefined) return plain;
  const resolved = rootFs.resolve(plain);
  return resolved.error === undefined ? resolved.path : deepestExisting(plain, rootFs);
}

/** Follows the symlinks of the part that exists and keeps the rest. */
function deepestExisting(path: string, rootFs: RootFs): string {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const resolved = rootFs.resolve(path.slice(0, cut));
    if (resolved.entry !== undefined) return normalise(resolved.path + path.slice(cut));
  }
  return path;
}

function ownership(mount: LaunchMount, what: string, rule: string | undefined): Derivation {
  const value =
    mount.mode === undefined ? 'as in the image' : `${mount.uid}:${mount.gid} ${mount.mode.toString(8).padStart(4, '0')}`;
  const copied = mount.copiesImageContent === true ? ', with the content of the image' : '';
  return {
    field: `mounts.${mount.target}`,
    value,
    source: `${what} starts out as ${value}${copied}${rule === undefined ? '' : ` (${rule})`}`,
    where: { path: mount.target },
  };
}

const depth = (path: string): number => path.split('/').length;
