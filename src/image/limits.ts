/** How much an image may ask of us before it is refused. Every limit can be raised by the caller; messages name it. */
import { UnrootError, type Where } from '../error.ts';

export interface ImageLimits {
  /** Uncompressed bytes of one layer. */
  readonly maxLayerBytes: number;
  /** Uncompressed bytes per compressed byte, once more than {@link RATIO_FLOOR} bytes came out. deflate can reach 1032. */
  readonly maxRatio: number;
  /** Entries of one layer. */
  readonly maxEntries: number;
  /** Bytes of one PAX header or GNU long name (Go's archive/tar, which Docker and Podman use, stops at 1 MiB too). */
  readonly maxHeaderBytes: number;
  /** Bytes of a config, manifest or index (containers/image stops at 4 MiB too). */
  readonly maxJsonBytes: number;
}

export const DEFAULT_LIMITS: ImageLimits = {
  maxLayerBytes: 32 * 2 ** 30,
  maxRatio: 200,
  maxEntries: 1_000_000,
  maxHeaderBytes: 2 ** 20,
  maxJsonBytes: 4 * 2 ** 20,
};

/** Small layers of zeros compress better than any real one; the ratio only counts above this many bytes. */
export const RATIO_FLOOR: number = 64 * 2 ** 20;

/** The error for a limit that was hit. */
export function limitError(name: keyof ImageLimits, limit: number, message: string, where: Where): UnrootError {
  return new UnrootError(`${message}: more than the limit ${name} = ${limit}`, {
    code: 'image.too-large',
    where,
    expected: `at most ${limit} (${name})`,
    hint:
      name === 'maxRatio'
        ? 'If you trust this image, store its layers uncompressed: skopeo copy IMAGE docker-archive:FILE, then read FILE.'
        : 'The limit protects this machine from hostile images; no ordinary one comes near it.',
  });
}
