/** The files of a Launch with what an explanation wants to know besides: what is in a folder, and what stands behind `#!`. */
import type { RootFs } from '../image/image.ts';
import { ENGINE_FILES } from '../launch/file-tree.ts';
import type { Launch, LaunchMount } from '../launch/launch.ts';
import type { FileTree } from '../linux/decision.ts';
import { baseName, childPath, isWithin, parentPath } from '../linux/file-path.ts';
import type { Program } from '../linux/program.ts';

/** The innermost mount over a path; undefined = the root file system. */
export function mountOver(path: string, mounts: readonly LaunchMount[]): LaunchMount | undefined {
  let best: LaunchMount | undefined;
  for (const mount of mounts) {
    if (isWithin(path, mount.target) && mount.target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best;
}

/** Whether what lies there came with the image. */
export function fromImage(path: string, mounts: readonly LaunchMount[]): boolean {
  if (ENGINE_FILES.has(path)) return false;
  const mount = mountOver(path, mounts);
  return mount === undefined || (mount.copiesImageContent === true && path !== mount.target);
}

/** `programs`: what the files are that are executed; the interpreters of scripts are absolute. */
export function seenTree(
  base: FileTree,
  launch: Launch,
  rootFs: RootFs,
  programs: ReadonlyMap<string, Program> = new Map(),
): FileTree {
  const { mounts } = launch;
  return {
    lookup(path) {
      const node = base.lookup(path);
      if (node === undefined || node === 'unknown') return node;
      const program = programs.get(path);
      if (program?.kind === 'script') return { ...node, program, interpreter: program.interpreter };
      if (program !== undefined) return { ...node, program };
      // What others put there, nobody has looked into.
      return node.inode.type === 'file' && !fromImage(path, mounts) ? { ...node, program: { kind: 'unread' } } : node;
    },
    list(path) {
      const node = base.lookup(path);
      if (node === undefined || node === 'unknown') return node;
      const mount = mountOver(path, mounts);
      const made = [...mounts.map(({ target }) => target), ...ENGINE_FILES].filter(
        (target) => target !== '/' && parentPath(target) === path,
      );
      const names = new Set(made.map(baseName));
      if (mount?.contentUnknown === true) return base.list?.(path) ?? 'unknown';
      const target = mount?.target ?? '/';
      for (const entry of mount?.entries ?? [])
        if (entry.path !== '' && parentPath(childPath(target, entry.path)) === path) names.add(baseName(entry.path));
      if (mount !== undefined && !['tmpfs', 'volume'].includes(mount.type)) return base.list?.(path) ?? 'unknown';
      // Entries of the image show through where nothing is mounted, and where its content was copied.
      if (mount === undefined || mount.copiesImageContent === true) for (const name of rootFs.list(path)) names.add(name);
      return [...names].sort();
    },
  };
}
