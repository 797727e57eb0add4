/** Walks tar archives: one that arrives in chunks, and one that can be read anywhere. Contents are skipped or handed out, never kept. */
import { UnrootError } from '../error.ts';
import { BLOCK, createTarDecoder, type MetaHeader, type TarEntry, type TarOptions } from './tar-header.ts';

export type { TarEntry, TarOptions } from './tar-header.ts';

/** Takes the content of an entry piece by piece; the views are only valid during the call. */
export type ContentSink = (bytes: Uint8Array) => void;

/** Incremental reader: push chunks of any size. `entry` may return a sink for the content. */
export interface TarStream {
  push(chunk: Uint8Array): void;
  /** Passes over this many bytes of the current entry's content, for sources that keep contents elsewhere. False = there are not so many. */
  skip(bytes: number): boolean;
  /** Call when there are no more bytes; throws `image.truncated` when something is missing. */
  end(): void;
}

/** Reads an archive that arrives in chunks. */
export function createTarStream(entry: (entry: TarEntry) => ContentSink | undefined, options: TarOptions = {}): TarStream {
  const decoder = createTarDecoder(options);
  let position = 0;
  let done = false;
  /** Bytes to pass over or to hand out before the next header. */
  let content = 0;
  let padding = 0;
  let sink: ContentSink | undefined;
  /** A header or a meta body that came in pieces. */
  let part: Uint8Array = new Uint8Array(BLOCK);
  let filled = 0;
  let meta: MetaHeader | undefined;

  function header(buffer: Uint8Array, at: number, start: number): void {
    const step = decoder.block(buffer, at, start);
    if (step === undefined) {
      done = true;
    } else if (typeof step === 'number') {
      content = step;
      padding = paddingOf(step);
      sink = undefined;
    } else if ('meta' in step) {
      meta = step;
      part = new Uint8Array(step.size);
      filled = 0;
      padding = paddingOf(step.size);
      if (step.size === 0) finishMeta();
    } else {
      content = step.size;
      padding = paddingOf(step.size);
      sink = entry(step);
    }
  }
  function finishMeta(): void {
    const finished = meta!;
    meta = undefined;
    decoder.body(finished, part);
    part = new Uint8Array(BLOCK);
    filled = 0;
  }

  function push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !done) {
      const left = chunk.length - at;
      let used: number;
      if (meta !== undefined) {
        used = Math.min(left, part.length - filled);
        part.set(chunk.subarray(at, at + used), filled);
        filled += used;
        if (filled === part.length) finishMeta();
      } else if (content > 0) {
        used = Math.min(left, content);
        sink?.(chunk.subarray(at, at + used));
        content -= used;
      } else if (padding > 0) {
        used = Math.min(left, padding);
        padding -= used;
      } else if (filled === 0 && left >= BLOCK) {
        used = BLOCK;
        header(chunk, at, position);
      } else {
        used = Math.min(left, BLOCK - filled);
        part.set(chunk.subarray(at, at + used), filled);
        filled += used;
        if (filled === BLOCK) {
          filled = 0;
          header(part, 0, position + used - BLOCK);
        }
      }
      at += used;
      position += used;
    }
    if (done) position += chunk.length - at;
  }

  function skip(bytes: number): boolean {
    if (meta !== undefined || bytes > content) return false;
    content -= bytes;
    position += bytes;
    return true;
  }

  function end(): void {
    if (done) return;
    if (position > 0 && position < BLOCK) throw notAnArchive(options);
    if (filled > 0 || content > 0 || meta !== undefined || decoder.pending()) throw decoder.truncated(position);
  }
  return { push, skip, end };
}

/**
 * Reads the headers of an archive that can be read anywhere, skipping contents. `read(position, length)` returns the bytes from
 * `position`: at least `min(length, size - position)`, valid until the next call. `entry` returns true to stop.
 */
export function scanTar(
  read: (position: number, length: number) => Uint8Array,
  size: number,
  entry: (entry: TarEntry) => boolean | undefined,
  options: TarOptions & { readonly window?: number } = {},
): void {
  const decoder = createTarDecoder(options);
  const window = options.window ?? 16384;
  let buffer: Uint8Array = new Uint8Array(0);
  let start = 0;
  let position = 0;
  const need = (length: number): number => {
    if (position < start || position + length > start + buffer.length) {
      buffer = read(position, Math.min(Math.max(length, window), size - position));
      start = position;
      if (buffer.length < length) throw decoder.truncated(start + buffer.length);
    }
    return position - start;
  };
  if (size > 0 && size < BLOCK) throw notAnArchive(options);
  while (position < size) {
    if (size - position < BLOCK) throw decoder.truncated(size);
    const headerAt = need(BLOCK);
    const step = decoder.block(buffer, headerAt, position);
    if (step === undefined) return;
    position += BLOCK;
    if (typeof step === 'number') {
      if (step > size - position) throw decoder.truncated(size);
      position += step + paddingOf(step);
    } else if ('meta' in step) {
      if (step.size > size - position) throw decoder.truncated(size);
      const at = need(step.size);
      decoder.body(step, buffer.subarray(at, at + step.size));
      position += step.size + paddingOf(step.size);
    } else {
      if (step.size > size - position) throw decoder.truncated(size);
      if (entry(step) === true) return;
      position += step.size + paddingOf(step.size);
    }
  }
  if (decoder.pending()) throw decoder.truncated(size);
}

function notAnArchive(options: TarOptions): UnrootError {
  return new UnrootError(`${options.what ?? 'the archive'} is not a tar archive: it is shorter than one header`, {
    code: 'image.not-an-archive',
    where: options.where ?? {},
    expected: 'a tar archive (ustar, PAX or GNU)',
  });
}

/** Contents are padded to whole blocks. Not a bit operation: sizes may exceed 32 bits. */
function paddingOf(size: number): number {
  const rest = size % BLOCK;
  return rest === 0 ? 0 : BLOCK - rest;
}
