/** The merged root file system of an image as the model reads it: entries, lookups that never leave the root, contents on demand. */
import { UnrootError, type Where } from '../error.ts';
import { decodeAcl } from '../linux/acl.ts';
import { decodeFileCapabilities } from '../linux/capability.ts';
import type { FileType } from '../linux/inode.ts';
import type { ReadFilesOptions, Resolved, RootEntry, RootFs } from './image.ts';
import type { LayerIndex } from './layer-index.ts';
import { find, MAX_SYMLINKS, type MergedNode, mergeLayers } from './merged-tree.ts';

/** A piece of the uncompressed tar of a layer. */
export interface ContentRange {
  readonly offset: number;
  readonly size: number;
}

/** Reads pieces of one layer, answers in the same order. */
export type ReadContents = (layer: number, ranges: readonly ContentRange[]) => Promise<readonly Uint8Array[]>;

/** Enough for passwd, scripts and configuration; callers that copy binaries raise it. */
export const DEFAULT_FILE_LIMIT: number = 10 * 2 ** 20;

/** What each tree was merged from, so that a layer can be put on top later. */
const sources = new WeakMap<
  RootFs,
  { readonly layers: readonly LayerIndex[]; readonly readContents: ReadContents; readonly where: Where }
>();

/** The tree of a {@link createRootFs} with one more layer on top. The lower tree stays as it is. */
export function addLayer(
  below: RootFs,
  layer: LayerIndex,
  read: (ranges: readonly ContentRange[]) => readonly Uint8Array[],
): RootFs {
  const source = sources.get(below);
  if (source === undefined) throw new TypeError('addLayer: the root file system was not made by createRootFs');
  const top = source.layers.length;
  const readContents: ReadContents = async (index, ranges) => (index === top ? read(ranges) : source.readContents(index, ranges));
  return createRootFs([...source.layers, layer], readContents, source.where);
}

/** Merges the layers (bottom first) into a {@link RootFs}. */
export function createRootFs(layers: readonly LayerIndex[], readContents: ReadContents, where: Where = {}): RootFs {
  const root = mergeLayers(layers, where);

  const get = (path: string): RootEntry | undefined => {
    const found = find(root, plain(path));
    return found && entryOf(found);
  };

  function resolve(path: string, options: { readonly follow?: boolean } = {}): Resolved {
    const walked = walk(root, path, options.follow ?? true);
    if (walked.node !== undefined) {
      const entry = entryOf(walked.node);
      return { path: entry.path, entry };
    }
    return { path: walked.path ?? `/${plain(path)}`, entry: undefined, error: walked.error };
  }

  const list = (path: string): readonly string[] => {
    const { node } = walk(root, path, true);
    return node?.children === undefined ? [] : [...node.children.keys()].sort();
  };

  async function readFiles(paths: Iterable<string>, options: ReadFilesOptions = {}): Promise<ReadonlyMap<string, Uint8Array>> {
    const limit = options.limit ?? DEFAULT_FILE_LIMIT;
    const wanted = new Map<number, { path: string; range: ContentRange }[]>();
    for (const path of paths) {
      const { node } = walk(root, path, true);
      if (node?.tar.type !== 'file') continue;
      const { contentLayer } = node;
      const { size, offset } = node.tar;
      if (size > limit && options.head !== true)
        throw tooLarge(path, size, limit, { ...where, layer: contentLayer, entry: path });
      const list = wanted.get(contentLayer) ?? [];
      list.push({ path, range: { offset, size: Math.min(size, limit) } });
      wanted.set(contentLayer, list);
    }
    const out = new Map<string, Uint8Array>();
    for (const [layer, files] of wanted) {
      const contents = await readContents(
        layer,
        files.map((file) => file.range),
      );
      files.forEach((file, i) => {
        out.set(file.path, contents[i]!);
      });
    }
    return out;
  }

  const fs: RootFs = {
    get,
    resolve,
    list,
    entries: () => walkEntries(root),
    readFile: async (path, options) => (await readFiles([path], options)).get(path),
    readFiles,
  };
  sources.set(fs, { layers, readContents, where });
  return fs;
}

/** The error for a file above the caller's limit. */
export function tooLarge(path: string, size: number, limit: number, where: Where): UnrootError {
  return new UnrootError(`${path} has ${size} bytes, more than the limit of ${limit}`, {
    code: 'image.too-large',
    where,
    expected: `at most ${limit} bytes`,
  });
}

function* walkEntries(root: MergedNode): Generator<RootEntry> {
  // Stacks of our own: hostile layers nest deeper than generators may.
  const nodes: MergedNode[] = [root];
  const paths: string[] = ['/'];
  while (nodes.length > 0) {
    const next = nodes.pop()!;
    const path = paths.pop()!;
    yield entryOf(next, path);
    if (next.children === undefined) continue;
    const prefix = path === '/' ? '/' : `${path}/`;
    const names = [...next.children.keys()].sort();
    for (let i = names.length - 1; i >= 0; i--) {
      nodes.push(next.children.get(names[i]!)!);
      paths.push(prefix + names[i]!);
    }
  }
}

/** Components of a lookup path; `.` and empty ones fall away, `..` too (only used where no symlink is followed). */
function plain(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return out.join('/');
}

function pathOf(node: MergedNode): string {
  let path = '';
  for (let at: MergedNode | undefined = node; at?.parent !== undefined; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}

interface Walked {
  readonly node?: MergedNode;
  readonly path?: string;
  readonly error: 'ELOOP' | 'ENOENT' | 'ENOTDIR';
}

/** path_resolution(7) with the image's root as root: `..` stops there, absolute targets start there. */
function walk(root: MergedNode, path: string, follow: boolean): Walked {
  const todo = path.split('/').reverse();
  let at = root;
  let links = 0;
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === '' || part === '.') continue;
    if (at.tar.type !== 'directory') return { error: 'ENOTDIR' };
    if (part === '..') {
      at = at.parent ?? at;
      continue;
    }
    const next = at.children?.get(part);
    const last = todo.every((rest) => rest === '');
    if (next === undefined) {
      if (!last) return { error: 'ENOENT' };
      const parent = pathOf(at);
      return { error: 'ENOENT', path: parent === '/' ? `/${part}` : `${parent}/${part}` };
    }
    if (next.tar.type === 'symlink' && (follow || todo.length > 0)) {
      if (++links > MAX_SYMLINKS) return { error: 'ELOOP' };
      const target = next.tar.link ?? '';
      // An empty target leads nowhere (symlink(7)).
      if (target === '') return { error: 'ENOENT' };
      if (target.startsWith('/')) at = root;
      todo.push(...target.split('/').reverse());
      continue;
    }
    at = next;
  }
  if (path.endsWith('/') && at.tar.type !== 'directory') return { error: 'ENOTDIR' };
  return { node: at, error: 'ENOENT' };
}

const CAPABILITY = 'security.capability';
const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';

function entryOf(node: MergedNode, path: string = pathOf(node)): RootEntry {
  const { tar } = node;
  const type = tar.type as FileType;
  const entry: Writable<RootEntry> = {
    path,
    type,
    // The mode of a symlink is never looked at (symlink(7)).
    mode: type === 'symlink' ? 0o777 : tar.mode,
    uid: tar.uid,
    gid: tar.gid,
    size: tar.size,
    mtime: tar.mtime,
    layer: node.layer,
  };
  if (type === 'symlink') entry.target = tar.link ?? '';
  if (tar.device !== undefined) entry.device = tar.device;
  if (type === 'directory' && node.layer >= 0 && node.passed > node.layer) entry.passedBy = node.passed;
  if (node.hardlinkTo !== undefined) entry.hardlinkTo = node.hardlinkTo;
  if (tar.xattrs !== undefined) addXattrs(entry, tar.xattrs);
  return entry;
}

/** What does not decode stays raw: engines leave it out (what they would stumble over never gets here, see attribute-check.ts). */
function addXattrs(entry: Writable<RootEntry>, raw: Readonly<Record<string, Uint8Array>>): void {
  const rest: Record<string, Uint8Array> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (name === CAPABILITY) {
      const decoded = decodeFileCapabilities(value);
      if (!('invalid' in decoded)) {
        entry.fileCapabilities = decoded;
        continue;
      }
    } else if (name === ACCESS || name === DEFAULT) {
      const decoded = decodeAcl(value);
      if (!('invalid' in decoded)) {
        if (decoded.length > 0) entry[name === ACCESS ? 'acl' : 'defaultAcl'] = decoded;
        continue;
      }
    }
    rest[name] = value;
  }
  if (Object.keys(rest).length > 0) entry.xattrs = rest;
  entry.rawXattrs = raw;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
