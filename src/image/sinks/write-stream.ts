/** Writes byte streams to files, one write under way while the next chunk is made. */
import { closeSync, openSync, write } from 'node:fs';
import { UnrootError } from '../../error.ts';

/** Writes all of `stream` to the new file `path`. */
export async function writeStream(stream: AsyncIterable<Uint8Array>, path: string, signal?: AbortSignal): Promise<void> {
  const file = createFile(path, signal);
  try {
    await file.append(stream);
  } finally {
    await file.close();
  }
}

/** A new file that streams are appended to. */
export interface GrowingFile {
  append(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  close(): Promise<void>;
}

/** Creates the file; it must not exist. */
export function createFile(path: string, signal?: AbortSignal): GrowingFile {
  const fd = openSync(path, 'wx', 0o644);
  let pending: Promise<void> = Promise.resolve();
  return {
    async append(stream) {
      for await (const chunk of stream) {
        if (signal?.aborted) {
          throw new UnrootError('interrupted while writing the image', {
            code: 'interrupted',
            exitCode: 130,
            cause: signal.reason,
          });
        }
        await pending;
        pending = writeAll(fd, chunk);
        // The failure surfaces at the next await; without this it would also count as unhandled until then.
        pending.catch(() => {});
      }
      await pending;
    },
    async close() {
      await pending.catch(() => {});
      closeSync(fd);
    },
  };
}

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, done, bytes.length - done, null, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }
}
