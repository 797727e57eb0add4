/** Takes Docker's multiplexed stream apart: 8 bytes of header (stream, three zeros, length), then that many bytes (API, "ContainerAttach"). */
import type { Duplex } from 'node:stream';

const HEADER = 8;

/** Resolves when the stream ends. Chunks are handed on as they come, so a frame of any length needs no memory. */
export function demultiplex(source: Duplex, push: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void): Promise<void> {
  let header = Buffer.alloc(0);
  let left = 0;
  let stream: 'stdout' | 'stderr' = 'stdout';
  source.on('data', (data: Buffer) => {
    let rest = data;
    while (rest.length > 0) {
      if (left > 0) {
        push(stream, rest.subarray(0, left));
        const used = Math.min(left, rest.length);
        left -= used;
        rest = rest.subarray(used);
        continue;
      }
      const missing = HEADER - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length === HEADER) {
        stream = header[0] === 2 ? 'stderr' : 'stdout';
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
      }
    }
  });
  return new Promise((resolve) => {
    // An error ends it as well: the daemon went away, and what was read is what there is.
    source.on('error', () => {});
    source.on('close', resolve);
    source.on('end', () => source.end());
  });
}
