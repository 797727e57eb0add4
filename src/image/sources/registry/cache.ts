/**
 * What came from registries, kept: blobs under their digest, the digest a tag had last, and files read out of images. Every file appears by
 * rename, so programs running at once only ever see whole ones; what was not used for longest goes first.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UnrootError, type Where } from '../../../error.ts';
import { digestParts } from '../../digest.ts';
import { DEFAULT_CACHE_BYTES, environmentOf, homeOf, type RegistryOptions } from './options.ts';

export interface Cache {
  /** The file of a blob that is there; counts as a use. */
  blob(digest: string): string | undefined;
  /** A name for a file that grows, in the same file system. */
  growing(): string;
  /** Makes a finished file the blob of that digest, and returns its path. The caller has checked it. */
  keep(path: string, digest: string): string;
  /** Small documents by a kind and a key of any text. */
  readNote(kind: NoteKind, key: string): unknown;
  writeNote(kind: NoteKind, key: string, value: unknown): void;
  /** The error for a cache that takes nothing. */
  unusable(cause: unknown): UnrootError;
  /** Removes what was begun and not finished, and a cache that was only made for this image. */
  close(): void;
}

/** `names`: the digest of a tag. `files`: contents by manifest. */
export type NoteKind = 'names' | 'files';

/** Notes are small; anything larger was not written by us. */
const LARGEST_NOTE = 8 * 2 ** 20;
/** Growing files of programs that were killed. */
const ABANDONED_MS = 24 * 3600 * 1000;
const KINDS = ['blobs/sha256', 'blobs/sha512', 'names', 'files', 'growing'] as const;

/** `$XDG_CACHE_HOME/unroot`; a folder of its own that goes away with the image where that cannot be written. */
export function openCache(options: RegistryOptions, where: Where): Cache {
  const wanted = cacheFolder(options);
  // Nothing comes that could be kept, and what is there may be read-only.
  if (options.offline === true) return cacheIn(wanted, options, where, () => undefined);
  try {
    for (const kind of KINDS) mkdirSync(join(wanted, kind), { recursive: true, mode: 0o700 });
    writeProbe(wanted);
    return cacheIn(wanted, options, where, () => undefined);
  } catch (cause) {
    if (options.cacheDir !== undefined) throw unusable(wanted, cause, where);
  }
  const folder = mkdtempSync(join(tmpdir(), 'unroot-cache-'));
  for (const kind of KINDS) mkdirSync(join(folder, kind), { recursive: true, mode: 0o700 });
  return cacheIn(folder, options, where, () => rmSync(folder, { recursive: true, force: true }));
}

/** `$UNROOT_CACHE`, where engines keep their layers too, or the XDG base directory; relative paths do not count. */
export function cacheFolder(options: RegistryOptions): string {
  const set = environmentOf(options).XDG_CACHE_HOME ?? '';
  const own = environmentOf(options).UNROOT_CACHE ?? '';
  if (options.cacheDir === undefined && own.startsWith('/')) return own;
  return options.cacheDir ?? join(set.startsWith('/') ? set : join(homeOf(options), '.cache'), 'unroot');
}

function writeProbe(folder: string): void {
  const path = join(folder, 'growing', unique());
  writeFileSync(path, '');
  rmSync(path);
}

const unique = (): string => `${process.pid}-${randomBytes(8).toString('hex')}`;

function unusable(path: string, cause: unknown, where: Where): UnrootError {
  return new UnrootError(`the cache ${path} cannot be written: ${(cause as Error).message}`, {
    code: 'registry.cache',
    where,
    expected: 'a folder with room',
    hint: 'Make room, or set XDG_CACHE_HOME to another folder.',
    cause,
  });
}

function cacheIn(folder: string, options: RegistryOptions, where: Where, close: () => void): Cache {
  const inUse = new Set<string>();
  /** Of streams that nobody read to the end. */
  const unfinished = new Set<string>();
  const blobPath = (digest: string): string => {
    const parts = digestParts(digest);
    // Digests become file names; those that come here were checked where they came from.
    if (parts === undefined) throw new TypeError(`not a digest: ${digest}`);
    return join(folder, 'blobs', parts.algorithm, parts.hex);
  };
  const notePath = (kind: NoteKind, key: string): string =>
    join(folder, kind, `${createHash('sha256').update(key).digest('hex')}.json`);

  /** Never fails: a cache that cannot be tidied is only large. */
  function trim(): void {
    const bound = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
    try {
      const files = KINDS.slice(0, 2).flatMap((kind) => filesIn(join(folder, kind)));
      let total = files.reduce((sum, { size }) => sum + size, 0);
      for (const { path, size } of files.sort((a, b) => a.used - b.used)) {
        if (total <= bound) break;
        if (inUse.has(path)) continue;
        rmSync(path, { force: true });
        total -= size;
      }
      for (const { path, used } of filesIn(join(folder, 'growing')))
        if (Date.now() - used > ABANDONED_MS) rmSync(path, { force: true });
    } catch {
      // Another program tidies at the same time, or the folder is gone.
    }
  }

  return {
    blob(digest) {
      const path = blobPath(digest);
      if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
      inUse.add(path);
      try {
        utimesSync(path, new Date(), new Date());
      } catch {
        // Readable, but not ours to touch: it only looks older than it is.
      }
      return path;
    },
    growing: () => {
      const path = join(folder, 'growing', unique());
      unfinished.add(path);
      return path;
    },
    keep(path, digest) {
      const final = blobPath(digest);
      try {
        mkdirSync(dirname(final), { recursive: true });
        renameSync(path, final);
        unfinished.delete(path);
      } catch (cause) {
        throw unusable(folder, cause, where);
      }
      inUse.add(final);
      trim();
      return final;
    },
    readNote(kind, key) {
      const path = notePath(kind, key);
      try {
        if (statSync(path).size > LARGEST_NOTE) return undefined;
        return JSON.parse(readFileSync(path, 'utf8'));
      } catch {
        return undefined; // not there, or damaged: it is asked for again and written anew
      }
    },
    writeNote(kind, key, value) {
      const path = join(folder, 'growing', unique());
      try {
        writeFileSync(path, JSON.stringify(value));
        renameSync(path, notePath(kind, key));
      } catch (cause) {
        rmSync(path, { force: true });
        if (options.cacheDir !== undefined && options.offline !== true) throw unusable(folder, cause, where);
      }
    },
    unusable: (cause) => unusable(folder, cause, where),
    close() {
      for (const path of unfinished) rmSync(path, { force: true });
      close();
    },
  };
}

function filesIn(folder: string): { path: string; size: number; used: number }[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() === true ? [{ path, size: stat.size, used: stat.mtimeMs }] : [];
  });
}
