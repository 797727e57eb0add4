/** Layer compressions: told by their first bytes, unpacked as streams, bounded. Decompressors are loaded when they are needed. */
import { UnrootError, type Where } from '../../error.ts';
import type { LayerCompression } from '../image.ts';
import { type ImageLimits, limitError, RATIO_FLOOR } from '../limits.ts';

/** What the first bytes say (RFC 1952, RFC 8878); a zstd:chunked blob may start with a skippable frame. */
export function detectCompression(head: Uint8Array): LayerCompression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  if ((head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd';
  return 'none';
}

/** Unpacks a stream. The result is bounded by `limits`, whatever the input claims. */
export async function* decompress(
  input: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
  limits: ImageLimits,
  what: string,
  where: Where,
): AsyncGenerator<Uint8Array> {
  let packed = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of input) {
      packed += chunk.length;
      yield chunk;
    }
  }
  const unpacked =
    compression === 'none' ? counted() : compression === 'gzip' ? gunzip(counted(), what, where) : unzstd(counted(), what, where);
  let total = 0;
  for await (const chunk of unpacked) {
    total += chunk.length;
    if (total > limits.maxLayerBytes) {
      throw limitError(
        'maxLayerBytes',
        limits.maxLayerBytes,
        `${what} unpacks to more than ${total - chunk.length} bytes`,
        where,
      );
    }
    // `packed` runs ahead of what was unpacked, so a bomb is noticed a little late, never a good layer too early.
    if (compression !== 'none' && total > RATIO_FLOOR && total > packed * limits.maxRatio) {
      throw limitError(
        'maxRatio',
        limits.maxRatio,
        `${what} looks like a decompression bomb: ${packed} bytes became ${total}`,
        where,
      );
    }
    yield chunk;
  }
}

async function* gunzip(input: AsyncIterable<Uint8Array>, what: string, where: Where): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await import('node:zlib');
  // Large chunks: each crossing between the thread pool and the event loop costs as much as inflating some kilobytes.
  yield* through(input, createGunzip({ chunkSize: 256 * 1024 }), what, where);
}

async function* unzstd(input: AsyncIterable<Uint8Array>, what: string, where: Where): AsyncGenerator<Uint8Array> {
  const zlib = await import('node:zlib');
  const native = (zlib as unknown as { createZstdDecompress?: (options: object) => NodeJS.ReadWriteStream }).createZstdDecompress;
  if (native !== undefined) {
    yield* through(input, native({ chunkSize: 256 * 1024 }), what, where);
    return;
  }
  // Node before 22.15 has no zstd.
  const { Decompress } = await import('fzstd');
  let ready: Uint8Array[] = [];
  let finished = false;
  const decoder = new Decompress((chunk, final) => {
    if (chunk.length > 0) ready.push(chunk);
    finished = final === true;
  });
  for await (const chunk of input) {
    // Small pieces, so that the bound is checked before much memory is filled.
    for (let at = 0; at < chunk.length; at += 16384) {
      feed(decoder, chunk.subarray(at, at + 16384), false, what, where);
      for (const out of ready) yield out;
      ready = [];
    }
  }
  feed(decoder, new Uint8Array(0), true, what, where);
  yield* ready;
  if (!finished) throw damaged('zstd', what, undefined, where);
}

function feed(
  decoder: { push(chunk: Uint8Array, final?: boolean): void },
  chunk: Uint8Array,
  final: boolean,
  what: string,
  where: Where,
): void {
  try {
    decoder.push(chunk, final);
  } catch (cause) {
    throw damaged('zstd', what, cause, where);
  }
}

/** Runs a stream through a transform; errors of either side surface in the loop of the consumer, who may also stop early. */
async function* through(
  input: AsyncIterable<Uint8Array>,
  transform: NodeJS.ReadWriteStream,
  what: string,
  where: Where,
): AsyncGenerator<Uint8Array> {
  const { Readable } = await import('node:stream');
  const source = Readable.from(input, { objectMode: true, highWaterMark: 2 });
  const stream = transform as NodeJS.ReadWriteStream & { destroy(error?: Error): void };
  let sourceError: unknown;
  source.on('error', (error) => {
    sourceError = error;
    stream.destroy(error);
  });
  source.pipe(stream);
  try {
    yield* stream as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    if (error instanceof UnrootError) throw error;
    throw damaged('compressed', what, error, where);
  } finally {
    source.destroy();
    stream.destroy();
  }
}

function damaged(kind: string, what: string, cause: unknown, where: Where): UnrootError {
  const reason = (cause as { code?: string } | undefined)?.code;
  const cut = cause === undefined || reason === 'Z_BUF_ERROR' || /unexpected EOF/i.test(String((cause as Error).message));
  return new UnrootError(
    `${what} is ${cut ? 'truncated' : 'damaged'}: its ${kind} data ${cut ? 'ends too early' : 'is not valid'}`,
    {
      code: cut ? 'image.truncated' : 'image.damaged',
      where,
      expected: 'complete compressed data',
      hint: 'Fetch or build the image again.',
      cause,
    },
  );
}
