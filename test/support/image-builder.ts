/** Builds small images from lists of entries, as OCI layout folders or archives: for tests that need one odd image each. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { concat, type TarWriteEntry, writeTar } from '../../src/image/tar-writer.ts';

/** One tar entry of a layer. The type follows from what is set: `content` = file, `target` = symlink, neither = directory. */
export interface LayerItem {
  /** `/etc/passwd`; written without the leading slash unless `raw`. A whiteout is `/etc/.wh.passwd`. */
  readonly path: string;
  readonly type?: TarWriteEntry['type'];
  readonly content?: string | Uint8Array;
  readonly target?: string;
  /** Hard link to this path. */
  readonly hardlink?: string;
  /** Default 0755 for directories and 0644 for files. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Write the name as it is, for hostile layers. */
  readonly raw?: boolean;
}

export type Compression = 'none' | 'gzip';

export interface BuildSpec {
  /** Bottom first. A Uint8Array is taken as the finished tar. */
  readonly layers: readonly (readonly LayerItem[] | Uint8Array)[];
  /** The `config` object of the image config (`User`, `Env`, `Cmd` …). */
  readonly config?: Readonly<Record<string, unknown>>;
  /** More fields of the image config document, or replacements. */
  readonly document?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly compression?: Compression;
}

export interface BuiltLayer {
  readonly tar: Uint8Array;
  readonly blob: Uint8Array;
  readonly diffId: string;
  readonly digest: string;
  readonly mediaType: string;
}

export interface BuiltImage {
  readonly config: Uint8Array;
  readonly configDigest: string;
  readonly layers: readonly BuiltLayer[];
  readonly manifest: Uint8Array;
  readonly manifestDigest: string;
}

/** Created time of every built image. */
export const CREATED = '2024-01-02T03:04:05Z';

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
const jsonOf = (value: unknown): Uint8Array => bytesOf(JSON.stringify(value));

/** The architecture of this machine as images name it. */
export const ARCHITECTURE: string = process.arch === 'x64' ? 'amd64' : process.arch;

/** The tar of a layer. */
export function buildLayer(items: readonly LayerItem[]): Uint8Array {
  return concat([
    ...writeTar(
      items.map((item): TarWriteEntry => {
        const type =
          item.type ??
          (item.hardlink !== undefined
            ? 'hardlink'
            : item.target !== undefined
              ? 'symlink'
              : item.content !== undefined
                ? 'file'
                : 'directory');
        const link = item.hardlink?.replace(/^\//, '') ?? item.target;
        return {
          name: item.raw ? item.path : item.path.replace(/^\//, '') || './',
          type,
          mode: item.mode ?? (type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644),
          uid: item.uid ?? 0,
          gid: item.gid ?? 0,
          mtime: item.mtime ?? 1_700_000_000,
          ...(link === undefined ? {} : { link }),
          ...(item.content === undefined ? {} : { content: bytesOf(item.content) }),
          ...(item.xattrs === undefined ? {} : { xattrs: item.xattrs }),
          ...(item.device === undefined ? {} : { device: item.device }),
        };
      }),
    ),
  ]);
}

/** Config, layers and manifest in memory. */
export function buildImage(spec: BuildSpec): BuiltImage {
  const compression = spec.compression ?? 'gzip';
  const layers = spec.layers.map((layer): BuiltLayer => {
    const tar = layer instanceof Uint8Array ? layer : buildLayer(layer);
    const blob = compression === 'gzip' ? new Uint8Array(gzipSync(tar)) : tar;
    const mediaType = `application/vnd.oci.image.layer.v1.tar${compression === 'gzip' ? '+gzip' : ''}`;
    return { tar, blob, diffId: digestOf(tar), digest: digestOf(blob), mediaType };
  });
  const config = jsonOf({
    created: CREATED,
    architecture: spec.architecture ?? ARCHITECTURE,
    os: 'linux',
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, i) => ({ created: CREATED, created_by: `layer ${i}` })),
    ...spec.document,
  });
  const manifest = jsonOf({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: layers.map((layer) => ({ mediaType: layer.mediaType, digest: layer.digest, size: layer.blob.length })),
  });
  return { config, configDigest: digestOf(config), layers, manifest, manifestDigest: digestOf(manifest) };
}

/** The files of an OCI layout by name. `tag` null = no tag. */
export function layoutFiles(image: BuiltImage, tag: string | null = 'latest'): Map<string, Uint8Array> {
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  return new Map([
    ['oci-layout', jsonOf({ imageLayoutVersion: '1.0.0' })],
    ...image.layers.map((layer): [string, Uint8Array] => [blob(layer.digest), layer.blob]),
    [blob(image.configDigest), image.config],
    [blob(image.manifestDigest), image.manifest],
    [
      'index.json',
      jsonOf({
        schemaVersion: 2,
        manifests: [
          {
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest: image.manifestDigest,
            size: image.manifest.length,
            ...(tag === null ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } }),
          },
        ],
      }),
    ],
  ]);
}

/** Writes files (names may contain folders) below `dir`. */
export function writeFiles(dir: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, content] of files) {
    const path = join(dir, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }
}

/** An archive holding these files. */
export function archiveOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return buildLayer([...files].map(([path, content]) => ({ path, content })));
}

/** Writes an OCI layout folder and returns it. */
export function writeLayout(dir: string, spec: BuildSpec, tag: string | null = 'latest'): string {
  writeFiles(dir, layoutFiles(buildImage(spec), tag));
  return dir;
}

/** The files of a docker-archive holding several images, each with its names. Layers are plain, as `docker save` writes them. */
export function dockerFiles(
  images: readonly { readonly spec: BuildSpec; readonly names: readonly string[] }[],
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const manifest = images.map(({ spec, names }) => {
    const image = buildImage({ compression: 'none', ...spec });
    const hex = image.configDigest.slice(7);
    files.set(`${hex}.json`, image.config);
    for (const layer of image.layers) files.set(`${layer.diffId.slice(7)}.tar`, layer.blob);
    return { Config: `${hex}.json`, RepoTags: names, Layers: image.layers.map((layer) => `${layer.diffId.slice(7)}.tar`) };
  });
  files.set('manifest.json', jsonOf(manifest));
  return files;
}

/** Writes a docker-archive of one image and returns its path. */
export function writeDockerArchive(
  file: string,
  spec: BuildSpec,
  names: readonly string[] = ['example.com/app:latest'],
  gzip = false,
): string {
  const tar = archiveOf(dockerFiles([{ spec, names }]));
  writeFileSync(file, gzip ? gzipSync(tar) : tar);
  return file;
}

/** A new folder for one test; remove it afterwards. Lower case, because podman makes an image name of the path of a layout. */
export function temporaryFolder(): string {
  const folder = join(tmpdir(), `unroot-test-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder);
  return folder;
}
