/** Checks digests while bytes pass by. */
import { createHash } from 'node:crypto';
import type { Where } from '../../error.ts';
import { digestMismatch, requireDigest } from '../digest.ts';
import type { Digest } from '../image.ts';

/** Passes everything through and throws `image.digest-mismatch` at the end when the bytes are not what `digest` says. */
export async function* verified(
  input: AsyncIterable<Uint8Array>,
  digest: Digest,
  what: string,
  where: Where,
): AsyncGenerator<Uint8Array> {
  const { algorithm } = requireDigest(digest, `the digest of ${what}`, where);
  const hash = createHash(algorithm);
  for await (const chunk of input) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (actual !== digest) throw digestMismatch(what, digest, actual, where);
}

/** Checks bytes that are all there. */
export function verifyBytes(bytes: Uint8Array, digest: Digest, what: string, where: Where): void {
  const { algorithm } = requireDigest(digest, `the digest of ${what}`, where);
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (actual !== digest) throw digestMismatch(what, digest, actual, where);
}

/** `sha256:…` of bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `sha256:…` of a stream. */
export async function sha256Stream(input: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of input) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
