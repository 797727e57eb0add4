/** OCI image layouts (image-spec image-layout.md): the way from index.json over indexes and manifest to config and layers. */
import { UnrootError, type Where } from '../../error.ts';
import { parseConfig } from '../config.ts';
import { requireDigest } from '../digest.ts';
import type { Image, Layer } from '../image.ts';
import { fieldsOf, type JsonObject, parseJsonObject, wrong } from '../json.ts';
import { limitError } from '../limits.ts';
import { type FileRange, readRange } from './blob-file.ts';
import { choosePlatform, type Descriptor, describe as describeList, readDescriptors, requirePlatform } from './descriptor.ts';
import { fileLayer } from './file-layer.ts';
import { makeImage } from './make-image.ts';
import { configOf, layersOf, manifestKind } from './manifest.ts';
import { limitsOf, type OpenImageOptions } from './options.ts';
import { verifyBytes } from './verify.ts';

/** Files of a layout, wherever they are kept. */
export interface LayoutFiles {
  /** `index.json`, `blobs/sha256/…`; undefined when it is missing. */
  file(name: string): FileRange | undefined;
  close(): void;
}

const REF_NAME = 'org.opencontainers.image.ref.name';
/** Indexes in indexes; more is a loop or an attack. */
const MAX_DEPTH = 8;

/** Opens one image of a layout. */
export function openLayout(
  files: LayoutFiles,
  target: { readonly reference: string; readonly transport: 'oci' | 'oci-archive'; readonly tag?: string },
  options: OpenImageOptions,
): Image {
  const where: Where = { image: target.reference };
  const limits = limitsOf(options);

  const document = (name: string, what: string): Uint8Array => {
    const range = files.file(name);
    if (range === undefined) throw missing(what, name, where);
    if (range.size > limits.maxJsonBytes)
      throw limitError('maxJsonBytes', limits.maxJsonBytes, `${what} has ${range.size} bytes`, where);
    return readRange(range, where);
  };
  const blob = (descriptor: Descriptor, what: string): Uint8Array => {
    const bytes = document(blobName(descriptor.digest, what, where), what);
    verifyBytes(bytes, descriptor.digest, what, where);
    return bytes;
  };

  const index = parseJsonObject(document('index.json', 'index.json'), 'index.json', where, limits.maxJsonBytes);
  const roots = readDescriptors(index, 'index.json', where);
  const chosen = target.tag === undefined ? roots : tagged(roots, target.tag, where);
  if (chosen.length === 0) {
    throw new UnrootError('the OCI layout is empty: its index.json lists no image', {
      code: 'image.not-found',
      where,
      expected: 'at least one manifest',
    });
  }
  const tags = new Set(chosen.map((one) => one.annotations[REF_NAME]));
  const ambiguous =
    target.tag === undefined && chosen.length > 1 && (tags.size > 1 || chosen.every((one) => one.platform === undefined));
  if (ambiguous) {
    throw new UnrootError(`the OCI layout holds ${chosen.length} images; which one? ${describeList(chosen)}`, {
      code: 'image.ambiguous',
      where,
      expected: 'the tag of one of them',
      hint: `Append one: ${target.reference}:TAG`,
    });
  }
  let descriptor = choosePlatform(chosen, options.platform, where);
  const name = descriptor.annotations['io.containerd.image.name'] ?? descriptor.annotations[REF_NAME];
  let manifest: JsonObject = {};
  for (let depth = 0; ; depth++) {
    if (depth > MAX_DEPTH) throw wrong('the image index', '', `nested at most ${MAX_DEPTH} deep`, where);
    manifest = parseJsonObject(blob(descriptor, 'the manifest'), 'the manifest', where, limits.maxJsonBytes);
    const type = descriptor.mediaType || (fieldsOf(manifest, 'the manifest', where).string('mediaType') ?? '');
    if (manifestKind(manifest, type, where) === 'image') break;
    descriptor = choosePlatform(readDescriptors(manifest, 'the image index', where), options.platform, where);
  }

  const configDescriptor = configOf(manifest, where);
  const rawConfig = blob(configDescriptor, 'the image config');
  const parsed = parseConfig(rawConfig, where, limits.maxJsonBytes);
  if (descriptor.platform === undefined) requirePlatform(parsed.platform, options.platform, where);
  const layers = layersOf(manifest, parsed, where).map((layer, i) => {
    const layerWhere = { ...where, layer: i };
    return fileLayer(layer, () => layerBlob(files, layer, i, layerWhere), limits, layerWhere);
  });
  return makeImage({
    reference: target.reference,
    transport: target.transport,
    digest: descriptor.digest,
    configDigest: configDescriptor.digest,
    rawConfig,
    parsed,
    layers,
    name,
    close: () => files.close(),
  });
}

function layerBlob(files: LayoutFiles, layer: Layer, index: number, where: Where): FileRange {
  const name = blobName(layer.digest, `layer ${index}`, where);
  const range = files.file(name);
  if (range === undefined) throw missing(`layer ${index}`, name, where);
  if (range.size !== layer.size) {
    throw new UnrootError(`the blob of layer ${index} has ${range.size} bytes, its descriptor says ${layer.size}`, {
      code: range.size < layer.size ? 'image.truncated' : 'image.digest-mismatch',
      where,
      expected: `${layer.size} bytes`,
      hint: 'Fetch or build the image again.',
    });
  }
  return range;
}

function blobName(digest: string, what: string, where: Where): string {
  const { algorithm, hex } = requireDigest(digest, `the digest of ${what}`, where);
  return `blobs/${algorithm}/${hex}`;
}

function tagged(roots: readonly Descriptor[], tag: string, where: Where): readonly Descriptor[] {
  const found = roots.filter(
    (one) => one.annotations[REF_NAME] === tag || one.digest === tag || one.annotations['io.containerd.image.name'] === tag,
  );
  if (found.length > 0) return found;
  throw new UnrootError(`the OCI layout has no image tagged ${JSON.stringify(tag)}; it has ${describeList(roots)}`, {
    code: 'image.not-found',
    where,
    expected: 'a tag of the layout',
  });
}

function missing(what: string, name: string, where: Where): UnrootError {
  return new UnrootError(`${what} is missing from the image: there is no ${name}`, {
    code: 'image.incomplete',
    where,
    expected: name,
    hint: 'The copy may have been cut short; fetch the image again.',
  });
}
