/** Folders behind the volumes of a pod, made as a kubelet makes them and shared by its containers; a node's own paths lie below a folder given for that. */
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Launch, LaunchMount } from '../launch/launch.ts';
import type { Inode } from '../linux/inode.ts';
import { type FsGroupRequest, giveToGroup } from './fs-group-walk.ts';
import { register, undo } from './reaper.ts';
import { insidePath } from './rootfs/inside.ts';

/** As `volumePlans` works it out. */
export interface FolderPlan {
  readonly name: string;
  readonly place: 'disk' | 'memory' | 'host' | 'node';
  readonly root: Inode;
  readonly entries: readonly {
    readonly path: string;
    readonly inode: Inode;
    readonly target?: string;
    readonly content?: Uint8Array;
  }[];
  /** memory: bytes. */
  readonly sizeLimit?: number;
  readonly path?: string;
  readonly hostPathType?: string;
  readonly fsGroup?: FsGroupRequest;
}

export interface PodFolders {
  /** The launch over the folders: its volumes are binds of them. Makes the subPaths it mounts: call it when the container is created. */
  over(launch: Launch): Launch;
  /** Volumes that have a folder here: what an engine is not asked to make. */
  readonly names: ReadonlySet<string>;
  readonly notes: readonly string[];
  close(): void;
}

const MEMORY = '/dev/shm';

/** `hostRoot`: what `/` of the node is; made and thrown away when absent. Throws `engine.pod-volume` in the kubelet's words. */
export function podFolders(plans: readonly FolderPlan[], hostRoot?: string): PodFolders {
  const closers: (() => void)[] = [];
  const notes: string[] = [];
  const made = new Map<string, string>();
  const close = (): void => {
    for (const each of closers.splice(0).toReversed()) each();
  };
  const fresh = (below: string): string => {
    const folder = mkdtempSync(join(below, 'unroot-pod-'));
    const written = register(undo.remove(folder));
    // Others than root must be able to pass: the container's user comes in by a bind mount, but its path is looked up by nobody else.
    chmodSync(folder, 0o700);
    closers.push(() => {
      rmSync(folder, { recursive: true, force: true });
      written.release();
    });
    return folder;
  };
  try {
    const disk = fresh(tmpdir());
    let memory: string | undefined;
    let host = hostRoot;
    for (const plan of plans) {
      if (plan.place === 'host') {
        host ??= fresh(tmpdir());
        made.set(plan.name, hostPath(plan, host));
        continue;
      }
      if (plan.place === 'node') {
        made.set(plan.name, nodeFolder(plan, hostRoot));
        continue;
      }
      if (plan.place === 'memory' && memory === undefined) {
        memory = writable(MEMORY) ? fresh(MEMORY) : disk;
        if (memory === disk)
          notes.push(`volume ${plan.name}: ${MEMORY} cannot be written, so its memory is a folder on the disk`);
      }
      const folder = join(plan.place === 'memory' ? memory! : disk, plan.name);
      mkdirSync(folder, { mode: 0o700 });
      if (plan.sizeLimit !== undefined) {
        if (process.getuid?.() === 0) closers.push(limited(folder, plan.sizeLimit));
        else notes.push(`volume ${plan.name}: only root can mount it with its sizeLimit, so it is as large as the memory`);
      }
      lay(folder, plan);
      made.set(plan.name, folder);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    notes,
    names: new Set(made.keys()),
    close,
    over(launch) {
      const bySetting = new Map((launch.settings.volumes ?? []).map((volume) => [normal(volume.target), volume]));
      const mounts = launch.mounts.map((mount): LaunchMount => {
        const volume = mount.origin === 'settings' ? bySetting.get(normal(mount.target)) : undefined;
        const folder = volume?.name === undefined ? undefined : made.get(volume.name);
        if (volume === undefined || folder === undefined) return mount;
        const { uid: _, gid: __, mode: ___, copiesImageContent: ____, entries: _____, ...rest } = mount;
        return { ...rest, type: 'bind', source: subFolder(folder, volume.subPath, mount) };
      });
      const words = lastWords(launch, disk());
      return { ...launch, mounts: [...mounts, ...words] };
    },
  };

  function disk(): string {
    return fresh(tmpdir());
  }
}

/** A tmpfs of its own; answers with what takes it away. Its owner and mode are set afterwards, as everywhere. */
function limited(folder: string, bytes: number): () => void {
  const written = register(undo.unmount(folder));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700,nosuid,nodev`, 'tmpfs', folder], { stdio: 'pipe' });
  return () => {
    execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
    written.release();
  };
}

const normal = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The file for a container's last words, which the kubelet makes for each (pkg/kubelet/kuberuntime, 0666). */
function lastWords(launch: Launch, folder: string): readonly LaunchMount[] {
  if (!launch.platform.kubelet) return [];
  const source = join(folder, 'termination-log');
  writeFileSync(source, '');
  chmodSync(source, 0o666);
  const target = normal(launch.settings.terminationMessagePath ?? '/dev/termination-log');
  return [{ type: 'bind', target, source, readOnly: false, options: [], origin: 'platform' }];
}

function own(path: string, { type, uid, gid, mode }: Inode): void {
  lchownSync(path, uid, gid);
  if (type !== 'symlink') chmodSync(path, mode);
}

/** Parents come before what is in them. */
function lay(folder: string, { root, entries }: FolderPlan): void {
  for (const { path, inode, target, content } of entries) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    if (inode.type === 'directory') mkdirSync(place, { recursive: true, mode: 0o755 });
    else if (inode.type === 'symlink') symlinkSync(target ?? '', place);
    else writeFileSync(place, content ?? '');
    own(place, inode);
  }
  own(folder, root);
}

/** kubernetes pkg/volume/hostpath; a missing folder without a type is made by the runtime (containerd internal/cri/opts WithMounts). */
function hostPath({ name, path = '', hostPathType = '', root }: FolderPlan, host: string): string {
  const inside = insidePath(host, path);
  if (inside === undefined) throw failed(name, `hostPath type check failed: ${path} is a loop of links`);
  const place = join(host, inside);
  const stat = lstatSync(place, { throwIfNoEntry: false });
  const check = (fits: boolean | undefined, what: string): void => {
    if (fits !== true) throw failed(name, `hostPath type check failed: ${path} is not ${what}`);
  };
  switch (hostPathType) {
    case 'Directory':
      check(stat?.isDirectory(), 'a directory');
      return place;
    case 'File':
      check(stat?.isFile(), 'a file');
      return place;
    case 'Socket':
      check(stat?.isSocket(), 'a socket file');
      return place;
    case 'CharDevice':
      check(stat?.isCharacterDevice(), 'a character device');
      return place;
    case 'BlockDevice':
      check(stat?.isBlockDevice(), 'a block device');
      return place;
    case 'FileOrCreate':
      if (stat === undefined) {
        mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
        writeFileSync(place, '', { mode: 0o644 });
        chmodSync(place, 0o644);
      } else check(stat.isFile(), 'a file');
      return place;
    default:
      if (stat === undefined) {
        mkdirSync(place, { recursive: true, mode: root.mode });
        chmodSync(place, root.mode);
      } else if (hostPathType === 'DirectoryOrCreate') check(stat.isDirectory(), 'a directory');
      return place;
  }
}

/** kubernetes pkg/volume/local: the folder must be there, and the first mount gives it to fsGroup. */
function nodeFolder({ name, path = '', fsGroup }: FolderPlan, host: string | undefined): string {
  const inside = host === undefined ? undefined : insidePath(host, path);
  const place = inside === undefined ? undefined : join(host!, inside);
  if (place === undefined || lstatSync(place, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw failed(name, `path "${path}" does not exist`);
  if (fsGroup !== undefined) giveToGroup(place, fsGroup);
  return place;
}

const failed = (name: string, why: string): UnrootError =>
  new UnrootError(`MountVolume.SetUp failed for volume "${name}" : ${why}`, {
    code: 'engine.pod-volume',
    hint: 'paths of the node are looked up below --host-root, which starts out empty',
  });

/** Made with the mode of the volume's root when it is missing; its group follows where the root hands it on (kubelet_pods.go makeMounts). */
function subFolder(folder: string, subPath: string | undefined, mount: LaunchMount): string {
  if (subPath === undefined || subPath === '') return folder;
  const inside = insidePath(folder, subPath);
  if (inside === undefined || subPath.split('/').includes('..'))
    throw failed(mount.target, `subPath ${subPath} leads out of the volume`);
  const place = join(folder, inside);
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) return place;
  const root = lstatSync(folder);
  let at = folder;
  for (const word of inside.split('/')) {
    at = join(at, word);
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) continue;
    mkdirSync(at);
    chownSync(at, 0, (root.mode & 0o2000) === 0 ? 0 : root.gid);
    chmodSync(at, root.mode & 0o7777);
  }
  return place;
}
