/** A derived image: the base, one more layer that holds only what changes, and a changed config. Same input, same bytes. */
import { parseConfig } from './config.ts';
import { deriveConfig } from './derive-config.ts';
import { deriveLayer } from './derive-layer.ts';
import type { Digest, Image, Layer, RootFs } from './image.ts';
import type { ConfigChange, LayerEntry } from './layer-entry.ts';
import { createLayerIndex } from './layer-index.ts';
import { addLayer } from './root-fs.ts';
import { createTarStream } from './tar.ts';
import { concat, type TarWriteEntry, writeTar } from './tar-writer.ts';

export interface Derivation {
  readonly entries: readonly LayerEntry[];
  readonly config: ConfigChange;
  /** Seconds; SOURCE_DATE_EPOCH when it is set. Default: the base's own time, so that deriving twice gives the same image. */
  readonly sourceDateEpoch?: number;
  /** Bytes of file contents that may be copied into the layer; default 1 GiB. */
  readonly copyLimit?: number;
}

/** What the derivation costs. All 0 when only the config changed. */
export interface AddedSize {
  readonly entries: number;
  /** Bytes of the layer's tar. */
  readonly uncompressed: number;
  /** Bytes of the layer's blob. */
  readonly compressed: number;
  /** Bytes of contents that are in the layer only because their owner or mode changed. */
  readonly copied: number;
}

export interface DerivedImage extends Image {
  readonly base: Image;
  readonly added: AddedSize;
  /** The entries of the added layer, as written. */
  readonly addedEntries: readonly TarWriteEntry[];
}

const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
const GIB = 2 ** 30;

/** Derives an image. The base stays open and is closed with the result. */
export async function deriveImage(base: Image, derivation: Derivation): Promise<DerivedImage> {
  const where = { image: base.reference };
  const created = createdOf(base, derivation.sourceDateEpoch);
  const fs = await base.rootFs();
  const { entries, copied } = await deriveLayer(fs, derivation.entries, created.seconds, where, derivation.copyLimit ?? GIB);
  const tar = entries.length === 0 ? undefined : concat([...writeTar(entries)]);
  const blob = tar && (await gzip(tar));
  let layer: Layer | undefined;
  if (tar !== undefined && blob !== undefined) {
    const [diffId, digest] = [await sha256(tar), await sha256(blob)];
    layer = { digest, diffId, mediaType: LAYER_TYPE, compression: 'gzip', size: blob.length, createdBy: 'unroot fix' };
  }
  const rawConfig = deriveConfig(base.rawConfig, derivation.config, layer?.diffId, created.text, where);
  const configDigest = await sha256(rawConfig);
  const top = base.layers.length;
  let merged: Promise<RootFs> | undefined;

  const image: DerivedImage = {
    reference: base.reference,
    transport: base.transport,
    ...(base.name === undefined ? {} : { name: base.name }),
    // There is no manifest until the image is written.
    digest: configDigest,
    configDigest,
    platform: base.platform,
    config: parseConfig(rawConfig, where).config,
    rawConfig,
    layers: layer === undefined ? base.layers : [...base.layers, layer],
    openLayerBlob: (index) => (index === top && blob !== undefined ? chunks(blob) : base.openLayerBlob(index)),
    layerFile: (index) => (index === top ? undefined : base.layerFile?.(index)),
    openLayer: (index) => (index === top && tar !== undefined ? chunks(tar) : base.openLayer(index)),
    rootFs: () => (merged ??= tar === undefined ? base.rootFs() : overlay(base, tar)),
    readFiles: async (paths, options) => (await image.rootFs()).readFiles(paths, options),
    close: () => base.close(),
    base,
    added: { entries: entries.length, uncompressed: tar?.length ?? 0, compressed: blob?.length ?? 0, copied },
    addedEntries: entries,
  };
  return image;
}

function createdOf(base: Image, epoch: number | undefined): { readonly seconds: number; readonly text: string } {
  if (epoch === undefined) {
    const text = parseConfig(base.rawConfig).created ?? '1970-01-01T00:00:00Z';
    const milliseconds = Date.parse(text);
    if (Number.isFinite(milliseconds)) return { seconds: Math.floor(milliseconds / 1000), text };
  }
  const seconds = epoch ?? 0;
  return { seconds, text: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') };
}

async function sha256(bytes: Uint8Array): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream as ReadableStream).arrayBuffer());
}

const CHUNK = 1 << 20;

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

async function overlay(base: Image, tar: Uint8Array): Promise<RootFs> {
  const index = createLayerIndex({ image: base.reference, layer: base.layers.length });
  const reader = createTarStream((entry) => {
    index.add(entry);
    return undefined;
  });
  reader.push(tar);
  reader.end();
  return addLayer(await base.rootFs(), index.finish(), (ranges) =>
    ranges.map(({ offset, size }) => tar.subarray(offset, offset + size)),
  );
}
