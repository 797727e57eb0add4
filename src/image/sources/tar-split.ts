/**
 * A layer of a containers/storage store. The store keeps every layer unpacked, and beside it a tar-split file (vbatts/tar-split): the
 * headers as they were, byte for byte, with marks where the contents go. From both the original tar can be told without any engine.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, readSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UnrootError, type Where } from '../../error.ts';
import type { Layer } from '../image.ts';
import { createLayerIndex, type LayerIndex, normalise } from '../layer-index.ts';
import type { ImageLimits } from '../limits.ts';
import { createTarStream } from '../tar.ts';
import { cannotRead } from './blob-file.ts';
import type { LayerReader } from './file-layer.ts';
import { verified } from './verify.ts';

/** Where the store keeps one layer. */
export interface StoredLayer {
  readonly splitFile: string;
  /** The unpacked layer. */
  readonly folder: string;
}

/** A piece of the tar: bytes as they are, or a file's content. */
type Part = { readonly bytes: Uint8Array } | { readonly name: string; readonly size: number };

/** Bytes of headers; about 700 per entry. */
const MAX_SPLIT = 2 ** 30;
const CHUNK = 2 ** 18;

/** Makes the reader of a stored layer. */
export function storedLayer(layer: Layer, stored: StoredLayer, limits: ImageLimits, where: Where): LayerReader {
  const what = `layer ${layer.diffId}`;
  const bad = (reason: string, cause?: unknown): UnrootError =>
    new UnrootError(`the store is damaged: ${what}: ${reason}`, {
      code: 'image.store',
      where,
      expected: 'a layer as podman stored it',
      hint: 'Check the store with: podman system check, or save the image with podman save and use the archive.',
      cause,
    });
  let parts: readonly Part[] | undefined;
  let index: LayerIndex | undefined;
  /** Offset of a content in the tar → name of the file. */
  /** Files by the place of their content in the tar. */
  const files = new Map<number, { readonly name: string; readonly size: number }>();

  function readParts(): readonly Part[] {
    if (parts !== undefined) return parts;
    let lines: string[];
    try {
      lines = gunzipSync(readFileSync(stored.splitFile), { maxOutputLength: MAX_SPLIT }).toString('utf8').split('\n');
    } catch (cause) {
      throw (cause as NodeJS.ErrnoException).code === 'EACCES'
        ? cannotRead(stored.splitFile, cause, where)
        : bad('its tar-split file cannot be read', cause);
    }
    const out: Part[] = [];
    for (const line of lines) {
      if (line === '') continue;
      let item: { type?: unknown; payload?: unknown; size?: unknown; name?: unknown; name_raw?: unknown };
      try {
        item = JSON.parse(line);
      } catch (cause) {
        throw bad('its tar-split file is not JSON', cause);
      }
      if (item.type === 2 && typeof item.payload === 'string') out.push({ bytes: Buffer.from(item.payload, 'base64') });
      else if (item.type === 1 && Number.isSafeInteger(item.size) && (item.size as number) > 0) {
        const name = typeof item.name === 'string' ? item.name : Buffer.from(String(item.name_raw), 'base64').toString('latin1');
        out.push({ name, size: item.size as number });
      }
    }
    parts = out;
    return out;
  }

  function readIndex(): LayerIndex {
    if (index !== undefined) return index;
    const builder = createLayerIndex(where);
    const tar = createTarStream(
      (entry) => {
        builder.add(entry);
        return undefined;
      },
      { limits, where, what },
    );
    let position = 0;
    for (const part of readParts()) {
      if ('bytes' in part) {
        tar.push(part.bytes);
        position += part.bytes.length;
      } else {
        if (!tar.skip(part.size)) throw bad(`the size of ${JSON.stringify(part.name)} does not fit its header`);
        files.set(position, { name: part.name, size: part.size });
        position += part.size;
      }
    }
    tar.end();
    index = builder.finish();
    return index;
  }

  async function* openTar(): AsyncGenerator<Uint8Array> {
    yield* verified(rebuild(), layer.diffId, what, where);
  }
  async function* rebuild(): AsyncGenerator<Uint8Array> {
    for (const part of readParts()) {
      if ('bytes' in part) yield part.bytes;
      else yield* streamFile(part.name, part.size);
    }
  }

  /** Symlinks of the image must not lead us out of the store: the parents are checked, the last component is not followed. */
  function open(name: string, size: number): number {
    const path = join(stored.folder, normalise(name, where));
    let fd: number;
    try {
      const root = placeOf(stored.folder);
      const parent = placeOf(dirname(path));
      if (parent !== root && !parent.startsWith(`${root}/`)) throw bad(`${JSON.stringify(name)} leads out of the store`);
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      if (cause instanceof UnrootError) throw cause;
      throw (cause as NodeJS.ErrnoException).code === 'EACCES'
        ? new UnrootError(`no permission to read ${path}, which belongs to another user of the image`, {
            code: 'image.unreadable',
            where,
            expected: 'the owner of the store',
            hint: 'Run it as: podman unshare unroot …',
            cause,
          })
        : bad(`the content of ${JSON.stringify(name)} is missing`, cause);
    }
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.size === size) return fd;
    closeSync(fd);
    throw bad(`the content of ${JSON.stringify(name)} was changed`);
  }

  /** `wanted`: how much of its beginning. */
  function* streamFile(name: string, size: number, wanted: number = size): Generator<Uint8Array> {
    const fd = open(name, size);
    try {
      for (let done = 0; done < wanted; ) {
        const bytes = new Uint8Array(Math.min(CHUNK, wanted - done));
        const count = readSync(fd, bytes, 0, bytes.length, done);
        if (count === 0) throw bad(`the content of ${JSON.stringify(name)} is shorter than its header says`);
        done += count;
        yield bytes.subarray(0, count);
      }
    } finally {
      closeSync(fd);
    }
  }

  return {
    layer,
    file: undefined,
    openBlob: openTar,
    openTar,
    index: async () => readIndex(),
    locate: async () => undefined,
    read: async (ranges) => {
      readIndex();
      return ranges.map(({ offset, size }) => {
        if (size === 0) return new Uint8Array(0);
        const file = files.get(offset);
        if (file === undefined) throw bad(`no content at ${offset}`);
        return new Uint8Array(Buffer.concat([...streamFile(file.name, file.size, size)]));
      });
    },
  };
}

/** Where a folder really is. Through a descriptor (`/proc/PID/fd/N/…`, a store in another mount namespace) only the kernel can say it. */
function placeOf(folder: string): string {
  if (!folder.startsWith('/proc/')) return realpathSync(folder);
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}
