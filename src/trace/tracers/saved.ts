/** Reads a strace log that somebody saved: `strace -f -o FILE PROGRAM`, better with `-y -s 512`. */
import { createReadStream } from 'node:fs';
import { UnrootError } from '../../error.ts';
import type { Trace } from '../event.ts';
import { createStraceParser, type StraceParseOptions } from './strace-parse.ts';

/** More than any log somebody would want to wait for. */
const MAX_BYTES = 4 * 1024 ** 3;
/** By then a strace log has shown itself as one. */
const ENOUGH = 64 * 1024;

/**
 * The trace in a file. It is read as a stream, in memory that does not grow with it. Throws `trace.unreadable`, `trace.not-strace` or
 * `trace.too-large`.
 */
export async function readSavedTrace(file: string, options: StraceParseOptions = {}): Promise<Trace> {
  // strace -ff writes one file per process and puts the number into the name only.
  const pid = Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);
  const parser = createStraceParser(pid > 0 ? { pid, ...options } : options);
  let bytes = 0;
  const notStrace = (): UnrootError =>
    new UnrootError(`${file} is not the output of strace`, {
      code: 'trace.not-strace',
      where: { file },
      expected: 'lines such as: 42 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
      hint: 'make one with: strace -f -y -s 512 -o FILE PROGRAM',
    });
  try {
    for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
      const text = chunk as string;
      if (bytes === 0 && text.includes('\u0000')) throw notStrace();
      bytes += text.length;
      parser.push(text);
      if (bytes > ENOUGH && parser.lines === 0) throw notStrace();
      if (bytes > MAX_BYTES) {
        throw new UnrootError(`${file} is larger than 4 GiB`, {
          code: 'trace.too-large',
          where: { file },
          hint: 'trace a shorter run',
        });
      }
    }
  } catch (cause) {
    if (cause instanceof UnrootError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnrootError(`${file} cannot be read: ${reason}`, { code: 'trace.unreadable', where: { file }, cause });
  }
  const trace = parser.finish();
  if (parser.lines === 0) throw notStrace();
  return trace;
}
