/** Bytes inside files: a whole blob file, or a member of an archive. Plain numbers and descriptors, closed in one place. */
import { closeSync, fstatSync, openSync, read as readCallback, readSync } from 'node:fs';
import { UnrootError, type Where } from '../../error.ts';

/** A piece of an open file. `whole` names the file when the piece is all of it. */
export interface FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly size: number;
  readonly whole?: string;
}

/** Files kept open while an image is in use. */
export interface OpenFiles {
  open(path: string, where: Where): FileRange;
  /** Runs at close, last added first: for temporary folders. */
  onClose(action: () => void): void;
  close(): void;
}

/** An empty set of open files. */
export function createOpenFiles(): OpenFiles {
  const open = new Map<string, FileRange>();
  const actions: (() => void)[] = [];
  let closed = false;
  return {
    open(path, where) {
      if (closed) throw new UnrootError('the image was used after it was closed', { code: 'image.closed', where });
      const known = open.get(path);
      if (known !== undefined) return known;
      let fd: number;
      try {
        fd = openSync(path, 'r');
      } catch (cause) {
        throw cannotRead(path, cause, where);
      }
      const stat = fstatSync(fd);
      if (!stat.isFile()) {
        closeSync(fd);
        throw new UnrootError(`${path} is not a file`, { code: 'image.not-a-file', where, expected: 'a regular file' });
      }
      const range: FileRange = { fd, offset: 0, size: stat.size, whole: path };
      open.set(path, range);
      return range;
    },
    onClose(action) {
      actions.push(action);
    },
    close() {
      if (closed) return;
      closed = true;
      for (const { fd } of open.values()) closeSync(fd);
      open.clear();
      for (const action of actions.reverse()) action();
    },
  };
}

/** The error for a path that cannot be opened. */
export function cannotRead(path: string, cause: unknown, where: Where): UnrootError {
  const code = (cause as NodeJS.ErrnoException).code;
  const reason =
    code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'permission denied' : String((cause as Error).message);
  return new UnrootError(`cannot read ${path}: ${reason}`, {
    code: code === 'ENOENT' ? 'image.not-found' : 'image.unreadable',
    where,
    expected: 'an image that can be read',
    cause,
  });
}

/** Reads all of a range at once; callers bound it first. */
export function readRange(range: FileRange, where: Where): Uint8Array {
  const bytes = new Uint8Array(range.size);
  readInto(range, 0, bytes, where);
  return bytes;
}

/** Fills `bytes` from `position` of the range. A file that got shorter meanwhile is an error. */
export function readInto(range: FileRange, position: number, bytes: Uint8Array, where: Where): void {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(range.fd, bytes, done, bytes.length - done, range.offset + position + done);
    if (count === 0) throw shorter(where);
    done += count;
  }
}

/** A reader for {@link scanTar}: one buffer, reused. */
export function windowReader(range: FileRange, where: Where): (position: number, length: number) => Uint8Array {
  let buffer = new Uint8Array(0);
  return (position, length) => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    const view = buffer.length === length ? buffer : buffer.subarray(0, length);
    readInto(range, position, view, where);
    return view;
  };
}

/** Streams a range in chunks that the consumer may keep. */
export async function* streamRange(range: FileRange, where: Where, chunkSize: number = 256 * 1024): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < range.size; ) {
    const bytes = new Uint8Array(Math.min(chunkSize, range.size - done));
    const count = await readAsync(range.fd, bytes, range.offset + done);
    if (count === 0) throw shorter(where);
    done += count;
    yield count === bytes.length ? bytes : bytes.subarray(0, count);
  }
}

function readAsync(fd: number, bytes: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    readCallback(fd, bytes, 0, bytes.length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

function shorter(where: Where): UnrootError {
  return new UnrootError('the image file became shorter while it was read', {
    code: 'image.truncated',
    where,
    expected: 'a file that does not change',
  });
}
