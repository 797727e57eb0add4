/** Archives as `docker save` writes them (moby image/tarexport; containers/image docker/tarfile): manifest.json names configs and layer tars. */
import { UnrootError, type Where } from '../../error.ts';
import { parseConfig, requireLayerCount } from '../config.ts';
import { requireDigest } from '../digest.ts';
import type { Image } from '../image.ts';
import { fieldsOf, isObject, parseJson, wrong } from '../json.ts';
import { limitError } from '../limits.ts';
import { familiarToFull } from '../reference.ts';
import { type ArchiveFiles, notAnArchive } from './archive-file.ts';
import { type FileRange, readInto, readRange, streamRange } from './blob-file.ts';
import { requirePlatform } from './descriptor.ts';
import { fileLayer, type LayerReader, plainLayer } from './file-layer.ts';
import { makeImage } from './make-image.ts';
import { limitsOf, type OpenImageOptions } from './options.ts';

const PLAIN = 'application/vnd.docker.image.rootfs.diff.tar';

interface Item {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

export interface DockerArchiveTarget {
  readonly reference: string;
  readonly path: string;
  readonly transport: 'docker-archive' | 'docker-daemon' | 'containers-storage';
  /** `name:tag` or `@N`. */
  readonly choose?: string;
  readonly storeReference?: string;
}

/** Opens one image of an archive. */
export async function openDockerArchive(
  files: ArchiveFiles,
  target: DockerArchiveTarget,
  options: OpenImageOptions,
): Promise<Image> {
  const where: Where = { image: target.reference };
  const limits = limitsOf(options);
  const json = (name: string, what: string): Uint8Array => {
    const range = files.file(name);
    if (range === undefined) throw missing(what, name, where);
    if (range.size > limits.maxJsonBytes)
      throw limitError('maxJsonBytes', limits.maxJsonBytes, `${what} has ${range.size} bytes`, where);
    return readRange(range, where);
  };
  if (files.file('manifest.json') === undefined)
    throw notAnArchive(target.path, 'it has neither manifest.json nor oci-layout', where);
  const items = readManifest(
    parseJson(json('manifest.json', 'manifest.json'), 'manifest.json', where, limits.maxJsonBytes),
    where,
  );
  const item = choose(items, target.choose, target.reference, where);
  const rawConfig = json(item.config, 'the image config');
  const { sha256, verifyBytes } = await import('./verify.ts');
  const configDigest = sha256(rawConfig);
  // The name is the digest, when it looks like one.
  const named = /([0-9a-f]{64})(?:\.json)?$/.exec(item.config)?.[1];
  if (named !== undefined) verifyBytes(rawConfig, `sha256:${named}`, 'the image config', where);
  const parsed = parseConfig(rawConfig, where, limits.maxJsonBytes);
  requirePlatform(parsed.platform, options.platform, where);
  requireLayerCount(parsed.diffIds, item.layers.length, where);
  const layers: LayerReader[] = [];
  for (const [i, name] of item.layers.entries()) {
    const layerWhere = { ...where, layer: i };
    const range = files.file(name);
    if (range === undefined) throw missing(`layer ${i}`, name, layerWhere);
    const { digest: diffId } = requireDigest(parsed.diffIds[i], `diff_id ${i}`, layerWhere);
    layers.push(await openLayer(range, plainLayer(diffId, PLAIN, range.size, parsed.createdBy[i]), limits, layerWhere));
  }
  return makeImage({
    reference: target.reference,
    transport: target.transport,
    digest: configDigest,
    configDigest,
    rawConfig,
    parsed,
    layers,
    name: item.tags[0],
    ...(target.storeReference === undefined ? {} : { storeReference: target.storeReference }),
    close: () => files.close(),
  });
}

/** Layers are plain, except from tools like jib and kaniko, which store gzip under the same names. */
async function openLayer(
  range: FileRange,
  layer: ReturnType<typeof plainLayer>,
  limits: ReturnType<typeof limitsOf>,
  where: Where,
): Promise<LayerReader> {
  const head = new Uint8Array(Math.min(4, range.size));
  readInto(range, 0, head, where);
  if (head[0] !== 0x1f && head[0] !== 0x28) return fileLayer(layer, () => range, limits, where);
  const { detectCompression } = await import('./decompress.ts');
  const compression = detectCompression(head);
  if (compression === 'none') return fileLayer(layer, () => range, limits, where);
  const { sha256Stream } = await import('./verify.ts');
  // Nothing in the archive names the compressed blob's digest, and an OCI layout made from it needs one.
  const digest = await sha256Stream(streamRange(range, where));
  const mediaType = `application/vnd.oci.image.layer.v1.tar+${compression}`;
  return fileLayer({ ...layer, digest, mediaType, compression }, () => range, limits, where);
}

function readManifest(value: unknown, where: Where): readonly Item[] {
  const what = 'manifest.json';
  if (!Array.isArray(value)) throw wrong(what, '', 'a list of images', where);
  return value.map((item: unknown, i) => {
    if (!isObject(item)) throw wrong(what, `[${i}]`, 'an object', where);
    const fields = fieldsOf(item, what, where, `[${i}].`);
    const config = fields.string('Config');
    if (config === undefined) throw wrong(what, `[${i}].Config`, 'the name of a config file', where);
    return { config, tags: fields.strings('RepoTags') ?? [], layers: fields.strings('Layers') ?? [] };
  });
}

function choose(items: readonly Item[], wanted: string | undefined, reference: string, where: Where): Item {
  const all = items.map((item, i) => (item.tags.length > 0 ? item.tags.join(' = ') : `@${i}`)).slice(0, 50);
  if (items.length === 0) {
    throw new UnrootError('the archive lists no image', {
      code: 'image.not-found',
      where,
      expected: 'at least one image in manifest.json',
    });
  }
  if (wanted === undefined) {
    if (items.length === 1) return items[0]!;
    throw new UnrootError(`the archive holds ${items.length} images; which one? ${all.join(', ')}`, {
      code: 'image.ambiguous',
      where,
      expected: 'the name of one of them',
      hint: `Append it: ${reference.startsWith('docker-archive:') ? '' : 'docker-archive:'}${reference}:NAME`,
    });
  }
  const byNumber = /^@(\d{1,6})$/.exec(wanted);
  const full = familiarToFull(wanted);
  const found = byNumber
    ? items[Number(byNumber[1])]
    : items.find((item) => item.tags.some((tag) => tag === wanted || familiarToFull(tag) === full));
  if (found !== undefined) return found;
  throw new UnrootError(`the archive has no image ${JSON.stringify(wanted)}; it has ${all.join(', ')}`, {
    code: 'image.not-found',
    where,
    expected: 'the name of an image in the archive',
  });
}

function missing(what: string, name: string, where: Where): UnrootError {
  return new UnrootError(`${what} is missing from the archive: there is no ${JSON.stringify(name)}`, {
    code: 'image.incomplete',
    where,
    expected: 'an archive with all files that its manifest.json names',
    hint: 'The copy may have been cut short; save the image again.',
  });
}
