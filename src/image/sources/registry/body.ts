/** Bodies of answers, read with bounds: a registry may send anything, forever, or very slowly. */
import type { IncomingMessage } from 'node:http';

/** A document takes no longer than this altogether, however steadily it drips. */
const DOCUMENT_MS = 60_000;
/** Blobs may take as long as they like while they get on: this many bytes in each stretch of time. */
const SLOWEST_BYTES = 4096;
const STRETCH_MS = 60_000;

/** The connection ended before the body did. */
export class BrokenBody extends Error {
  readonly code = 'ECONNRESET';
}

/** More came than there may be. */
export class LongBody extends Error {}

/** All of a body, at most `limit` bytes. */
export async function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > limit) {
    message.destroy();
    throw new LongBody(`${declared} bytes are announced, at most ${limit} are taken`);
  }
  const deadline = setTimeout(() => message.destroy(new BrokenBody(`not finished after ${DOCUMENT_MS / 1000} s`)), DOCUMENT_MS);
  deadline.unref();
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > limit) throw new LongBody(`more than ${limit} bytes`);
      parts.push(chunk);
    }
  } catch (error) {
    if (error instanceof LongBody) throw error;
    throw new BrokenBody((error as Error).message);
  } finally {
    clearTimeout(deadline);
    message.destroy();
  }
  if (!message.complete) throw new BrokenBody('the body ends too early');
  return Buffer.concat(parts);
}

/** The start of a body that is only shown, whatever happens to the rest. */
export async function startOfBody(message: IncomingMessage): Promise<string> {
  let text = '';
  const deadline = setTimeout(() => message.destroy(), 5000);
  deadline.unref();
  try {
    for await (const chunk of message) {
      text += String(chunk);
      if (text.length > 8192) break;
    }
  } catch {
    // What came before is enough.
  } finally {
    clearTimeout(deadline);
    message.destroy();
  }
  return text;
}

/** The chunks of a body; gives up on one that has nearly stopped. Leaving the loop closes the connection. */
export async function* chunksOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  let [since, bytes] = [Date.now(), 0];
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      yield chunk;
      const now = Date.now();
      if (now - since < STRETCH_MS) continue;
      if (bytes < SLOWEST_BYTES) throw new BrokenBody(`only ${bytes} bytes in a minute`);
      [since, bytes] = [now, 0];
    }
  } finally {
    message.destroy();
  }
  if (!message.complete) throw new BrokenBody('the body ends too early');
}
