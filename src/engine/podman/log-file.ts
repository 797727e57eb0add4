/** Follows the log file conmon writes for a container (`k8s-file`, the kubelet's CRI format): `TIME STREAM P|F TEXT`. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { RunLog } from '../run-log.ts';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

export interface LogFile {
  /** Reads what has come since the last time. */
  read(): void;
  close(): void;
}

/**
 * When the file reaches its maximum size conmon puts a new one in its place; the old one is read to its end first, through the
 * descriptor we still hold.
 */
export function followLogFile(path: string, log: RunLog): LogFile {
  let fd: number | undefined;
  let inode = -1;
  let rest = Buffer.alloc(0);
  const buffer = Buffer.alloc(CHUNK);

  const drain = (): void => {
    if (fd === undefined) return;
    for (let size = readSync(fd, buffer, 0, CHUNK, null); size > 0; size = readSync(fd, buffer, 0, CHUNK, null)) {
      let data = rest.length > 0 ? Buffer.concat([rest, buffer.subarray(0, size)]) : buffer.subarray(0, size);
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
        pushLine(data.subarray(0, end), log);
        data = data.subarray(end + 1);
      }
      rest = Buffer.from(data);
    }
  };
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    inode = -1;
  };
  return {
    read() {
      drain();
      const now = statSync(path, { throwIfNoEntry: false });
      if (now === undefined || now.ino === inode) return;
      close();
      rest = Buffer.alloc(0);
      fd = openSync(path, 'r');
      inode = fstatSync(fd).ino;
      drain();
    },
    close() {
      drain();
      close();
    },
  };
}

/** `P` marks a piece of a line that goes on, `F` its end. */
function pushLine(line: Buffer, log: RunLog): void {
  const afterTime = line.indexOf(0x20);
  const afterStream = line.indexOf(0x20, afterTime + 1);
  if (afterTime < 0 || afterStream < 0) return;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return;
  const text = line.subarray(afterStream + 3);
  log.push(stream, line[afterStream + 1] === 0x46 ? Buffer.concat([text, Buffer.of(NEWLINE)]) : text);
}
