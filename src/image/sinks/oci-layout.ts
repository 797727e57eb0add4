/** Writes an image as an OCI layout folder (image-spec image-layout.md). Unchanged blobs are linked or copied, never packed again. */
import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UnrootError } from '../../error.ts';
import { requireDigest } from '../digest.ts';
import type { Digest, Image } from '../image.ts';
import { publish } from './publish.ts';
import { writeStream } from './write-stream.ts';

export interface WrittenLayout {
  readonly dir: string;
  readonly manifestDigest: Digest;
  /** Ready for `skopeo`, `podman` and openImage: `oci:DIR:TAG`. */
  readonly reference: string;
}

export interface OciLayoutOptions {
  /** `org.opencontainers.image.ref.name`; default `latest`. */
  readonly tag?: string;
  readonly signal?: AbortSignal;
  /** Share blobs with the source by hard links where the file system allows. Default false: a copy lives on when the source is edited. */
  readonly hardLinks?: boolean;
  /** Layers that the reader has already, by digest: the manifest names them, their blobs are left out. Default: none. */
  readonly without?: ReadonlySet<Digest>;
}

const LAYER_TYPES: Readonly<Record<string, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/** Writes the layout; an existing layout at `dir` is replaced when everything is there. */
export async function writeOciLayout(image: Image, dir: string, options: OciLayoutOptions = {}): Promise<WrittenLayout> {
  const tag = options.tag ?? 'latest';
  requireReplaceable(dir);
  const manifestDigest = await publish(dir, undefined, async (folder) => {
    const blobs = join(folder, 'blobs/sha256');
    mkdirSync(blobs, { recursive: true });
    const json = (value: unknown): { digest: Digest; size: number } =>
      put(blobs, new TextEncoder().encode(JSON.stringify(value)));
    const config = put(blobs, image.rawConfig);
    for (const [i, layer] of image.layers.entries()) {
      if (options.without?.has(layer.digest) !== true) await putLayer(image, i, layer.digest, folder, options);
    }
    const manifest = json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: image.layers.map(({ digest, size, compression }) => ({ mediaType: LAYER_TYPES[compression], digest, size })),
    });
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          ...manifest,
          platform: image.platform,
          annotations: { 'org.opencontainers.image.ref.name': tag },
        },
      ],
    };
    writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
    writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    return manifest.digest;
  });
  return { dir, manifestDigest, reference: `oci:${dir}:${tag}` };
}

/** Never replace a folder that is something else. */
function requireReplaceable(dir: string): void {
  const there = statSync(dir, { throwIfNoEntry: false });
  if (there === undefined || statSync(join(dir, 'oci-layout'), { throwIfNoEntry: false })?.isFile()) return;
  throw new UnrootError(`${dir} exists and is not an OCI layout, so it is not replaced`, {
    code: 'image.cannot-write',
    where: { file: dir },
    expected: 'a new name, or an OCI layout to replace',
  });
}

function put(blobs: string, bytes: Uint8Array): { digest: Digest; size: number } {
  const hex = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(blobs, hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}

async function putLayer(image: Image, index: number, digest: Digest, folder: string, options: OciLayoutOptions): Promise<void> {
  const { algorithm, hex } = requireDigest(digest, `the digest of layer ${index}`, { image: image.reference, layer: index });
  mkdirSync(join(folder, 'blobs', algorithm), { recursive: true });
  const path = join(folder, 'blobs', algorithm, hex);
  // The same layer may stand in an image twice.
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const file = image.layerFile?.(index);
  if (file !== undefined && options.hardLinks === true) {
    try {
      linkSync(resolve(file), path);
      return;
    } catch {
      // Another file system, or protected_hardlinks: copy.
      copyFileSync(file, path);
      return;
    }
  }
  await writeStream(image.openLayerBlob(index), path, options.signal);
}
