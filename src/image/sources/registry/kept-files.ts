/** Files read out of an image, kept by the digest of its manifest: it names every layer, so the answer stays the same for ever. */
import type { Digest, ReadFilesOptions } from '../../image.ts';
import { isObject } from '../../json.ts';
import { DEFAULT_FILE_LIMIT } from '../../root-fs.ts';
import type { Cache } from './cache.ts';

/** Larger ones are not worth keeping. */
const LARGEST = 2 ** 20;

/** What was found before, or what `search` finds now. */
export async function keptFiles(
  cache: Cache,
  manifest: Digest,
  paths: readonly string[],
  wanted: ReadFilesOptions,
  search: () => Promise<ReadonlyMap<string, Uint8Array> | undefined>,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const note = cache.readNote('files', manifest);
  // Null stands for: the image has no such file.
  const known = isObject(note) && isObject(note.files) ? note.files : {};
  const limit = wanted.limit ?? DEFAULT_FILE_LIMIT;
  const out = new Map<string, Uint8Array>();
  const complete = paths.every((path) => {
    const text = Object.hasOwn(known, path) ? known[path] : undefined;
    if (text === null) return true;
    if (typeof text !== 'string') return false;
    const bytes = new Uint8Array(Buffer.from(text, 'base64'));
    out.set(path, bytes);
    return bytes.length <= limit;
  });
  if (complete) return out;
  const found = await search();
  const cut = (bytes: Uint8Array | undefined): boolean =>
    bytes !== undefined && (bytes.length > LARGEST || (wanted.head === true && bytes.length >= limit));
  if (found !== undefined && !paths.some((path) => cut(found.get(path)))) {
    const files = Object.fromEntries(
      paths.map((path) => [path, found.has(path) ? Buffer.from(found.get(path)!).toString('base64') : null]),
    );
    cache.writeNote('files', manifest, { files: { ...known, ...files } });
  }
  return found;
}
