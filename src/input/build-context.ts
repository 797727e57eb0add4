/** The folder that COPY takes its files from, read from disk when a COPY asks for it: names, modes and sizes; contents one by one. */
import { closeSync, createReadStream, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildContext, type ContextEntry, ignoreRules } from '../build/build-context.ts';
import { UnrootError } from '../error.ts';
import { DEFAULT_LIMITS } from '../image/limits.ts';
import { decompress, detectCompression } from '../image/sources/decompress.ts';
import { unbzip2 } from '../image/sources/unbzip2.ts';
import { unxz } from '../image/sources/unxz.ts';

const MOST_ENTRIES = 200_000;
const DEEPEST = 100;
const MOST_UNPACKED = 4 * 2 ** 30;

/** `dockerfile` is its path: a .dockerignore of its own goes before the folder's. */
export function readBuildContext(folder: string, dockerfile?: string): BuildContext {
  let read: readonly ContextEntry[] | undefined;
  let done = false;
  return {
    label: folder,
    entries: () => {
      if (!done) read = walk(folder, ignored(folder, dockerfile));
      done = true;
      return read;
    },
    read: async (path, limit) => head(join(folder, path), limit),
    archive: async (path) => archiveIn(join(folder, path)),
  };
}

function ignored(folder: string, dockerfile: string | undefined): (path: string) => boolean {
  const own = dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`];
  for (const path of [...own, join(folder, '.dockerignore')]) {
    try {
      return ignoreRules(readFileSync(path, 'utf8'));
    } catch {
      // not there: the next one, or none
    }
  }
  return () => false;
}

function walk(root: string, skip: (path: string) => boolean): readonly ContextEntry[] | undefined {
  const out: ContextEntry[] = [];
  const todo: [string, number][] = [['', 0]];
  while (todo.length > 0) {
    const [folder, depth] = todo.shift()!;
    if (out.length > MOST_ENTRIES || depth > DEEPEST) return undefined;
    let names: string[];
    try {
      names = readdirSync(join(root, folder)).sort();
    } catch {
      continue; // not for us: a build would stop there, and says so itself
    }
    for (const name of names) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const entry = entryOf(join(root, path), path);
      if (entry === undefined) continue;
      // A folder that is left out may hold files that an exception keeps.
      if (entry.type === 'directory') {
        if (basename(path) !== '.git' || !skip(path)) todo.push([path, depth + 1]);
        if (!skip(path)) out.push(entry);
      } else if (!skip(path)) out.push(entry);
    }
  }
  return out;
}

function entryOf(full: string, path: string): ContextEntry | undefined {
  try {
    const stat = lstatSync(full);
    const common = { path, mode: stat.mode & 0o7777, size: stat.size, mtime: Math.floor(stat.mtimeMs / 1000) };
    if (stat.isSymbolicLink()) return { ...common, type: 'symlink', target: readlinkSync(full) };
    if (stat.isDirectory()) return { ...common, type: 'directory' };
    return stat.isFile() ? { ...common, type: 'file' } : undefined;
  } catch {
    return undefined; // gone in between
  }
}

function head(path: string, limit: number): Uint8Array {
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(limit, 64 * 1024 * 1024, lstatSync(path).size));
    return new Uint8Array(buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, 0)));
  } finally {
    closeSync(descriptor);
  }
}

/** By its first bytes, as builders tell archives (moby archive.DetectCompression). */
function archiveIn(path: string): AsyncIterable<Uint8Array> | undefined {
  const first = head(path, 512);
  const slow = slowly(first);
  const compression = slow === undefined ? detectCompression(first) : 'none';
  const isTar = String.fromCharCode(...first.subarray(257, 262)) === 'ustar';
  if (compression === 'none' && slow === undefined && !isTar) return undefined;
  const bytes: AsyncIterable<Uint8Array> = createReadStream(path);
  const limits = { ...DEFAULT_LIMITS, maxLayerBytes: slow?.most ?? MOST_UNPACKED };
  return decompress(slow === undefined ? bytes : told(slow.unpack(bytes), path), compression, limits, path, { file: path });
}

interface Slowly {
  readonly unpack: (input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly most: number;
}

/** What is not unpacked by the machine itself: so much of it as takes a minute. */
function slowly(first: Uint8Array): Slowly | undefined {
  const begins = (...bytes: readonly number[]): boolean => bytes.every((byte, at) => first[at] === byte);
  if (begins(0x42, 0x5a, 0x68)) return { unpack: unbzip2, most: 2 ** 28 };
  return begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0) ? { unpack: unxz, most: 2 ** 30 } : undefined;
}

/** With the file in the words of what is wrong. */
async function* told(unpacked: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* unpacked;
  } catch (cause) {
    throw new UnrootError(`${path}: ${(cause as Error).message}`, {
      code: 'archive.unreadable',
      where: { file: path },
      cause,
    });
  }
}
