/** What each layer of an image brings, who owns it, and how much of it a later layer makes useless. */
import type { Image } from '../../../image/image.ts';
import { createLayerIndex } from '../../../image/layer-index.ts';
import { openImage } from '../../../image/sources/index.ts';
import { createTarStream } from '../../../image/tar.ts';
import type { LayerPicture, LayersPicture } from './picture.ts';

const MAX_OWNERS = 6;
/** Pictures already drawn: an image does not change under its digest. */
const MAX_KEPT = 20;
const kept = new Map<string, Promise<LayersPicture>>();

/** `folder`: an OCI layout. */
export async function drawLayers(folder: string, name: string): Promise<LayersPicture> {
  const image = await openImage(`oci:${folder}`);
  try {
    return await drawImage(image, name);
  } finally {
    await image.close();
  }
}

/** The same of an image that is open. */
export async function drawImage(image: Image, name: string): Promise<LayersPicture> {
  const key = `${image.digest} ${image.configDigest}`;
  const known = kept.get(key);
  if (known !== undefined) return { ...(await known), image: name };
  const drawn = draw(image, name);
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, drawn);
  drawn.catch(() => kept.delete(key));
  return await drawn;
}

async function draw(image: Image, name: string): Promise<LayersPicture> {
  const root = await image.rootFs();
  const layers: LayerPicture[] = [];
  for (const [number, { createdBy = '' }] of image.layers.entries()) {
    const builder = createLayerIndex({ image: image.reference, layer: number });
    const stream = createTarStream((entry) => {
      builder.add(entry);
      return undefined;
    });
    for await (const chunk of image.openLayer(number)) stream.push(chunk);
    stream.end();
    const { entries, paths } = builder.finish();
    const owners = new Map<string, { uid: number; gid: number; bytes: number; files: number }>();
    let bytes = 0;
    let wasted = 0;
    for (const [index, { size, uid, gid }] of entries.entries()) {
      const path = `/${paths[index]}`;
      const owner = owners.get(`${uid}:${gid}`) ?? { uid, gid, bytes: 0, files: 0 };
      owner.bytes += size;
      owner.files += 1;
      owners.set(`${uid}:${gid}`, owner);
      bytes += size;
      if (root.get(path)?.layer !== number) wasted += size;
    }
    const sorted = [...owners.values()].sort((a, b) => b.bytes - a.bytes || b.files - a.files);
    layers.push({
      createdBy: createdBy.slice(0, 300),
      bytes,
      files: entries.length,
      wasted,
      owners: sorted.slice(0, MAX_OWNERS),
    });
  }
  const sum = (of: (layer: LayerPicture) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  return { image: name, user: image.config.user, bytes: sum(({ bytes }) => bytes), wasted: sum(({ wasted }) => wasted), layers };
}
