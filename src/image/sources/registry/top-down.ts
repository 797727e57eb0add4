/**
 * Looks for a few files from the topmost layer down, reading each layer as a stream, and stops as soon as they are found or ruled out. Layers
 * below the answer are never fetched.
 */
import type { Where } from '../../../error.ts';
import type { ReadFilesOptions } from '../../image.ts';
import { type LayerIndex, normalise } from '../../layer-index.ts';
import type { ImageLimits } from '../../limits.ts';
import { createLocator } from '../../locate.ts';
import { createRootFs, DEFAULT_FILE_LIMIT } from '../../root-fs.ts';
import { createTarStream } from '../../tar.ts';

/** A layer as the search needs it. */
export interface SearchLayer {
  /** The uncompressed tar, its digests checked when it is read to the end. */
  openTar(): AsyncIterable<Uint8Array>;
  readonly what: string;
  readonly where: Where;
}

export interface SearchOptions {
  readonly limits: ImageLimits;
  /**
   * Within a layer too, stop when all is found and the archive has gone on to other folders. An archive may name a file twice, and the
   * last one counts, so this is only for answers that the second could not change for the worse.
   */
  readonly early: boolean;
}

const NOTHING: LayerIndex = { entries: [], paths: [], removed: [], opaque: [] };

/** The contents; undefined when links are involved and only the whole tree can tell. */
export async function searchTopDown(
  layers: readonly SearchLayer[],
  paths: readonly string[],
  wanted: ReadFilesOptions,
  options: SearchOptions,
  where: Where,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const indexes: LayerIndex[] = layers.map(() => NOTHING);
  const contents = layers.map(() => new Map<number, Uint8Array>());
  let open: readonly string[] = paths.map((path) => normalise(path, where));
  for (let i = layers.length - 1; i >= 0 && open.length > 0; i--) {
    const index = await searchLayer(layers[i]!, open, wanted, options, contents[i]!);
    if (index === undefined) return undefined;
    indexes[i] = index;
    open = open.filter((path) => !decides(index, path));
  }
  const read = createRootFs(
    indexes,
    async (layer, ranges) =>
      ranges.map(({ offset, size }) => contents[layer]!.get(offset)?.subarray(0, size) ?? new Uint8Array(0)),
    where,
  );
  return read.readFiles(paths, wanted);
}

/** Whether the layers below have no say in a path. */
function decides({ entries, paths, removed, opaque }: LayerIndex, path: string): boolean {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    if (removed.includes(at)) return true;
    if (at !== path && opaque.includes(at)) return true;
    // The last entry of a name is the one that counts.
    const found = entries[paths.lastIndexOf(at)];
    if (found !== undefined && (at === path || found.type !== 'directory')) return true;
  }
  return opaque.includes('');
}

async function searchLayer(
  layer: SearchLayer,
  open: readonly string[],
  wanted: ReadFilesOptions,
  { limits, early }: SearchOptions,
  contents: Map<number, Uint8Array>,
): Promise<LayerIndex | undefined> {
  const { what, where } = layer;
  const limit = wanted.limit ?? DEFAULT_FILE_LIMIT;
  const locator = createLocator(
    open.map((path) => `/${path}`),
    where,
  );
  const missing = new Set(open);
  const parents = [...new Set(open.map((path) => path.slice(0, path.lastIndexOf('/') + 1)))];
  let done = false;
  /** Only asked once everything was found. */
  const leftBehind = (name: string): boolean => !parents.some((parent) => parent === '' || name.startsWith(parent));

  const tar = createTarStream(
    (entry) => {
      const path = normalise(entry.name, where);
      if (missing.size === 0 && leftBehind(path)) done = true;
      locator.add(entry);
      if (entry.type !== 'file' || !open.includes(path)) return undefined;
      missing.delete(path);
      if (entry.size > limit && wanted.head !== true) return undefined; // refused by size, once it is certain that this is the one
      const content = new Uint8Array(Math.min(entry.size, limit));
      let filled = 0;
      contents.set(entry.offset, content);
      return (bytes) => {
        const part = bytes.subarray(0, content.length - filled);
        content.set(part, filled);
        filled += part.length;
      };
    },
    {
      limits,
      where,
      what,
      skip: (bytes, at) => {
        if (!locator.skip(bytes, at)) return false;
        if (missing.size === 0 && leftBehind(nameAt(bytes, at))) done = true;
        return true;
      },
    },
  );
  for await (const chunk of layer.openTar()) {
    tar.push(chunk);
    if (done && early) return locator.finish();
  }
  tar.end();
  return locator.finish();
}

/** The name field of a header, good enough to tell folders apart. */
function nameAt(bytes: Uint8Array, at: number): string {
  let end = at;
  while (end < at + 100 && bytes[end] !== 0) end++;
  return Buffer.from(bytes.subarray(at, end))
    .toString('utf8')
    .replace(/^\.?\//, '');
}
