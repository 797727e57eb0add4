/** Opens an image of a registry: manifest and config now, layers when somebody reads them. */
import type { Where } from '../../../error.ts';
import { parseConfig } from '../../config.ts';
import type { Image, ReadFilesOptions } from '../../image.ts';
import { type JsonObject, wrong } from '../../json.ts';
import { parseRegistryName } from '../../registry-name.ts';
import { choosePlatform, readDescriptors, requirePlatform } from '../descriptor.ts';
import { makeImage } from '../make-image.ts';
import { configOf, layersOf, manifestKind } from '../manifest.ts';
import { limitsOf, type OpenImageOptions } from '../options.ts';
import { createBlobs } from './blobs.ts';
import { openCache } from './cache.ts';
import { createDocuments, parseManifest } from './documents.ts';
import type { Endpoint } from './endpoint.ts';
import { keptFiles } from './kept-files.ts';
import type { RegistryOptions } from './options.ts';
import { locationsOf } from './registries-conf.ts';
import { type RemoteLayer, remoteLayer } from './remote-layer.ts';
import { sessionOf } from './session.ts';
import { searchTopDown } from './top-down.ts';

/** Indexes in indexes; more is a loop or an attack. */
const MAX_DEPTH = 8;
/** Layers fetched at once. */
const AT_ONCE = 3;
const DEFAULTS: RegistryOptions = {};

/** `target` is what the user typed, `name` the image without the transport. */
export async function openRegistryImage(target: string, name: string, options: OpenImageOptions): Promise<Image> {
  const where: Where = { image: target };
  const limits = limitsOf(options);
  const settings = options.registry ?? DEFAULTS;
  const parsedName = parseRegistryName(name, target);
  const session = sessionOf(settings);
  const endpoints: readonly Endpoint[] =
    settings.offline === true
      ? []
      : locationsOf(parsedName, settings, where).map((location) => ({
          session,
          location,
          image: parsedName.text,
          where,
          signal: options.signal,
        }));
  const cache = openCache(settings, where);
  const blobs = createBlobs(endpoints, cache, parsedName.text, limits);
  const close = (): void => {
    blobs.close();
    cache.close();
  };
  try {
    const documents = createDocuments(endpoints, cache, parsedName.text, limits.maxJsonBytes, where);
    let document = await documents.byName(parsedName);
    let manifest: JsonObject = {};
    let listed = false;
    for (let depth = 0; ; depth++) {
      if (depth > MAX_DEPTH) throw wrong('the image index', '', `nested at most ${MAX_DEPTH} deep`, where);
      const parsed = parseManifest(document.bytes, where, limits.maxJsonBytes);
      manifest = parsed.manifest;
      if (manifestKind(manifest, parsed.type, where) === 'image') break;
      listed = true;
      const chosen = choosePlatform(readDescriptors(manifest, 'the image index', where), options.platform, where);
      document = await documents.manifest(chosen.digest, 'the manifest of its platform');
    }
    const configDescriptor = configOf(manifest, where);
    const { bytes: rawConfig } = await documents.blob(configDescriptor.digest, configDescriptor.size, 'the image config');
    const parsed = parseConfig(rawConfig, where, limits.maxJsonBytes);
    if (!listed) requirePlatform(parsed.platform, options.platform, where);

    // A name stands for whatever the last entry of the file says: only a layer read to its end is believed then.
    const early = /^\d*(?::\d*)?$/.test(parsed.config.user);
    /** Whoever reads one layer of the tree reads them all: they come several at once. */
    let started = false;
    const fetchAll = (): void => {
      if (started) return;
      started = true;
      const missing = layers.filter(({ layer }) => !blobs.has(layer.digest)).reverse();
      const next = async (): Promise<void> => {
        for (let one = missing.pop(); one !== undefined; one = missing.pop()) {
          settings.onProgress?.(`fetching ${one.what} of ${parsedName.text}, ${(one.layer.size / 2 ** 20).toFixed(1)} MiB`);
          // Whoever needs the layer asks again and hears of the failure.
          await one.fetch().catch(() => missing.splice(0));
        }
      };
      for (let i = 0; i < AT_ONCE; i++) void next();
    };
    const layers: readonly RemoteLayer[] = layersOf(manifest, parsed, where).map((layer, i) =>
      remoteLayer(layer, i, blobs, limits, { ...where, layer: i }, { before: fetchAll, sparing: early }),
    );
    const findFiles = (
      paths: readonly string[],
      wanted: ReadFilesOptions,
    ): Promise<ReadonlyMap<string, Uint8Array> | undefined> =>
      keptFiles(cache, document.digest, paths, wanted, () => searchTopDown(layers, paths, wanted, { limits, early }, where));
    return makeImage({
      reference: target,
      transport: 'docker',
      name: parsedName.text,
      digest: document.digest,
      configDigest: configDescriptor.digest,
      rawConfig,
      parsed,
      layers,
      findFiles,
      far: () => layers.some(({ layer }) => !blobs.has(layer.digest)),
      close,
    });
  } catch (error) {
    close();
    throw error;
  }
}
