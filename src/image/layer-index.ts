/** What one layer says, its names made into paths and its whiteouts told apart (OCI image-spec layer.md, "Whiteouts"). */
import { UnrootError, type Where } from '../error.ts';
import { shown, type TarEntry } from './tar-header.ts';

export interface LayerIndex {
  /** In the order of the archive, whiteouts left out. */
  readonly entries: readonly TarEntry[];
  /** The place of each entry in the root file system: no leading or trailing slash, '' is the root itself. */
  readonly paths: readonly string[];
  /** Paths this layer removes from the layers below. */
  readonly removed: readonly string[];
  /** Directories whose content in the layers below is hidden. */
  readonly opaque: readonly string[];
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Other names with this prefix are AUFS bookkeeping; runtimes skip them. */
const WHITEOUT_META = '.wh..wh.';

/** Collects entries as they come. */
export interface LayerIndexBuilder {
  /** Returns the path of a normal entry, undefined for a whiteout. */
  add(entry: TarEntry): string | undefined;
  finish(): LayerIndex;
}

/** Starts the index of one layer. */
export function createLayerIndex(where: Where): LayerIndexBuilder {
  const entries: TarEntry[] = [];
  const paths: string[] = [];
  const removed: string[] = [];
  const opaque: string[] = [];
  function add(tar: TarEntry): string | undefined {
    const path = normalise(tar.name, where);
    const slash = path.lastIndexOf('/');
    if (path.startsWith(WHITEOUT, slash + 1)) {
      const base = path.slice(slash + 1);
      const parent = slash < 0 ? '' : path.slice(0, slash);
      if (base === OPAQUE) opaque.push(parent);
      else if (!base.startsWith(WHITEOUT_META))
        removed.push(whiteoutTarget(parent, base.slice(WHITEOUT.length), tar.name, where));
      return undefined;
    }
    entries.push(tar);
    paths.push(path);
    return path;
  }
  return { add, finish: () => ({ entries, paths, removed, opaque }) };
}

function whiteoutTarget(parent: string, base: string, name: string, where: Where): string {
  // `.wh.`, `.wh..` and `.wh...` would name the directory itself or its parent.
  if (base === '' || base === '.' || base === '..') throw escapes(name, where);
  return parent === '' ? base : `${parent}/${base}`;
}

/**
 * A name as a path inside the root. A leading `/` means the root of the image, as for every runtime; `..` is taken away textually and
 * refused when it would leave the root.
 */
export function normalise(name: string, where: Where = {}): string {
  let start = 0;
  let end = name.length;
  if (name.charCodeAt(0) === 46 && name.charCodeAt(1) === 47) start = 2;
  else if (name.charCodeAt(0) === 47) start = 1;
  if (end > start && name.charCodeAt(end - 1) === 47) end--;
  const path = name.slice(start, end);
  // Nearly every name is done here: no empty, `.` or `..` component is left.
  const first = path.charCodeAt(0);
  if (path !== '' && first !== 46 && first !== 47 && !path.includes('//') && !path.includes('/.')) return path;
  if (!ODD.test(path)) return path;
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.pop() === undefined) throw escapes(name, where);
  }
  return out.join('/');
}

const ODD = /(?:^|\/)(?:\.\.?)?(?:\/|$)/;

function escapes(name: string, where: Where): UnrootError {
  return new UnrootError(`an entry of the layer leaves the root of the image: ${shown(name)}`, {
    code: 'image.entry-escapes',
    where: { ...where, entry: name },
    expected: 'names inside the image',
    hint: 'No tool writes such a layer by accident; do not run this image.',
  });
}
