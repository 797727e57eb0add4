/**
 * Lays layers on top of each other, as overlay-based runtimes do: each layer is extracted by itself and then covers those below. So a
 * directory that a layer only implies hides a lower symlink or file of that name, while symlinks of the same layer are followed.
 */
import { UnrootError, type Where } from '../error.ts';
import type { FileType } from '../linux/inode.ts';
import { type LayerIndex, type LayerIndexEntry, normalise } from './layer-index.ts';
import { shown, type TarEntry } from './tar-header.ts';

/** The part of a file that its hard links share. */
export interface MergedInode {
  type: FileType;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  size: number;
  target: string | undefined;
  device: TarEntry['device'];
  xattrs: TarEntry['xattrs'];
  /** Layer that set owner and mode; -1 = implied. */
  layer: number;
  /** Where the content is: layer and offset in its uncompressed tar. */
  contentLayer: number;
  offset: number;
}

/** A name in the tree. */
export interface MergedNode {
  readonly name: string;
  readonly parent: MergedNode | undefined;
  inode: MergedInode;
  /** Layer that made this name. */
  nameLayer: number;
  hardlinkTo: string | undefined;
  children: Map<string, MergedNode> | undefined;
}

/** Links a lookup follows before it gives up with ELOOP (path_resolution(7)). */
export const MAX_SYMLINKS = 40;

const impliedDirectory = (): MergedInode => ({
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  target: undefined,
  device: undefined,
  xattrs: undefined,
  layer: -1,
  contentLayer: -1,
  offset: 0,
});

const node = (name: string, parent: MergedNode | undefined, inode: MergedInode, layer: number): MergedNode => ({
  name,
  parent,
  inode,
  nameLayer: layer,
  hardlinkTo: undefined,
  children: undefined,
});

/** Merges the layers, bottom first, and returns the root. */
export function mergeLayers(layers: readonly LayerIndex[], where: Where): MergedNode {
  const root = node('', undefined, impliedDirectory(), -1);
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
  }
  // Archives list a directory's files together: remember the last parent.
  let lastPath: string | undefined;
  let lastParent: MergedNode | undefined;
  for (const entry of layer.entries) {
    const { path, tar } = entry;
    if (path === '') {
      if (tar.type === 'directory') root.inode = inodeOf(tar, index);
      continue;
    }
    const slash = path.lastIndexOf('/');
    const parentPath = slash < 0 ? '' : path.slice(0, slash);
    if (lastPath !== parentPath || lastParent === undefined) {
      lastParent = parentOf(root, parentPath, index, entry, where);
      lastPath = parentPath;
    }
    const name = path.slice(slash + 1);
    lastParent.children ??= new Map();
    const existing = lastParent.children.get(name);
    if (tar.type === 'hardlink') {
      const made = hardLink(root, lastParent, name, entry, index, where);
      lastParent.children.set(name, made);
    } else if (tar.type === 'directory' && existing?.inode.type === 'directory') {
      existing.inode = inodeOf(tar, index);
      existing.nameLayer = index;
      continue;
    } else {
      lastParent.children.set(name, node(name, lastParent, inodeOf(tar, index), index));
    }
    // A replaced directory or symlink may have been the remembered parent, or lead to it.
    if (existing !== undefined && existing.inode.type !== 'file') lastPath = undefined;
  }
}

function inodeOf(tar: TarEntry, layer: number): MergedInode {
  return {
    type: tar.type as FileType,
    mode: tar.type === 'symlink' ? 0o777 : tar.mode,
    uid: tar.uid,
    gid: tar.gid,
    mtime: tar.mtime,
    size: tar.size,
    target: tar.type === 'symlink' ? tar.link : undefined,
    device: tar.device,
    xattrs: tar.xattrs,
    layer,
    contentLayer: layer,
    offset: tar.offset,
  };
}

/** A second name for a file. Runtimes set owner and mode from the link's own header, and all names share them. */
function hardLink(
  root: MergedNode,
  parent: MergedNode,
  name: string,
  entry: LayerIndexEntry,
  layer: number,
  where: Where,
): MergedNode {
  const { tar } = entry;
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
  if (target.inode.type === 'directory') throw fail('which is a directory');
  const shared = target.inode;
  shared.uid = tar.uid;
  shared.gid = tar.gid;
  if (shared.type !== 'symlink') shared.mode = tar.mode;
  if (tar.xattrs !== undefined) shared.xattrs = tar.xattrs;
  shared.layer = layer;
  const made = node(name, parent, shared, layer);
  made.hardlinkTo = target.hardlinkTo ?? `/${targetPath}`;
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
function parentOf(root: MergedNode, path: string, layer: number, entry: LayerIndexEntry, where: Where): MergedNode {
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
    if (next?.inode.type === 'symlink' && next.nameLayer === layer) {
      if (++links > MAX_SYMLINKS) throw misplaced(entry, 'its parent is a loop of symlinks', where);
      const target = next.inode.target ?? '';
      if (target.startsWith('/')) at = root;
      todo.push(...target.split('/').reverse());
      continue;
    }
    if (next !== undefined && next.inode.type !== 'directory' && next.nameLayer === layer) {
      throw misplaced(entry, `${shown(part)} above it is not a directory`, where);
    }
    if (next === undefined || next.inode.type !== 'directory') {
      next = node(part, at, impliedDirectory(), layer);
      at.children.set(part, next);
    }
    at = next;
  }
  return at;
}

function misplaced(entry: LayerIndexEntry, reason: string, where: Where): UnrootError {
  return new UnrootError(`the layer puts ${shown(entry.tar.name)} where nothing can be: ${reason}`, {
    code: 'image.bad-entry',
    where: { ...where, entry: entry.tar.name },
    expected: 'entries below directories',
    hint: 'No runtime can extract this layer; build the image again.',
  });
}
