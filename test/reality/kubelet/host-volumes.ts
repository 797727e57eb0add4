/** What lay in the node's folders before a pod came (its annotation `unroot/host-files`), and what the model says the kubelet makes of it. */
import { rootIsRight, withFsGroup } from '../../../src/launch/fs-group.ts';
import type { FileNode, FileTree } from '../../../src/linux/decision.ts';
import type { Inode } from '../../../src/linux/inode.ts';
import type { ContainerSettings, Volume } from '../../../src/workload/container.ts';
import type { Pod } from '../../../src/workload/formats/kubernetes/pod-spec.ts';
import type { Surroundings } from '../../../src/workload/formats/kubernetes/surroundings.ts';

interface HostFile {
  readonly type: Inode['type'];
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly target?: string;
}

interface Known {
  readonly inode: Inode;
  readonly target?: string;
}

/** By mount target, as `fileTree` takes it; only volumes that lie where the annotation put files. */
export function hostVolumes(pod: Pod, settings: ContainerSettings, around: Surroundings): ReadonlyMap<string, FileTree> {
  const text = pod.metadata?.annotations?.['unroot/host-files'];
  const trees = new Map<string, FileTree>();
  if (text === undefined) return trees;
  const home = `/srv/${pod.metadata?.name}`;
  const files = new Map(
    Object.entries(JSON.parse(text) as Readonly<Record<string, HostFile>>).map(([path, file]) => [`${home}${path}`, known(file)]),
  );
  for (const volume of settings.volumes ?? []) {
    const claim = volume.type === 'persistentVolumeClaim' ? around.claims?.get(volume.source ?? '') : undefined;
    const base = volume.type === 'hostPath' ? volume.source : claim?.path;
    const root = files.get(base ?? '');
    if (base === undefined || root === undefined || root.inode.type === 'symlink') continue;
    const tree = treeOf(walked(below(files, base), volume, settings), volume);
    if (tree !== undefined) trees.set(volume.target, tree);
  }
  return trees;
}

function known({ type, mode, uid = 0, gid = 0, target }: HostFile): Known {
  const usual = type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644;
  const inode = { type, uid, gid, mode: mode === undefined ? usual : Number.parseInt(mode, 8) };
  return target === undefined ? { inode } : { inode, target };
}

/** With paths below the root, '' the root itself. */
function below(files: ReadonlyMap<string, Known>, base: string): ReadonlyMap<string, Known> {
  const found = [...files].filter(([path]) => path === base || path.startsWith(`${base}/`));
  return new Map(found.map(([path, file]) => [path.slice(base.length + 1), file]));
}

function walked(files: ReadonlyMap<string, Known>, volume: Volume, settings: ContainerSettings): ReadonlyMap<string, Known> {
  const { fsGroup, fsGroupChangePolicy } = settings;
  const root = files.get('')?.inode;
  if (fsGroup === undefined || root === undefined || volume.takesFsGroup?.answer !== 'yes') return files;
  if (fsGroupChangePolicy === 'OnRootMismatch' && rootIsRight(root, fsGroup)) return files;
  return new Map([...files].map(([path, file]) => [path, { ...file, inode: withFsGroup(file.inode, fsGroup) }]));
}

function treeOf(files: ReadonlyMap<string, Known>, volume: Volume): FileTree | undefined {
  const sub = volume.subPath;
  let shown = files;
  if (sub !== undefined) {
    shown = below(files, sub);
    const root = files.get('')?.inode as Inode;
    // Made with the mode of the root; below a setgid folder with its group.
    const made = { ...root, uid: 0, gid: (root.mode & 0o2000) === 0 ? 0 : root.gid };
    if (shown.size === 0) shown = new Map([['', { inode: made }]]);
    else if (shown.get('')?.inode.type === 'symlink') return undefined;
  }
  return {
    lookup(path): FileNode | undefined {
      const file = shown.get(path.slice(volume.target.length + 1));
      return file === undefined ? undefined : { ...file, ...(volume.readOnly === true ? { readOnly: true } : {}) };
    },
  };
}
