/** Images in the store that podman, buildah and CRI-O share (containers/storage), read in place: no daemon, no copy, no engine. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UnrootError, type Where } from '../../error.ts';
import { parseConfig, requireLayerCount } from '../config.ts';
import type { Image, Layer } from '../image.ts';
import { fieldsOf, isObject, type JsonObject, parseJson, wrong } from '../json.ts';
import { familiarToFull } from '../reference.ts';
import { cannotRead } from './blob-file.ts';
import { requirePlatform } from './descriptor.ts';
import type { LayerReader } from './file-layer.ts';
import { makeImage } from './make-image.ts';
import { limitsOf, type OpenImageOptions } from './options.ts';
import { storedLayer } from './tar-split.ts';
import { verifyBytes } from './verify.ts';

const PLAIN = 'application/vnd.oci.image.layer.v1.tar';
/** The lists of images and layers of a whole machine. */
const MAX_LIST = 256 * 2 ** 20;

interface StoredImage {
  readonly id: string;
  readonly digest: string;
  readonly names: readonly string[];
  readonly layer: string;
  /** Keys of the blobs kept with the image. */
  readonly blobs: readonly string[];
}

/** Opens an image of the local store. Throws `image.not-found` when the store has no such image. */
export async function openContainersStorage(target: string, name: string, options: OpenImageOptions): Promise<Image> {
  const image = await findInStore(target, name, options);
  if (image !== undefined) return image;
  throw new UnrootError(`${name} is not in the local container store`, {
    code: 'image.not-found',
    where: { image: target },
    expected: 'an image that "podman images" lists',
    hint: `Fetch it first: podman pull ${name}`,
  });
}

/** The image, or undefined when there is no store or no such image in it. */
export async function findInStore(target: string, name: string, options: OpenImageOptions): Promise<Image | undefined> {
  const where: Where = { image: target };
  const root = storeRoot(where, options.storageRoot);
  if (root === undefined) return undefined;
  const found = choose(storedImages(join(root, 'overlay-images/images.json'), where), name, options.wholeNames === true);
  if (found === undefined) return undefined;

  const limits = limitsOf(options);
  const configKey = `sha256:${found.id}`;
  if (!found.blobs.includes(configKey)) throw damaged(`image ${found.id} has no config`, where);
  const rawConfig = readBlob(join(root, 'overlay-images', found.id, blobFile(configKey)), limits.maxJsonBytes, where);
  verifyBytes(rawConfig, configKey, 'the image config', where);
  const parsed = parseConfig(rawConfig, where, limits.maxJsonBytes);
  requirePlatform(parsed.platform, options.platform, where);
  const chain = layerChain(root, found.layer, where);
  requireLayerCount(parsed.diffIds, chain.length, where);
  const layers = chain.map((stored, i): LayerReader => {
    const layerWhere = { ...where, layer: i };
    const diffId = parsed.diffIds[i]!;
    if (stored.diffDigest !== diffId) throw damaged(`layer ${i} is ${stored.diffDigest}, the config says ${diffId}`, layerWhere);
    const createdBy = parsed.createdBy[i];
    const layer: Layer = {
      digest: diffId,
      diffId,
      mediaType: PLAIN,
      compression: 'none',
      size: stored.size,
      ...(createdBy === undefined ? {} : { createdBy }),
    };
    const folder = join(root, 'overlay', stored.id, 'diff');
    return storedLayer(
      layer,
      { splitFile: join(root, 'overlay-layers', `${stored.id}.tar-split.gz`), folder },
      limits,
      layerWhere,
    );
  });
  return makeImage({
    reference: target,
    transport: 'containers-storage',
    storeReference: found.names[0] ?? found.id,
    name: found.names[0],
    digest: found.digest,
    configDigest: configKey,
    rawConfig,
    parsed,
    layers,
    close: () => {},
  });
}

/** graphroot of storage.conf(5), else the default of root or of the user. Only the overlay driver is read in place. */
function storeRoot(where: Where, asked: string | undefined): string | undefined {
  const root = asked ?? configuredRoot();
  try {
    return statSync(join(root, 'overlay-images/images.json'), { throwIfNoEntry: false })?.isFile() ? root : undefined;
  } catch (cause) {
    throw cannotRead(root, cause, where);
  }
}

/** Once a second is often enough. */
let lastRoot: { readonly key: string; readonly until: number; readonly root: string } | undefined;

function configuredRoot(): string {
  const home = homedir();
  const isRoot = process.getuid?.() === 0;
  const { CONTAINERS_STORAGE_CONF, XDG_CONFIG_HOME, XDG_DATA_HOME } = process.env;
  const key = [home, CONTAINERS_STORAGE_CONF, XDG_CONFIG_HOME, XDG_DATA_HOME].join('\0');
  if (lastRoot?.key === key && Date.now() < lastRoot.until) return lastRoot.root;
  const configs = [
    CONTAINERS_STORAGE_CONF,
    isRoot ? undefined : join(XDG_CONFIG_HOME ?? join(home, '.config'), 'containers/storage.conf'),
    isRoot ? '/etc/containers/storage.conf' : undefined,
    isRoot ? '/usr/share/containers/storage.conf' : undefined,
  ];
  const data = XDG_DATA_HOME ?? join(home, '.local/share');
  // The first that says where is obeyed, even when nothing is there: images of another store are others.
  const set = configs
    .map((path) => (path === undefined ? undefined : readIfThere(path)))
    .map((text) => (text === undefined ? undefined : /^\s*graphroot\s*=\s*"([^"]+)"/m.exec(text)?.[1]))
    .find((root) => root !== undefined);
  const root = set ?? (isRoot ? '/var/lib/containers/storage' : join(data, 'containers/storage'));
  lastRoot = { key, until: Date.now() + 1000, root };
  return root;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A configuration that we may not read is not ours.
    return undefined;
  }
}

/** Exact names first, then short names as podman completes them (`app` is any `…/app`, when there is one), then ids. */
function choose(images: readonly StoredImage[], name: string, wholeNames: boolean): StoredImage | undefined {
  const [repository, digest] = name.split('@', 2);
  const last = name.slice(name.lastIndexOf('/') + 1);
  const tagged = last.includes(':') || digest !== undefined ? name : `${name}:latest`;
  const byName = (wanted: string): StoredImage | undefined => images.find((image) => image.names.includes(wanted));
  const exact = byName(tagged) ?? byName(`localhost/${tagged}`) ?? byName(familiarToFull(name));
  if (exact !== undefined) return exact;
  if (digest !== undefined) {
    return images.find(
      (image) => image.digest === digest && (repository === '' || image.names.some((one) => one.includes(repository!))),
    );
  }
  if (wholeNames) return undefined;
  const bySuffix = images.filter((image) => image.names.some((one) => one.endsWith(`/${tagged}`)));
  if (bySuffix.length === 1) return bySuffix[0];
  const id = name.replace(/^sha256:/, '');
  const byId = /^[0-9a-f]{6,64}$/.test(id) ? images.filter((image) => image.id.startsWith(id)) : [];
  return byId.length === 1 ? byId[0] : undefined;
}

function readImage(item: unknown, where: Where): StoredImage {
  if (!isObject(item)) throw wrong('images.json', '', 'a list of images', where);
  const fields = fieldsOf(item, 'images.json', where);
  return {
    id: hex(fields.string('id'), where),
    digest: fields.string('digest') ?? '',
    names: fields.strings('names') ?? [],
    layer: fields.string('layer') ?? '',
    blobs: fields.strings('big-data-names') ?? [],
  };
}

interface ChainLayer {
  readonly id: string;
  readonly diffDigest: string;
  readonly size: number;
}

/** From the image's top layer down to the base, returned bottom first. */
function layerChain(root: string, top: string, where: Where): readonly ChainLayer[] {
  const byId = new Map<string, JsonObject>();
  for (const item of readList(join(root, 'overlay-layers/layers.json'), where))
    if (isObject(item)) byId.set(String(item.id), item);
  const chain: ChainLayer[] = [];
  for (let id = top; id !== ''; ) {
    const item = byId.get(id);
    if (item === undefined || chain.length > 1000) throw damaged(`layer ${id} is missing`, where);
    const fields = fieldsOf(item, 'layers.json', where);
    chain.push({ id: hex(id, where), diffDigest: fields.string('diff-digest') ?? '', size: fields.integer('diff-size') ?? 0 });
    id = fields.string('parent') ?? '';
  }
  return chain.reverse();
}

/** The list as it was last read: manifests name thousands of images, and each is looked for. */
let lastList: { readonly key: string; readonly images: readonly StoredImage[] } | undefined;

function storedImages(path: string, where: Where): readonly StoredImage[] {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  const key = `${path}\0${stat?.ino}\0${stat?.size}\0${stat?.mtimeNs}`;
  if (lastList?.key === key) return lastList.images;
  const images = readList(path, where).map((item) => readImage(item, where));
  lastList = { key, images };
  return images;
}

function readList(path: string, where: Where): readonly unknown[] {
  const value = parseJson(readBlob(path, MAX_LIST, where), path, where, MAX_LIST);
  if (!Array.isArray(value)) throw wrong(path, '', 'a list', where);
  return value;
}

function readBlob(path: string, limit: number, where: Where): Uint8Array {
  try {
    const size = statSync(path).size;
    if (size > limit) throw damaged(`${path} has ${size} bytes`, where);
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof UnrootError) throw cause;
    throw cannotRead(path, cause, where);
  }
}

/** Names of blobs that are not plain words are stored as `=` and base64. */
function blobFile(key: string): string {
  return `=${Buffer.from(key).toString('base64')}`;
}

/** Ids become file names. */
function hex(id: string | undefined, where: Where): string {
  if (id !== undefined && /^[0-9a-f]{64}$/.test(id)) return id;
  throw damaged(`${JSON.stringify(id)} is not an id`, where);
}

function damaged(reason: string, where: Where): UnrootError {
  return new UnrootError(`the local container store cannot be read: ${reason}`, {
    code: 'image.store',
    where,
    expected: 'a store as podman keeps it',
    hint: 'Save the image with podman save and use the archive.',
  });
}
