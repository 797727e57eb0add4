/** COPY and ADD: what they put where, with the owner and mode that BuildKit gives it (fsutil copy, dockerfile2llb dispatchCopy). */
import { type BuildContext, contextPattern } from './build-context.ts';
import {
  type BuildNode,
  type BuildTree,
  below,
  buildTree,
  copyOf,
  directoryInfo,
  makeFolders,
  type NodeInfo,
  pathOf,
} from './build-tree.ts';

/** Context folders as trees, made once. */
const trees = new WeakMap<BuildContext, BuildTree | undefined>();

/** The build context as a tree in which everything is root's. Undefined: it is too large to look at. */
export function contextTree(context: BuildContext): BuildTree | undefined {
  if (trees.has(context)) return trees.get(context);
  const entries = context.entries();
  const tree = entries === undefined ? undefined : buildTree();
  for (const entry of entries ?? []) {
    const { path, type, mode, size, mtime, target } = entry;
    const cut = path.lastIndexOf('/');
    const parent = makeFolders(tree!, path.slice(0, Math.max(cut, 0)), () => directoryInfo(0));
    if (parent === undefined || path === '') continue;
    tree!.put(
      parent,
      path.slice(cut + 1),
      {
        type,
        uid: 0,
        gid: 0,
        mode: type === 'symlink' ? 0o777 : mode,
        size,
        mtime,
        layer: 0,
        ...(target === undefined ? {} : { target }),
      },
      type === 'file' ? { kind: 'read', read: (limit) => context.read(path, limit) } : undefined,
    );
  }
  trees.set(context, tree);
  return tree;
}

export interface CopyOptions {
  readonly layer: number;
  /** `--chown`; absent = as the source has it: root for the context. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** `--chmod`. */
  readonly mode?: (old: number, directory: boolean) => number;
}

export interface CopyResult {
  /** Nothing in the source fits: the build stops there. */
  readonly missing?: string;
  /** Files that had capabilities and were replaced. */
  readonly lost: readonly string[];
  /** Something stood in the way that a build would stop at. */
  readonly blocked?: string;
}

/** The nodes that a source word names. */
export function sourcesOf(tree: BuildTree, word: string): readonly BuildNode[] {
  const plain = word
    .replace(/^(?:\.?\/)+/, '')
    .replace(/\/+\.?$/, '')
    .replace(/^\.$/, '');
  if (!/[*?[\\]/.test(plain)) {
    const { node } = tree.find(`/${plain}`);
    return node === undefined ? [] : [node];
  }
  const regex = contextPattern(
    plain
      .split('/')
      .filter((part) => part !== '.')
      .join('/'),
  );
  return [...below(tree.root)]
    .filter((node) => node.parent !== undefined && regex.test(pathOf(node).slice(1)))
    .sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}

/** `destination` is absolute; a slash at its end makes it a folder. */
export function copyInto(
  tree: BuildTree,
  sources: readonly BuildNode[],
  destination: string,
  options: CopyOptions,
  several: boolean,
): CopyResult {
  const lost: string[] = [];
  const folderInfo = (): NodeInfo => {
    const { uid, gid } = options.owner ?? { uid: 0, gid: 0 };
    return directoryInfo(options.layer, uid, gid, 0o755);
  };
  for (const source of sources) {
    const existing = tree.find(destination).node;
    const isFolder = destination.endsWith('/') || several || existing?.info.type === 'directory';
    if (source.info.type === 'directory') {
      const target = folderFor(tree, source, destination, existing, options, folderInfo);
      if (target === undefined) return { lost, blocked: destination };
      merge(source, target, tree, options, lost);
      continue;
    }
    const parentPath = isFolder ? destination : destination.slice(0, destination.lastIndexOf('/')) || '/';
    const parent = makeFolders(tree, parentPath, folderInfo);
    if (parent === undefined) return { lost, blocked: parentPath };
    const name = isFolder ? source.name : destination.slice(destination.lastIndexOf('/') + 1);
    place(source, parent, name, options, lost);
  }
  return { lost };
}

function folderFor(
  tree: BuildTree,
  source: BuildNode,
  destination: string,
  existing: BuildNode | undefined,
  options: CopyOptions,
  folderInfo: () => NodeInfo,
): BuildNode | undefined {
  if (existing !== undefined) return existing.info.type === 'directory' ? existing : undefined;
  const plain = destination.replace(/\/+$/, '');
  // A path that ends with a slash is made before anything is copied; another one takes after the source.
  if (destination.endsWith('/')) return makeFolders(tree, plain, folderInfo);
  const cut = plain.lastIndexOf('/');
  const parent = makeFolders(tree, plain.slice(0, cut) || '/', folderInfo);
  return parent === undefined ? undefined : tree.put(parent, plain.slice(cut + 1), infoOf(source, options));
}

function infoOf({ info }: BuildNode, { owner, mode, layer }: CopyOptions): NodeInfo {
  const { uid, gid } = owner ?? info;
  const isLink = info.type === 'symlink';
  return {
    ...info,
    uid,
    gid,
    mode: mode === undefined || isLink ? info.mode : mode(info.mode, info.type === 'directory'),
    layer,
  };
}

function merge(source: BuildNode, target: BuildNode, tree: BuildTree, options: CopyOptions, lost: string[]): void {
  for (const child of source.children?.values() ?? []) {
    const old = target.children?.get(child.name);
    if (child.info.type === 'directory' && old?.info.type === 'directory') {
      Object.assign(old.info, infoOf(child, options));
      merge(child, old, tree, options, lost);
    } else place(child, target, child.name, options, lost);
  }
}

/** Replaces whatever is there. */
function place(source: BuildNode, parent: BuildNode, name: string, options: CopyOptions, lost: string[]): void {
  const old = parent.children?.get(name);
  if (old?.info.fileCapabilities !== undefined) lost.push(pathOf(old));
  const made = copyOf(source, name, parent);
  for (const node of below(made)) node.info = { ...infoOf(node, options) };
  parent.children ??= new Map();
  parent.children.set(name, made);
}
