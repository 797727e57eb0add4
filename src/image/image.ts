/** A container image, wherever it came from. Read-only plain data plus two readers. */
import type { Inode } from '../linux/inode.ts';

/** `sha256:<64 hex>`. */
export type Digest = string;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** HEALTHCHECK; times in nanoseconds as in the Docker image config. `test` is `['NONE']`, `['CMD', …]` or `['CMD-SHELL', line]`. */
export interface Healthcheck {
  readonly test: readonly string[];
  readonly interval?: number;
  readonly timeout?: number;
  readonly startPeriod?: number;
  readonly retries?: number;
}

/** The `config` of the OCI image config (image-spec config.md), names in camelCase; absent = not set in the image. */
export interface ImageConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly volumes: readonly string[];
  /** `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly healthcheck?: Healthcheck;
  readonly shell?: readonly string[];
}

export type LayerCompression = 'none' | 'gzip' | 'zstd';

export interface Layer {
  /** Digest of the blob as stored. */
  readonly digest: Digest;
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  readonly mediaType: string;
  readonly compression: LayerCompression;
  /** Bytes as stored. */
  readonly size: number;
  /** `created_by` of the matching history entry. */
  readonly createdBy?: string;
}

/** An entry of the merged root file system. */
export interface RootEntry extends Inode {
  /** Absolute, normalised, no trailing slash; '/' is the root. */
  readonly path: string;
  /** Bytes, files only. */
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Symlinks. As written. */
  readonly target?: string;
  /** Devices. */
  readonly device?: { readonly major: number; readonly minor: number };
  /** Index of the layer whose tar entry set owner and mode; -1 = implied parent that no layer mentions. */
  readonly layer: number;
  /** Directories: a later layer that has something below without listing the directory itself. What that does to owner and mode is the store's. */
  readonly passedBy?: number;
  /** The path whose tar entry holds the content when this entry is a hard link; the layer is the same one. */
  readonly hardlinkTo?: string;
  /** Raw extended attributes beyond those parsed into acl, defaultAcl and fileCapabilities. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Every extended attribute as the layer stores it, the parsed ones too: what a copy of the entry has to carry. */
  readonly rawXattrs?: Readonly<Record<string, Uint8Array>>;
}

/** Result of following a path inside the image, never leaving its root. */
export interface Resolved {
  /** The path after following symlinks; set even when the last component does not exist, if its parent does. */
  readonly path: string;
  readonly entry: RootEntry | undefined;
  /** ELOOP (more than 40 links), ENOENT, ENOTDIR. */
  readonly error?: 'ELOOP' | 'ENOENT' | 'ENOTDIR';
}

export interface ReadFilesOptions {
  /** Bytes; default 10 MiB. */
  readonly limit?: number;
  readonly head?: boolean;
}

/** The merged root file system of an image: all metadata, contents on demand. */
export interface RootFs {
  /** Without following a final symlink, and without following any: the path as the layers name it. */
  get(path: string): RootEntry | undefined;
  /** Follows symlinks (the last one too unless `follow` is false). */
  resolve(path: string, options?: { readonly follow?: boolean }): Resolved;
  /** Names in a directory, sorted. */
  list(path: string): readonly string[];
  entries(): Iterable<RootEntry>;
  /** Content of a regular file (hard links and symlinks followed). Undefined when there is none. Throws `image.too-large` above `limit` bytes (default 10 MiB). */
  readFile(path: string, options?: { readonly limit?: number }): Promise<Uint8Array | undefined>;
  /** Contents of several files in one pass over the layers. `head`: of a file above the limit the first `limit` bytes, instead of an error. */
  readFiles(paths: Iterable<string>, options?: ReadFilesOptions): Promise<ReadonlyMap<string, Uint8Array>>;
}

export interface Image {
  /** As the user named it. */
  readonly reference: string;
  readonly transport: 'oci' | 'oci-archive' | 'docker-archive' | 'containers-storage' | 'docker-daemon' | 'docker';
  /** The reference when pointing into a local engine's store, so that the engine need not load it again. */
  readonly storeReference?: string;
  /** Of the manifest; for docker-archive, of the config. */
  readonly digest: Digest;
  readonly configDigest: Digest;
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** The config blob as it is, so that a derived image loses nothing. */
  readonly rawConfig: Uint8Array;
  /** Bottom first. */
  readonly layers: readonly Layer[];
  /** Image name as `name:tag` when known. */
  readonly name?: string;
  /** The layer blob as stored (compressed when it is), digest verified at the end of the stream. */
  openLayerBlob(index: number): AsyncIterable<Uint8Array>;
  /** A file that is exactly the layer blob, when there is one: sinks link or copy it instead of streaming. */
  layerFile?(index: number): string | undefined;
  /** The uncompressed tar of a layer, bounded. */
  openLayer(index: number): AsyncIterable<Uint8Array>;
  /** The merged tree; read once, then kept. */
  rootFs(): Promise<RootFs>;
  /** Only these files, with as little reading as the source allows: for `who` (passwd and group). Symlinks are followed. */
  readFiles(paths: readonly string[], options?: ReadFilesOptions): Promise<ReadonlyMap<string, Uint8Array>>;
  /**
   * A tree of nothing but what decides about these paths, where that costs less than the whole one; undefined = only the whole one can tell
   * (symlinks on the way, compressed layers).
   */
  locate?(paths: readonly string[]): Promise<RootFs | undefined>;
  /** True while reading the merged tree would fetch layers over a network: `who` does without it then. */
  far?(): boolean;
  close(): Promise<void>;
}
