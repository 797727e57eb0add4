/** Blobs of one image: out of the cache, or from the first registry that has them; broken downloads go on where they stopped. */
import { closeSync, fstatSync, openSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError, type Where } from '../../../error.ts';
import { digestMismatch } from '../../digest.ts';
import type { Digest } from '../../image.ts';
import { type ImageLimits, limitError } from '../../limits.ts';
import { createFile } from '../../sinks/write-stream.ts';
import { type FileRange, streamRange } from '../blob-file.ts';
import { verified } from '../verify.ts';
import { ask } from './ask.ts';
import { BrokenBody, chunksOf } from './body.ts';
import type { Cache } from './cache.ts';
import { askedOf, type Endpoint, throwIfAborted } from './endpoint.ts';
import { badAnswer, errorCode, notCached, unreachable } from './failure.ts';
import { ATTEMPTS, DEFAULT_RETRY_DELAY } from './options.ts';

export interface BlobDescriptor {
  readonly digest: Digest;
  readonly size: number;
}

export interface Blobs {
  /** The blob as a stream, kept in the cache when it is read to its end. Not checked: the reader does that. `sparing`: it may stop early. */
  stream(blob: BlobDescriptor, what: string, where: Where, sparing?: boolean): AsyncIterable<Uint8Array>;
  /** The blob as a file of the cache, checked when it came. */
  file(blob: BlobDescriptor, what: string, where: Where): Promise<FileRange>;
  has(digest: Digest): boolean;
  close(): void;
}

/** Bytes of the first piece and of the largest, where the reader may stop early. */
const FIRST_PIECE = 2 ** 19;
const LARGEST_PIECE = 32 * 2 ** 20;
/** Times one blob may break off and go on. */
const MOST_CUTS = 30;

/** `endpoints`: mirrors first; none when there shall be no network. */
export function createBlobs(endpoints: readonly Endpoint[], cache: Cache, image: string, limits: ImageLimits): Blobs {
  const open = new Map<string, FileRange>();

  function cached({ digest, size }: BlobDescriptor): FileRange | undefined {
    const known = open.get(digest);
    if (known !== undefined) return known;
    const path = cache.blob(digest);
    if (path === undefined) return undefined;
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return undefined; // removed between two looks by another program that tidies
    }
    const range: FileRange = { fd, offset: 0, size: fstatSync(fd).size, whole: path };
    if (range.size !== size) {
      // No file of ours: they are renamed when they are complete and right.
      closeSync(fd);
      rmSync(path, { force: true });
      return undefined;
    }
    open.set(digest, range);
    return range;
  }

  async function* download(blob: BlobDescriptor, what: string, where: Where, sparing: boolean): AsyncGenerator<Uint8Array> {
    if (blob.size > limits.maxLayerBytes)
      throw limitError('maxLayerBytes', limits.maxLayerBytes, `${what} has ${blob.size} bytes before it is unpacked`, where);
    if (endpoints.length === 0) throw notCached(image, what, where);
    let failure: unknown;
    let position = 0;
    for (const endpoint of endpoints) {
      try {
        for await (const chunk of fromEndpoint(endpoint, blob, position, sparing)) {
          position += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (error instanceof UnrootError && error.exitCode === 130) throw error;
        failure ??= error;
        // The last one is the registry itself: what it says counts.
        if (endpoint === endpoints.at(-1)) failure = error;
      }
    }
    throw failure;
  }

  /** Writes what passes by to the cache; published when all of it came and is right, gone when the reader stops early. */
  async function* kept(blob: BlobDescriptor, what: string, where: Where, sparing: boolean): AsyncGenerator<Uint8Array> {
    const path = cache.growing();
    const file = createFile(path);
    let complete = false;
    try {
      for await (const chunk of verified(download(blob, what, where, sparing), blob.digest, `the blob of ${what}`, where)) {
        await file.append([chunk]).catch((cause: unknown) => {
          throw cache.unusable(cause);
        });
        yield chunk;
      }
      complete = true;
    } finally {
      await file.close();
      if (complete) cache.keep(path, blob.digest);
      else rmSync(path, { force: true });
    }
  }

  return {
    stream: (blob, what, where, sparing = false) => {
      const range = cached(blob);
      return range === undefined ? kept(blob, what, where, sparing) : streamRange(range, where);
    },
    async file(blob, what, where) {
      for (let attempt = 0; ; attempt++) {
        const range = cached(blob);
        if (range !== undefined) return range;
        if (attempt === 2)
          throw new UnrootError(`${what} does not stay in the cache`, {
            code: 'registry.cache',
            where,
            expected: 'a cache that nobody else empties',
          });
        // Reading it to the end is what keeps it.
        for await (const _ of kept(blob, what, where, false)) void _;
      }
    },
    has: (digest) => open.has(digest) || cache.blob(digest) !== undefined,
    close() {
      for (const { fd } of open.values()) closeSync(fd);
      open.clear();
    },
  };
}

/**
 * The blob from one registry, from `from` on. A connection that breaks is taken up again, a few times in a row. `sparing`: in pieces that
 * grow, so that a reader who stops early leaves little on the wire.
 */
async function* fromEndpoint(
  endpoint: Endpoint,
  blob: BlobDescriptor,
  from: number,
  sparing: boolean,
): AsyncGenerator<Uint8Array> {
  const asked = askedOf(endpoint);
  let position = from;
  let piece = sparing ? FIRST_PIECE : Number.POSITIVE_INFINITY;
  for (let failures = 0, cuts = 0; position < blob.size; ) {
    const before = position;
    const end = Math.min(position + piece, blob.size);
    try {
      for await (const chunk of part(endpoint, blob, position, end)) {
        endpoint.session.received += chunk.length;
        position += chunk.length;
        if (position > blob.size) throw badAnswer(asked, `the blob ${blob.digest} is longer than its ${blob.size} bytes`);
        yield chunk;
      }
      if (position < end) throw new BrokenBody('the body ends too early');
      failures = 0;
      piece = Math.min(piece * 2, LARGEST_PIECE);
    } catch (error) {
      throwIfAborted(endpoint, error);
      if (error instanceof UnrootError) throw error;
      if (!(error instanceof BrokenBody) && !/^(?:ECONNRESET|ETIMEDOUT|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/.test(errorCode(error)))
        throw error;
      failures = position > before ? 1 : failures + 1;
      cuts++;
      // One that gives a byte each time is not going to end.
      if (failures >= ATTEMPTS || cuts >= MOST_CUTS) throw unreachable(asked, error, undefined);
      await sleep((endpoint.session.options.retryDelay ?? DEFAULT_RETRY_DELAY) * 2 ** (failures - 1));
    }
  }
}

/** One answer, brought to begin at `position` (RFC 9110 section 14: a server may ignore Range, and may send less of it). */
async function* part(endpoint: Endpoint, blob: BlobDescriptor, position: number, end: number): AsyncGenerator<Uint8Array> {
  const asked = askedOf(endpoint);
  const whole = position === 0 && end === blob.size;
  const range = `bytes=${position}-${end === blob.size ? '' : end - 1}`;
  const answer = await ask(endpoint, { method: 'GET', path: `/blobs/${blob.digest}`, headers: whole ? {} : { range } });
  const goesOn = answer.status === 206 && (answer.headers['content-range'] ?? '').startsWith(`bytes ${position}-`);
  if (answer.status === 206 && !goesOn) {
    answer.body.destroy();
    throw badAnswer(asked, `it sends another part of ${blob.digest} than was asked for`);
  }
  const declared = answer.headers['content-length'];
  const size = declared === undefined ? undefined : Number(declared);
  if (size !== undefined && (goesOn ? size > blob.size - position : size !== blob.size)) {
    answer.body.destroy();
    throw digestMismatch(
      `the blob ${blob.digest} of ${endpoint.image}`,
      `${goesOn ? blob.size - position : blob.size} bytes`,
      `${declared} bytes (Content-Length)`,
      endpoint.where,
    );
  }
  let toSkip = goesOn ? 0 : position;
  for await (const chunk of chunksOf(answer.body)) {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    if (skipped < chunk.length) yield skipped === 0 ? chunk : chunk.subarray(skipped);
  }
}
