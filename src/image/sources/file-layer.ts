/** A layer whose blob lies in a file: its index, pieces of it, and its streams. Plain tars are read in place, others unpacked on the way. */
import type { Where } from '../../error.ts';
import type { Digest, Layer } from '../image.ts';
import { createLayerIndex, type LayerIndex } from '../layer-index.ts';
import type { ImageLimits } from '../limits.ts';
import { createLocator } from '../locate.ts';
import type { ContentRange } from '../root-fs.ts';
import { createTarStream, scanTar, type TarEntry, type TarOptions } from '../tar.ts';
import { type FileRange, readInto, streamRange, windowReader } from './blob-file.ts';

/** What the rest of `sources/` needs of a layer. */
export interface LayerReader {
  readonly layer: Layer;
  /** The file that is exactly the blob, when there is one. */
  readonly file: string | undefined;
  openBlob(): AsyncIterable<Uint8Array>;
  openTar(): AsyncIterable<Uint8Array>;
  /** All entries. `keep` names small files whose content is wanted soon: a compressed layer remembers them on the way. */
  index(keep: ReadonlySet<string>): Promise<LayerIndex>;
  /** The part of the index that decides about these paths, without keeping the rest; undefined = only the whole index can tell. */
  locate(paths: readonly string[]): Promise<LayerIndex | undefined>;
  read(ranges: readonly ContentRange[]): Promise<readonly Uint8Array[]>;
}

/** A search wants headers, not the contents beside them: the smallest read that costs no more time than a larger one. */
const SEARCH_WINDOW = 4096;
/** Files up to this size are remembered when `keep` names them. */
const KEEP_LIMIT = 2 ** 20;

/** Makes the reader of one layer. `range` is opened lazily: an image with a missing upper layer can still tell its config. */
export function fileLayer(layer: Layer, range: () => FileRange, limits: ImageLimits, where: Where): LayerReader {
  const what = `layer ${layer.diffId}`;
  const plain = layer.compression === 'none';
  /** Contents by offset in the uncompressed tar. */
  const kept = new Map<number, Uint8Array>();
  let index: Promise<LayerIndex> | undefined;

  async function* openBlob(): AsyncGenerator<Uint8Array> {
    const { verified } = await import('./verify.ts');
    yield* verified(streamRange(range(), where), layer.digest, `the blob of ${what}`, where);
  }

  async function* unpacked(blob: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { decompress } = await import('./decompress.ts');
    yield* decompress(blob, layer.compression, limits, what, where);
  }

  async function* openTar(): AsyncGenerator<Uint8Array> {
    const { verified } = await import('./verify.ts');
    // A plain layer of an archive is known by its diffId only; elsewhere blob and content are checked both.
    if (plain) yield* verified(streamRange(range(), where), layer.diffId, what, where);
    else yield* verified(unpacked(openBlob()), layer.diffId, what, where);
  }

  function scanInPlace<T>(builder: { add(entry: TarEntry): unknown; finish(): T; skip?: TarOptions['skip'] }): T {
    const file = range();
    const add = (entry: TarEntry): undefined => {
      builder.add(entry);
    };
    const skip = builder.skip;
    scanTar(windowReader(file, where), file.size, add, { limits, where, what, ...(skip && { skip, window: SEARCH_WINDOW }) });
    return builder.finish();
  }

  async function locate(paths: readonly string[]): Promise<LayerIndex | undefined> {
    // Unpacking costs far more than keeping what was seen.
    if (index !== undefined || !plain) return undefined;
    return scanInPlace(createLocator(paths, where));
  }

  async function scanStream(keep: ReadonlySet<string>): Promise<LayerIndex> {
    const builder = createLayerIndex(where);
    const tar = createTarStream(
      (entry) => {
        const path = builder.add(entry);
        if (path === undefined || entry.size > KEEP_LIMIT || entry.type !== 'file' || !keep.has(`/${path}`)) return undefined;
        const content = new Uint8Array(entry.size);
        let filled = 0;
        kept.set(entry.offset, content);
        return (bytes) => {
          content.set(bytes, filled);
          filled += bytes.length;
        };
      },
      { limits, where, what },
    );
    for await (const chunk of openTar()) tar.push(chunk);
    tar.end();
    return builder.finish();
  }

  async function read(ranges: readonly ContentRange[]): Promise<readonly Uint8Array[]> {
    if (plain) {
      const file = range();
      return ranges.map(({ offset, size }) => {
        const bytes = new Uint8Array(size);
        readInto(file, offset, bytes, where);
        return bytes;
      });
    }
    const out = new Map(ranges.filter(({ offset }) => kept.has(offset)).map(({ offset }) => [offset, kept.get(offset)!]));
    const missing = [...new Set(ranges.map((one) => one.offset))].filter((offset) => !out.has(offset)).sort((a, b) => a - b);
    if (missing.length > 0) {
      const sizes = new Map(ranges.map((one) => [one.offset, one.size]));
      const wanted = missing.map((offset) => ({ offset, bytes: new Uint8Array(sizes.get(offset)!) }));
      // Not verified: it stops after the last wanted byte. The index, which has read it all, was.
      await extract(unpacked(streamRange(range(), where)), wanted);
      for (const { offset, bytes } of wanted) out.set(offset, bytes);
    }
    return ranges.map(({ offset }) => out.get(offset)!);
  }

  return {
    layer,
    get file() {
      return range().whole;
    },
    openBlob,
    openTar,
    // A scan that failed is tried again next time: the caller may have raised a limit or been interrupted.
    index: (keep) =>
      (index ??= (plain ? Promise.resolve().then(() => scanInPlace(createLayerIndex(where))) : scanStream(keep)).catch(forget)),
    locate,
    read,
  };

  function forget(error: unknown): never {
    index = undefined;
    throw error;
  }
}

/** Copies pieces (sorted, not overlapping) out of a stream and stops after the last. */
async function extract(
  stream: AsyncIterable<Uint8Array>,
  wanted: readonly { offset: number; bytes: Uint8Array }[],
): Promise<void> {
  let position = 0;
  let next = 0;
  for await (const chunk of stream) {
    const end = position + chunk.length;
    while (next < wanted.length) {
      const { offset, bytes } = wanted[next]!;
      const from = Math.max(offset, position);
      const to = Math.min(offset + bytes.length, end);
      if (from < to) bytes.set(chunk.subarray(from - position, to - position), from - offset);
      if (offset + bytes.length > end) break;
      next++;
    }
    position = end;
    if (next === wanted.length) return;
  }
}

/** The layer's digests when nothing compresses it. */
export function plainLayer(diffId: Digest, mediaType: string, size: number, createdBy: string | undefined): Layer {
  return { digest: diffId, diffId, mediaType, compression: 'none', size, ...(createdBy === undefined ? {} : { createdBy }) };
}
