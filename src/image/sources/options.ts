/** How to open an image. */
import type { Platform } from '../image.ts';
import { DEFAULT_LIMITS, type ImageLimits } from '../limits.ts';
import type { RegistryOptions } from './registry/options.ts';

export interface OpenImageOptions {
  /** Which image of an index; default linux on this machine's architecture. */
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
  /** Where archives are unpacked to when they have to be; default the system's. */
  readonly tmpDir?: string;
  readonly limits?: Partial<ImageLimits>;
  /** Of a name in a manifest: a local image is meant only by its whole name (or `localhost/…`), not as podman completes what is typed. */
  readonly wholeNames?: boolean;
  /** The store of podman and buildah to look in, instead of the one storage.conf names. */
  readonly storageRoot?: string;
  /** How registries are spoken to. One object for one run: what was learnt of a registry is kept with it. */
  readonly registry?: RegistryOptions;
}

/** The limits in force. */
export function limitsOf(options: OpenImageOptions): ImageLimits {
  return { ...DEFAULT_LIMITS, ...options.limits };
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
  mips64el: 'mips64le',
};

/** The platform images run on here, in Go's names. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: ARCHITECTURES[process.arch] ?? process.arch };
}
