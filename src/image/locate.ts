/** Finds what a layer says about a few paths and forgets the rest: `who` wants passwd and group, not ten thousand entries. */
import type { Where } from '../error.ts';
import { createLayerIndex, type LayerIndex, normalise } from './layer-index.ts';
import { encodeName } from './name-text.ts';
import type { TarEntry } from './tar-header.ts';

export interface Locator {
  /** For the tar reader: true for a header that {@link Locator.add} would ignore. */
  skip(bytes: Uint8Array, at: number): boolean;
  add(entry: TarEntry): void;
  /** Undefined when links are involved, so that only the whole tree can answer. */
  finish(): LayerIndex | undefined;
}

/** Starts a search in one layer for these absolute paths. */
export function createLocator(paths: readonly string[], where: Where): Locator {
  const builder = createLayerIndex(where);
  /** The paths and everything above them: an entry there may replace or hide them. */
  const relevant = new Set<string>(['']);
  let certain = true;
  for (const path of paths) {
    if (/(?:^|\/)\.\.?(?:\/|$)/.test(path)) certain = false;
    let at = '';
    for (const part of path.split('/').filter((one) => one !== '')) {
      at = at === '' ? part : `${at}/${part}`;
      relevant.add(at);
    }
  }
  let lastParent = '';

  function add(entry: TarEntry): void {
    const path = normalise(entry.name, where);
    const slash = path.lastIndexOf('/');
    if (path.startsWith('.wh.', slash + 1)) {
      builder.add(entry);
      return;
    }
    const parent = slash < 0 ? '' : path.slice(0, slash);
    if (parent !== lastParent) {
      lastParent = parent;
      // An entry below a symlink of its own layer lands somewhere else, perhaps here.
      if (leadsThroughSymlink(parent)) certain = false;
    }
    const wanted = relevant.has(path);
    if (entry.type === 'symlink') {
      symlinkHashes.add(hashOf(path));
      if (wanted) certain = false;
      lastParent = '';
    } else if (wanted) {
      if (entry.type === 'hardlink') certain = false;
      else builder.add(entry);
    }
  }
  const relevantHashes = new Set([...relevant].map(hashOf));
  /** Symlinks so far. Equal hashes of different names only cost certainty: then the whole tree answers. */
  const symlinkHashes = new Set<number>();

  function leadsThroughSymlink(path: string): boolean {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (symlinkHashes.has(hashOf(path.slice(0, end)))) return true;
    }
    return false;
  }

  /** Compares hashes of the name and of everything above it; equal hashes of different names only cost a closer look. */
  function skip(bytes: Uint8Array, at: number): boolean {
    let i = at;
    if (bytes[i] === DOT && bytes[i + 1] === SLASH) i += 2;
    const end = at + 100;
    let hash = 0;
    let begins = true;
    for (; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === 0) break;
      if (byte === SLASH) {
        if (begins) return false;
        if (symlinkHashes.has(hash)) return false;
        begins = true;
        // A slash at the very end belongs to a directory's own name.
        if (i + 1 === end || bytes[i + 1] === 0) break;
      } else if (begins) {
        // Whiteouts, `.` and `..`.
        if (byte === DOT) return false;
        begins = false;
      }
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (hash === 0 || relevantHashes.has(hash)) return false;
    if (bytes[at + TYPE] === SYMLINK) {
      symlinkHashes.add(hash);
      lastParent = '';
    }
    return true;
  }

  return { skip, add, finish: () => (certain ? builder.finish() : undefined) };
}

const DOT = 0x2e;
const SLASH = 0x2f;
/** The field typeflag, and its value `2`. */
const TYPE = 156;
const SYMLINK = 0x32;

function hashOf(path: string): number {
  let hash = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code >= 0x80) return hashOfBytes(encodeName(path));
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  return hash;
}

function hashOfBytes(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}
