/** A layer that lies in a registry: fetched into the cache when something reads it, then read from there. */
import type { Where } from '../../../error.ts';
import type { Layer } from '../../image.ts';
import type { ImageLimits } from '../../limits.ts';
import { decompress } from '../decompress.ts';
import { fileLayer, type LayerReader } from '../file-layer.ts';
import { verified } from '../verify.ts';
import type { Blobs } from './blobs.ts';
import type { SearchLayer } from './top-down.ts';

export interface RemoteLayer extends LayerReader, SearchLayer {
  /** Brings the blob here. */
  fetch(): Promise<void>;
}

/** Makes the reader; nothing is asked of the registry yet. */
export function remoteLayer(
  layer: Layer,
  number: number,
  blobs: Blobs,
  limits: ImageLimits,
  where: Where,
  how: { readonly before: () => void; readonly sparing: boolean },
): RemoteLayer {
  const what = `layer ${number}`;
  let local: Promise<LayerReader> | undefined;
  let file: string | undefined;

  const fetched = (): Promise<LayerReader> => {
    how.before();
    local ??= blobs.file(layer, what, where).then(
      (range) => {
        file = range.whole;
        return fileLayer(layer, () => range, limits, where);
      },
      (error: unknown) => {
        local = undefined;
        throw error;
      },
    );
    return local;
  };

  return {
    layer,
    what,
    where,
    get file() {
      return file;
    },
    fetch: async () => void (await fetched()),
    async *openBlob() {
      yield* (await fetched()).openBlob();
    },
    async *openTar() {
      // A search reads as much as it needs: straight from the network when the blob is not here.
      const blob = verified(blobs.stream(layer, what, where, how.sparing), layer.digest, `the blob of ${what}`, where);
      yield* verified(decompress(blob, layer.compression, limits, what, where), layer.diffId, what, where);
    },
    index: async (keep) => (await fetched()).index(keep),
    locate: async () => undefined,
    read: async (ranges) => (await fetched()).read(ranges),
  };
}
