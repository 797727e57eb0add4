/**
 * Lays layers on top of each other, as overlay-based runtimes do: each layer is extracted by itself and then covers those below. So a
 * directory that a layer only implies hides a lower symlink or file of that name, while symlinks of the same layer are followed.
 */
import { UnrootError, type Where } from '../error.ts';
import { type LayerIndex, normalise } from './layer-index.ts';
import { shown, type TarEntry } from './tar-header.ts';

/** A name in the tree. */
export interface MergedNode {
  readonly name: string;
  readonly parent: MergedNode | undefined;
  /** What the layer says of it. Never changed: indexes are merged again when a layer is put on top. */
  tar: TarEntry;
  /** Layer that set owner and mode; -1 = implied. */
  layer: number;
  /** Layer that has the content, at `tar.offset` of its uncompressed tar. */
  contentLayer: number;
  /** Layer that made this name. */
  nameLayer: number;
  hardlinkTo: string | undefined;
  /** Last layer that has something below this directory; above `layer`, it does so without listing the directory itself. */
  passed: number;
  children: Map<string, MergedNode> | undefined;
}

/** Links a lookup follows before it gives up with ELOOP (path_resolution(7)). */
export const MAX_SYMLINKS = 40;

const IMPLIED: TarEntry = {
  name: '',
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  link: undefined,
  device: undefined,
  xattrs: undefined,
  offset: 0,
};

/** Names of one file, the first of them the one that has the content. */
type LinkGroups = Map<MergedNode, MergedNode[]>;

function node(name: string, parent: MergedNode | undefined, tar: TarEntry, layer: number): MergedNode {
  const set = tar === IMPLIED ? -1 : layer;
  return {
    name,
    parent,
    tar,
    layer: set,
    contentLayer: layer,
    nameLayer: layer,
    hardlinkTo: undefined,
    passed: -1,
    children: undefined,
  };
}

/** Merges the layers, bottom first, and returns the root. */
export function mergeLayers(layers: readonly LayerIndex[], where: Where): MergedNode {
  const root = node('', undefined, IMPLIED, -1);
  layers.forEach((layer, index) => {
    applyLayer(root, layer, index, { ...where, layer: index });
  });
  return root;
}

function applyLayer(root: MergedNode, layer: LayerIndex, index: number, where: Where): void {
  // Whiteouts act on lower layers only, wherever they stand in the archive.
  for (const path of layer.opaque) {
    const directory = find(root, path);
    directory?.children?.clear();
  }
  for (const path of layer.removed) {
    const target = find(root, path);
    target?.parent?.children?.delete(target.name);
    // A whiteout is a file of the layer, which lies in a directory of it.
    for (let at = target?.parent; at?.parent !== undefined; at = at.parent) at.passed = index;
  }
  // Archives list a directory's files together: remember the last parent.
  let lastPath: string | undefined;
  let lastParent: MergedNode | undefined;
  const groups: LinkGroups = new Map();
  for (let i = 0; i < layer.entries.length; i++) {
    const tar = layer.entries[i]!;
    const path = layer.paths[i]!;
    if (path === '') {
      if (tar.type === 'directory') describe(root, tar, index);
      continue;
    }
    const slash = path.lastIndexOf('/');
    const parentPath = slash < 0 ? '' : path.slice(0, slash);
    if (lastPath !== parentPath || lastParent === undefined) {
      lastParent = parentOf(root, parentPath, index, tar, where);
      lastPath = parentPath;
    }
    const name = path.slice(slash + 1);
    lastParent.children ??= new Map();
    const existing = lastParent.children.get(name);
    if (tar.type === 'hardlink') {
      lastParent.children.set(name, hardLink(root, lastParent, name, tar, index, groups, where));
    } else if (tar.type === 'directory' && existing?.tar.type === 'directory') {
      describe(existing, tar, index);
      existing.nameLayer = index;
      continue;
    } else {
      lastParent.children.set(name, node(name, lastParent, tar, index));
    }
    // A replaced directory or symlink may have been the remembered parent, or lead to it.
    if (existing !== undefined && existing.tar.type !== 'file') lastPath = undefined;
  }
}

function describe(directory: MergedNode, tar: TarEntry, layer: number): void {
  directory.tar = tar;
  directory.layer = layer;
}

/** A second name for a file. Runtimes set owner and mode from the link's own header, and all names share them. */
function hardLink(
  root: MergedNode,
  parent: MergedNode,
  name: string,
  tar: TarEntry,
  layer: number,
  groups: LinkGroups,
  where: Where,
): MergedNode {
  const targetPath = normalise(tar.link ?? '', where);
  const target = find(root, targetPath);
  const fail = (reason: string): UnrootError =>
    new UnrootError(`the hard link ${shown(tar.name)} points to ${shown(tar.link ?? '')}, ${reason}`, {
      code: 'image.bad-hardlink',
      where: { ...where, entry: tar.name },
      expected: 'a file that stands earlier in the layer',
      hint: 'No runtime can extract this layer; build the image again.',
    });
  if (target === undefined) throw fail('which does not exist');
  if (target.tar.type === 'directory') throw fail('which is a directory');
  const made = node(name, parent, target.tar, layer);
  made.contentLayer = target.contentLayer;
  made.hardlinkTo = target.hardlinkTo ?? `/${targetPath}`;
  const group = groups.get(target) ?? [target];
  group.push(made);
  groups.set(target, group);
  groups.set(made, group);
  const old = target.tar;
  const mode = old.type === 'symlink' ? old.mode : tar.mode;
  const same = old.uid === tar.uid && old.gid === tar.gid && old.mode === mode && tar.xattrs === undefined;
  const shared = same ? old : { ...old, uid: tar.uid, gid: tar.gid, mode, xattrs: tar.xattrs ?? old.xattrs };
  for (const member of group) {
    member.tar = shared;
    member.layer = layer;
  }
  return made;
}

/** The node of a path as written, following no symlink. */
export function find(root: MergedNode, path: string): MergedNode | undefined {
  let at: MergedNode | undefined = root;
  if (path === '') return root;
  for (const part of path.split('/')) {
    at = at.children?.get(part);
    if (at === undefined) return undefined;
  }
  return at;
}

/** The directory an entry goes into; what is missing is implied. */
function parentOf(root: MergedNode, path: string, layer: number, tar: TarEntry, where: Where): MergedNode {
  let at = root;
  let links = 0;
  const todo = path === '' ? [] : path.split('/').reverse();
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.parent ?? at;
      continue;
    }
    at.children ??= new Map();
    let next = at.children.get(part);
    if (next?.tar.type === 'symlink' && next.nameLayer === layer) {
      if (++links > MAX_SYMLINKS) throw misplaced(tar, 'its parent is a loop of symlinks', where);
      const target = next.tar.link ?? '';
      if (target.startsWith('/')) at = root;
      todo.push(...target.split('/').reverse());
      continue;
    }
    if (next !== undefined && next.tar.type !== 'directory' && next.nameLayer === layer) {
      throw misplaced(tar, `${shown(part)} above it is not a directory`, where);
    }
    if (next === undefined || next.tar.type !== 'directory') {
      next = node(part, at, IMPLIED, layer);
      at.children.set(part, next);
    }
    at = next;
    at.passed = layer;
  }
  return at;
}

function misplaced(tar: TarEntry, reason: string, where: Where): UnrootError {
  return new UnrootError(`the layer puts ${shown(tar.name)} where nothing can be: ${reason}`, {
    code: 'image.bad-entry',
    where: { ...where, entry: tar.name },
    expected: 'entries below directories',
    hint: 'No runtime can extract this layer; build the image again.',
  });
}
