/** What is known of an image's layers, one by one: which files each brings, and what of it no process will ever see. Kept by digest. */
import type { Image } from '../../image/image.ts';
import { createLayerIndex } from '../../image/layer-index.ts';
import { openImage } from '../../image/sources/index.ts';
import { createTarStream } from '../../image/tar.ts';
import { openInside } from './inside.ts';

/** Where an image of the node lies: a folder (OCI layout), or a name in the store that podman and buildah have there. */
export interface ImagePlace {
  readonly path?: string;
  readonly name?: string;
}

export interface ImageFacts {
  /** Bytes of files in each layer, bottom first. */
  readonly layers: readonly number[];
  readonly createdBy: readonly string[];
  readonly bytes: number;
  /** Bytes of files at or below a path that a later layer replaced or removed. */
  wasted(below: string): number;
  /** Layers that hold a file at this path, bottom first. */
  holders(path: string): readonly number[];
}

const STORE = '/var/lib/containers/storage';
/** An image does not change under its digests. */
const MAX_KEPT = 20;
const kept = new Map<string, Promise<ImageFacts>>();

/** Opens it for as long as `work` takes; the words for what is not there. */
export async function withImageOf<T>(root: string, place: ImagePlace, work: (image: Image) => Promise<T>): Promise<T | string> {
  const found = openInside(root, place.path ?? STORE);
  if (found === undefined) return place.path === undefined ? 'no image was built yet' : `${place.path} is not there`;
  try {
    if (place.path !== undefined) {
      const mark = openInside(found.path, '/oci-layout');
      mark?.close();
      if (mark === undefined) return `${place.path} is no OCI layout`;
    }
    const image =
      place.path === undefined
        ? await openImage(`containers-storage:${place.name}`, { storageRoot: found.path })
        : await openImage(`oci:${found.path}`);
    try {
      return await work(image);
    } finally {
      await image.close();
    }
  } finally {
    found.close();
  }
}

/** Reads every layer once. */
export function imageFacts(image: Image): Promise<ImageFacts> {
  const key = [image.transport, image.configDigest, ...image.layers.map(({ digest }) => digest)].join(' ');
  const known = kept.get(key);
  if (known !== undefined) return known;
  const read = readFacts(image);
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, read);
  read.catch(() => kept.delete(key));
  return read;
}

async function readFacts(image: Image): Promise<ImageFacts> {
  const root = await image.rootFs();
  const holders = new Map<string, number[]>();
  const layers: number[] = [];
  const wasted: { readonly path: string; readonly size: number }[] = [];
  for (const number of image.layers.keys()) {
    const index = createLayerIndex({ image: image.reference, layer: number });
    const stream = createTarStream((entry) => {
      index.add(entry);
      return undefined;
    });
    for await (const chunk of image.openLayer(number)) stream.push(chunk);
    stream.end();
    const { entries, paths } = index.finish();
    let bytes = 0;
    for (const [at, { type, size }] of entries.entries()) {
      if (type !== 'file') continue;
      const path = `/${paths[at]}`;
      bytes += size;
      if (root.get(path)?.layer !== number) wasted.push({ path, size });
      holders.set(path, [...(holders.get(path) ?? []), number]);
    }
    layers.push(bytes);
  }
  return {
    layers,
    createdBy: image.layers.map(({ createdBy = '' }) => createdBy),
    bytes: layers.reduce((sum, bytes) => sum + bytes, 0),
    wasted: (below) =>
      wasted
        .filter(({ path }) => below === '/' || path === below || path.startsWith(`${below}/`))
        .reduce((sum, { size }) => sum + size, 0),
    holders: (path) => holders.get(path) ?? [],
  };
}
