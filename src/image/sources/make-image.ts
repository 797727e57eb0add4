/** Puts an Image together from its layers' readers. */
import type { ParsedConfig } from '../config.ts';
import type { Image, ReadFilesOptions, RootFs } from '../image.ts';
import type { LayerIndex } from '../layer-index.ts';
import { createRootFs } from '../root-fs.ts';
import type { LayerReader } from './file-layer.ts';
import { keepingContents } from './kept-contents.ts';

export interface ImageParts extends Pick<Image, 'reference' | 'transport' | 'digest' | 'configDigest' | 'rawConfig'> {
  readonly parsed: ParsedConfig;
  readonly layers: readonly LayerReader[];
  readonly name?: string | undefined;
  readonly storeReference?: string;
  /** Finds a few files without the whole tree; undefined = only the tree can tell. Default: by the headers of all layers. */
  readonly findFiles?: (
    paths: readonly string[],
    options: ReadFilesOptions,
  ) => Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  /** Whether reading the tree means fetching much over a network. */
  readonly far?: () => boolean;
  readonly close: () => void;
}

/** The image over layers that can be read. */
export function makeImage(parts: ImageParts): Image {
  const { layers, parsed } = parts;
  const where = { image: parts.reference };
  const contents = keepingContents((layer, ranges) => layers[layer]!.read(ranges));
  let merged: Promise<RootFs> | undefined;

  async function merge(keep: ReadonlySet<string>): Promise<RootFs> {
    const indexes: LayerIndex[] = [];
    for (const layer of layers) indexes.push(await layer.index(keep));
    return createRootFs(indexes, contents.read, where);
  }
  const rootFs = (keep: ReadonlySet<string>): Promise<RootFs> =>
    (merged ??= merge(keep).catch((error: unknown) => {
      merged = undefined;
      throw error;
    }));

  /**
   * A tree of nothing but what decides about `paths`, when that can be told. All headers are read, even when an answer turned up early:
   * the last entry of a name wins, so only the end of a layer is certain.
   */
  async function located(paths: readonly string[]): Promise<RootFs | undefined> {
    const indexes: LayerIndex[] = [];
    for (const layer of layers) {
      const index = await layer.locate(paths);
      if (index === undefined) return undefined;
      indexes.push(index);
    }
    return createRootFs(indexes, contents.read, where);
  }

  return {
    reference: parts.reference,
    transport: parts.transport,
    ...(parts.storeReference === undefined ? {} : { storeReference: parts.storeReference }),
    ...(parts.name === undefined ? {} : { name: parts.name }),
    digest: parts.digest,
    configDigest: parts.configDigest,
    platform: parsed.platform,
    config: parsed.config,
    rawConfig: parts.rawConfig,
    layers: layers.map((reader) => reader.layer),
    openLayerBlob: (index) => layerAt(layers, index).openBlob(),
    layerFile: (index) => layerAt(layers, index).file,
    openLayer: (index) => layerAt(layers, index).openTar(),
    rootFs: () => rootFs(new Set()),
    ...(parts.far === undefined ? {} : { far: parts.far }),
    readFiles: async (paths, options) => {
      if (merged === undefined && parts.findFiles !== undefined) {
        const found = await parts.findFiles(paths, options ?? {});
        return found ?? (await rootFs(new Set(paths))).readFiles(paths, options);
      }
      const fs = merged === undefined ? ((await located(paths)) ?? (await rootFs(new Set(paths)))) : await merged;
      return fs.readFiles(paths, options);
    },
    locate: async (paths) => (merged === undefined && parts.findFiles === undefined ? located(paths) : merged),
    close: async () => {
      contents.clear();
      parts.close();
    },
  };
}

function layerAt(layers: readonly LayerReader[], index: number): LayerReader {
  const reader = layers[index];
  if (reader === undefined) throw new RangeError(`the image has ${layers.length} layers, there is no layer ${index}`);
  return reader;
}
