/** What a container said: both streams apart, and together in the order of arrival, each bounded. */
import { TailBuffer } from './tail-buffer.ts';

export interface RunLog {
  push(stream: 'stdout' | 'stderr', chunk: Uint8Array): void;
  stdout(): string;
  stderr(): string;
  both(): string;
}

/** `limit` is per stream; the common log keeps as much again, so that a flood on one stream cannot hide the other in its own view. `onOutput` sees everything as it comes. */
export function runLog(limit?: number, onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void): RunLog {
  const stdout = new TailBuffer(limit);
  const stderr = new TailBuffer(limit);
  const both = new TailBuffer(limit);
  return {
    push(stream, chunk) {
      (stream === 'stdout' ? stdout : stderr).push(chunk);
      both.push(chunk);
      onOutput?.(stream, chunk);
    },
    stdout: () => stdout.text(),
    stderr: () => stderr.text(),
    both: () => both.text(),
  };
}
