/** Image manifests and indexes (image-spec manifest.md, image-index.md; Docker's version 2, schema 2), wherever they are kept. */
import { UnrootError, type Where } from '../../error.ts';
import { type ParsedConfig, requireLayerCount } from '../config.ts';
import { requireDigest } from '../digest.ts';
import type { Layer, LayerCompression } from '../image.ts';
import { isObject, type JsonObject } from '../json.ts';
import { type Descriptor, readDescriptors } from './descriptor.ts';

/** Media types of lists of manifests. */
export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** Media types of manifests of one image. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const LAYER_TYPES: Readonly<Record<string, LayerCompression>> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.oci.image.layer.nondistributable.v1.tar': 'none',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip': 'gzip',
};
const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** Whether a document lists images or is one. `type` is what its descriptor or itself says; '' = neither does. */
export function manifestKind(manifest: JsonObject, type: string, where: Where): 'index' | 'image' {
  if (INDEX_TYPES.includes(type) || (type === '' && Array.isArray(manifest.manifests))) return 'index';
  if (MANIFEST_TYPES.includes(type) || (type === '' && isObject(manifest.config))) return 'image';
  throw unknownType('the manifest', type, [...MANIFEST_TYPES, ...INDEX_TYPES], where);
}

/** Where the config is. */
export function configOf(manifest: JsonObject, where: Where): Descriptor {
  const config = readDescriptors({ manifests: [manifest.config] }, 'the manifest', where, 'config')[0]!;
  if (config.mediaType === '' || CONFIG_TYPES.includes(config.mediaType)) return config;
  throw unknownType('the config', config.mediaType, CONFIG_TYPES, where, 'It is an artifact, not a container image.');
}

/** The layers, bottom first. */
export function layersOf(manifest: JsonObject, parsed: ParsedConfig, where: Where): readonly Layer[] {
  const descriptors = readDescriptors({ manifests: manifest.layers ?? [] }, 'the manifest', where, 'layers');
  requireLayerCount(parsed.diffIds, descriptors.length, where);
  return descriptors.map((one, i) => {
    const compression = LAYER_TYPES[one.mediaType];
    if (compression === undefined) throw unknownType(`layer ${i}`, one.mediaType, Object.keys(LAYER_TYPES).slice(0, 3), where);
    const { digest: diffId } = requireDigest(parsed.diffIds[i], `diff_id ${i}`, where);
    const createdBy = parsed.createdBy[i];
    return {
      digest: one.digest,
      diffId,
      mediaType: one.mediaType,
      compression,
      size: one.size,
      ...(createdBy === undefined ? {} : { createdBy }),
    };
  });
}

function unknownType(what: string, type: string, known: readonly string[], where: Where, hint?: string): UnrootError {
  return new UnrootError(`${what} has the unknown media type ${JSON.stringify(type)}`, {
    code: 'image.unknown-media-type',
    where,
    expected: known.join(', '),
    hint: hint ?? 'Convert it with skopeo copy, or build it without encryption and foreign formats.',
  });
}
