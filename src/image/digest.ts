/** Content digests `algorithm:hex` of the OCI image-spec (descriptor.md, "Digests"). Computing them is the sources' work. */
import { UnrootError, type Where } from '../error.ts';
import type { Digest } from './image.ts';

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

export interface DigestParts {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

/** The parts of a well-formed digest in one of the two registered algorithms, or undefined. */
export function digestParts(text: string): DigestParts | undefined {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return undefined;
  if (hex.length !== HEX_LENGTH[algorithm] || !/^[0-9a-f]+$/.test(hex)) return undefined;
  return { algorithm, hex };
}

/** Like {@link digestParts}, but refuses anything else: a digest becomes a file name, so it is never used unchecked. */
export function requireDigest(text: unknown, what: string, where: Where): DigestParts & { readonly digest: Digest } {
  const parts = typeof text === 'string' ? digestParts(text) : undefined;
  if (parts === undefined) {
    throw new UnrootError(`${what} is not a digest: ${JSON.stringify(text)?.slice(0, 100)}`, {
      code: 'image.bad-digest',
      where,
      expected: 'sha256:<64 hex digits> or sha512:<128 hex digits>',
    });
  }
  return { ...parts, digest: `${parts.algorithm}:${parts.hex}` };
}

/** The error for bytes that are not what their digest promises. */
export function digestMismatch(what: string, expected: string, actual: string, where: Where): UnrootError {
  return new UnrootError(`${what} does not have the digest it is stored under: expected ${expected}, got ${actual}`, {
    code: 'image.digest-mismatch',
    where,
    expected,
    hint: 'The image is damaged or was tampered with; fetch or build it again.',
  });
}
