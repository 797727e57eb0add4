/** The files a container's process would see: the image's, with the mounts of its Launch laid over, /dev, and the part of /proc that is known. */
import type { RootEntry, RootFs } from '../image/image.ts';
import { unpackedAcl } from '../linux/acl.ts';
import type { FileNode, FileTree } from '../linux/decision.ts';
import { isWithin } from '../linux/file-path.ts';
import type { Inode } from '../linux/inode.ts';
import { normalise } from './command.ts';
import { DEVICE_NODES, terminalNode } from './device-nodes.ts';
import type { Launch, LaunchDevice, LaunchMount } from './launch.ts';
import { procNode } from './proc-nodes.ts';
import { seenFromOwnUsers } from './user-namespace.ts';

/** Of a Launch, what its files depend on. */
export type FileTreeSubject = Pick<
  Launch,
  'uid' | 'gid' | 'cwd' | 'mounts' | 'devices' | 'readOnlyRoot' | 'platform' | 'settings'
> &
  Partial<Pick<Launch, 'effectiveUid' | 'effectiveGid' | 'capabilities' | 'runtimeCapabilities' | 'notDumpable'>>;

export interface FileTreeOptions {
  /** What is known of binds of the host, and of volumes whose content is not known otherwise, by mount target; paths handed to `lookup` are those inside the container. */
  readonly binds?: ReadonlyMap<string, FileTree>;
}

/** Written by the engine and bound over the image's, root 0644; the kubelet's /etc/hosts too. */
export const ENGINE_FILES: ReadonlySet<string> = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf']);

/** Podman's, when nothing is mounted over its folder from memory: empty, or about a privileged container (libpod setupContainerEnv; observed with 4.3.1). */
export const CONTAINER_ENV = '/run/.containerenv';

/** Nodes kept. */
const MOST_SEEN = 100_000;

/** What a file has from the mount it lives on. */
type MountFlags = Pick<FileNode, 'mount' | 'lower' | 'readOnly' | 'noExec' | 'noSuid' | 'noDev'>;

/** A mount with what every file on it has from it, worked out once. */
interface Laid {
  readonly mount: LaunchMount;
  readonly flags: MountFlags;
  /** What the paths below its target begin with. */
  readonly prefix: string;
}

/**
 * Hard links of the image get no common `id`: on the overlay file systems that containers have as their root, two names of one file of a
 * lower layer are two inodes to the kernel, which really renames one over the other (fs/overlayfs/inode.c ovl_hash_bylower, index=off).
 */
export function fileTree(launch: FileTreeSubject, rootFs: RootFs, options: FileTreeOptions = {}): FileTree {
  const rootFlags: MountFlags = { mount: '/', ...(launch.readOnlyRoot ? { readOnly: true } : {}) };
  const laid = [...launch.mounts]
    .sort((a, b) => b.target.length - a.target.length)
    .map((mount): Laid => {
      const prefix = mount.target === '/' ? '/' : `${mount.target}/`;
      return { mount, prefix, flags: isMounted(mount, launch) ? flagsOf(mount) : rootFlags };
    });
  const lastWords = terminationLog(launch);
  const containerEnv = hasContainerEnv(launch) ? CONTAINER_ENV : undefined;
  const made = madeDirectories(launch, rootFs, [...ENGINE_FILES, lastWords, containerEnv]);
  const ownUsers = launch.platform.kubelet && launch.settings.hostUsers === false;
  // Directories of the image lie in lower layers of an overlay.
  const lowerFlags: MountFlags = { ...rootFlags, lower: true };
  /** What was shown already, but for folders of the host: nothing else changes, and the same directories are asked for again and again. */
  const seen = new Map<string, FileNode>();
  /** What mount points hide, once it was asked for. */
  const covered = new Map<string, Inode | undefined>();
  return {
    lookup: ownUsers ? (path) => seenFromOwnUsers(path, lookup(path)) : lookup,
  };

  function lookup(path: string): FileNode | 'unknown' | undefined {
    const before = seen.get(path);
    if (before !== undefined) return before;
    const over = mountOver(path);
    const node = look(path, over);
    const changes = over !== undefined && options.binds?.has(over.mount.target) === true;
    if (typeof node === 'object' && !changes && seen.size < MOST_SEEN) seen.set(path, node);
    return node;
  }

  function look(path: string, over: Laid | undefined): FileNode | 'unknown' | undefined {
    const device = launch.devices?.find((one) => one.path === path);
    if (device !== undefined) return deviceNode(device);
    // Bound over everything else, unless something is mounted at that very place.
    const mountedOver = ENGINE_FILES.has(path) || path === lastWords || path === containerEnv;
    if (path === '/etc/resolv.conf' && launch.platform.resolvConfNeedsNetwork === true && launch.settings.network === 'none')
      return ofImage(path);
    if (mountedOver && over?.mount.target !== path)
      return mountPoint(path, path === lastWords ? lastWordsFile(path) : engineFile(path, launch));
    if (over === undefined) return ofRoot(path);
    const found = onMount(path, over, launch, rootFs, options, made);
    return path === over.mount.target && over.flags !== rootFlags ? mountPoint(path, found) : found;
  }

  function ofImage(path: string): FileNode | undefined {
    const entry = laidEntry(path);
    return entry === undefined ? undefined : nodeOf(entry, rootFlags);
  }

  /** As the platform's store lays layers on top of each other. */
  function laidEntry(path: string): RootEntry | undefined {
    const entry = unpacked(rootFs.get(path), launch.platform);
    if (entry?.passedBy === undefined || launch.platform.unlistedDirectoriesMadeAnew !== true) return entry;
    const { path: same, type, size, mtime, layer } = entry;
    return { path: same, type, size, mtime, layer, uid: 0, gid: 0, mode: 0o755 };
  }

  /** Where nothing is mounted. */
  function ofRoot(path: string): FileNode | undefined {
    const entry = laidEntry(path);
    const rootMode = path === '/' ? launch.platform.rootDirectoryMode : undefined;
    if (entry !== undefined) {
      const flags = entry.type === 'directory' ? lowerFlags : rootFlags;
      return nodeOf(rootMode === undefined ? entry : { ...entry, mode: rootMode }, flags);
    }
    if (!made.has(path)) return undefined;
    const { uid, gid } = path === launch.cwd && launch.platform.madeWorkdirOwner === 'user' ? launch : { uid: 0, gid: 0 };
    return { inode: { type: 'directory', uid, gid, mode: 0o755 }, ...rootFlags };
  }

  /** With the directory or file that it hides. */
  function mountPoint(path: string, node: FileNode | 'unknown' | undefined): FileNode | 'unknown' | undefined {
    if (node === undefined || node === 'unknown') return node;
    if (!covered.has(path)) covered.set(path, below(path));
    const hidden = covered.get(path);
    return hidden === undefined ? node : { ...node, covered: hidden };
  }

  function mountOver(path: string): Laid | undefined {
    for (const one of laid) if (path.startsWith(one.prefix) || path === one.mount.target) return one;
    return undefined;
  }

  function below(path: string): Inode | undefined {
    const over = laid.find(({ mount }) => mount.target !== path && isWithin(path, mount.target));
    const node = over === undefined ? ofRoot(path) : onMount(path, over, launch, rootFs, options, made);
    return node === undefined || node === 'unknown' ? undefined : node.inode;
  }

  /** Made with mknod where it lies; in a user namespace nobody may do that, and it is bound from the host (runc rootfs_linux.go createDevices). */
  function deviceNode({ path, inode }: LaunchDevice): FileNode | 'unknown' {
    if (inode === undefined) return 'unknown';
    if (ownUsers) return { inode, mount: path };
    return { inode, ...(mountOver(path)?.flags ?? rootFlags) };
  }
}

/** CRI-O mounts nothing at an image's VOLUME: it makes the directory in the root file system. */
function isMounted({ type, origin }: LaunchMount, { platform }: FileTreeSubject): boolean {
  return !(type === 'volume' && origin === 'image' && platform.imageVolumes === 'mkdir-user-owned');
}

function flagsOf({ target, readOnly, options }: LaunchMount): MountFlags {
  return {
    mount: target,
    ...(readOnly ? { readOnly: true } : {}),
    ...(options.includes('noexec') ? { noExec: true } : {}),
    ...(options.includes('nosuid') ? { noSuid: true } : {}),
    ...(options.includes('nodev') ? { noDev: true } : {}),
  };
}

/** Directories the runtime makes because something is mounted in them, or because it is the working directory. 0755, root's unless the platform says otherwise. */
function madeDirectories(launch: FileTreeSubject, rootFs: RootFs, files: readonly (string | undefined)[]): ReadonlySet<string> {
  const made = new Set<string>();
  const add = (path: string): void => {
    for (let cut = path.indexOf('/', 1); cut > 0; cut = path.indexOf('/', cut + 1)) made.add(path.slice(0, cut));
  };
  for (const { target } of launch.mounts) add(`${target}/`);
  for (const path of files) if (path !== undefined) add(path);
  const cwd = rootFs.resolve(launch.cwd);
  if (cwd.entry === undefined) add(`${launch.cwd}/`);
  return made;
}

function hasContainerEnv({ platform, mounts }: FileTreeSubject): boolean {
  return platform.passwdInjection === 'podman' && !mounts.some(({ type, target }) => type === 'tmpfs' && target === '/run');
}

/** The kubelet's /etc/hosts is bound writable even over a read-only root; the engine's files follow the root. */
function engineFile(path: string, launch: FileTreeSubject): FileNode {
  const readOnly = launch.readOnlyRoot && !(launch.platform.kubelet && path === '/etc/hosts');
  return { inode: { type: 'file', uid: 0, gid: 0, mode: 0o644 }, mount: path, ...(readOnly ? { readOnly } : {}) };
}

/** kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go makeMounts: an empty file of root's, 0666, for every container of a pod. */
function terminationLog({ platform, settings }: FileTreeSubject): string | undefined {
  return platform.kubelet ? normalise(settings.terminationMessagePath ?? '/dev/termination-log') : undefined;
}

const lastWordsFile = (path: string): FileNode => ({ inode: { type: 'file', uid: 0, gid: 0, mode: 0o666 }, mount: path });

function onMount(
  path: string,
  { mount, flags }: Laid,
  launch: FileTreeSubject,
  rootFs: RootFs,
  options: FileTreeOptions,
  made: ReadonlySet<string>,
): FileNode | 'unknown' | undefined {
  const below = path === mount.target ? '' : path.slice(mount.target === '/' ? 1 : mount.target.length + 1);
  const own = (inode: Inode): FileNode => ({ ...flags, inode });
  switch (mount.type) {
    case 'bind':
      return bound(options.binds?.get(mount.target), path, flags);
    case 'proc':
      return procNode(below, launch, launch.settings.privileged === true || launch.settings.unmaskedProc === true);
    case 'devpts':
      return below === '' ? own(root(mount)) : below.includes('/') ? undefined : terminalNode(below);
    case 'sysfs':
    case 'cgroup':
      return below === '' ? own(root(mount)) : 'unknown';
    case 'mqueue':
      return below === '' ? own(root(mount)) : undefined;
    case 'tmpfs':
    case 'volume': {
      if (mount.contentUnknown === true && options.binds?.has(mount.target) === true)
        return bound(options.binds.get(mount.target), path, flags);
      if (mount.contentUnknown === true || mount.entries !== undefined) return onKnownEntries(below, mount, own, made.has(path));
      if (below === '') return mount.mode === undefined ? rootOfUnknown(mount, rootFs, own) : own(root(mount));
      if (mount.copiesImageContent === true) {
        const entry = unpacked(rootFs.get(path), launch.platform);
        // mrunalp/fileutils 0.5.0, which runc 1.1 copies with: folders get the mode of the top one.
        const flattened = mount.type === 'tmpfs' && launch.platform.runtime === 'runc-1.1' && entry?.type === 'directory';
        if (flattened) return nodeOf({ ...(entry as RootEntry), mode: (mount.mode ?? 0o755) & 0o755 }, flags);
        if (entry !== undefined) return nodeOf(entry, flags);
      }
      if (mount.target === '/dev' && mount.origin === 'platform') return devNode(below, launch, made.has(path));
      return made.has(path) ? own({ type: 'directory', uid: 0, gid: 0, mode: 0o755 }) : undefined;
    }
  }
}

/** What somebody wrote there before the start; beyond that, nothing, or nobody knows what. */
function onKnownEntries(
  below: string,
  mount: LaunchMount,
  own: (inode: Inode) => FileNode,
  made: boolean,
): FileNode | 'unknown' | undefined {
  const entry = mount.entries?.find(({ path }) => path === below);
  if (entry !== undefined) return entry.target === undefined ? own(entry.inode) : { ...own(entry.inode), target: entry.target };
  if (below === '' && mount.mode !== undefined) return own(root(mount));
  if (made && below !== '') return own({ type: 'directory', uid: 0, gid: 0, mode: 0o755 });
  return mount.contentUnknown === true ? 'unknown' : undefined;
}

/** No tree: nobody knows. A tree that has no such file says so. */
function bound(tree: FileTree | undefined, path: string, flags: MountFlags): FileNode | 'unknown' | undefined {
  const node = tree === undefined ? 'unknown' : tree.lookup(path);
  return node === undefined || node === 'unknown' ? node : { ...flags, ...node };
}

function devNode(below: string, launch: FileTreeSubject, made: boolean): FileNode | 'unknown' | undefined {
  const known = DEVICE_NODES[below];
  if (known !== undefined) return below === 'tty' && launch.settings.tty !== true ? { ...known, noTerminal: true } : known;
  // A privileged container has the host's devices, whatever they are.
  if (launch.settings.privileged === true) return 'unknown';
  return made
    ? { inode: { type: 'directory', uid: 0, gid: 0, mode: 0o755 }, mount: '/dev', noExec: true, noSuid: true }
    : undefined;
}

function root(mount: LaunchMount): Inode {
  return { type: 'directory', uid: mount.uid ?? 0, gid: mount.gid ?? 0, mode: mount.mode ?? 0o755 };
}

/** A volume planned without the image's files takes its root from them now. */
function rootOfUnknown(mount: LaunchMount, rootFs: RootFs, own: (inode: Inode) => FileNode): FileNode | 'unknown' {
  const entry = rootFs.get(mount.target);
  return entry?.type === 'directory' ? own(inodeOf(entry)) : 'unknown';
}

/** Where mode and access control list of a layer disagree, what comes last counts. */
function unpacked(entry: RootEntry | undefined, { listsSetLast }: Launch['platform']): RootEntry | undefined {
  if (entry?.acl === undefined) return entry;
  const { acl, ...rest } = entry;
  return { ...rest, ...unpackedAcl(entry.mode, acl, listsSetLast === true) };
}

function nodeOf(entry: RootEntry, flags: MountFlags): FileNode {
  const inode = inodeOf(entry);
  return entry.target === undefined ? { ...flags, inode } : { ...flags, inode, target: entry.target };
}

function inodeOf({ type, uid, gid, mode, acl, defaultAcl, fileCapabilities }: RootEntry): Inode {
  return {
    type,
    uid,
    gid,
    mode,
    ...(acl === undefined ? {} : { acl }),
    ...(defaultAcl === undefined ? {} : { defaultAcl }),
    ...(fileCapabilities === undefined ? {} : { fileCapabilities }),
  };
}
