/** Small files of images that were read once: a thousand manifests name the same few images, and each read of a compressed layer unpacks it from its start. */
import type { ContentRange, ReadContents } from '../root-fs.ts';

/** Bytes of one piece, and of all of them together; the oldest go first. */
const LARGEST = 2 ** 20;
const ALL = 32 * 2 ** 20;

const kept = new Map<string, Uint8Array>();
let total = 0;
let serial = 0;

export interface KeptContents {
  readonly read: ReadContents;
  /** Lets go of everything of this image. */
  clear(): void;
}

/** The same reads, from memory where they were made before. What is handed out is shared: nobody writes into it. */
export function keepingContents(readContents: ReadContents): KeptContents {
  serial += 1;
  const prefix = `${serial}:`;
  const keyOf = (layer: number, { offset, size }: ContentRange): string => `${prefix}${layer}:${offset}:${size}`;
  return {
    async read(layer, ranges) {
      const missing = ranges.filter((range) => !kept.has(keyOf(layer, range)));
      const found = new Map<string, Uint8Array>();
      for (const range of ranges) {
        const content = kept.get(keyOf(layer, range));
        if (content !== undefined) found.set(keyOf(layer, range), content);
      }
      if (missing.length > 0) {
        const contents = await readContents(layer, missing);
        for (const [index, range] of missing.entries()) {
          const content = contents[index]!;
          found.set(keyOf(layer, range), content);
          keep(keyOf(layer, range), content);
        }
      }
      return ranges.map((range) => found.get(keyOf(layer, range))!);
    },
    clear() {
      for (const key of [...kept.keys()]) if (key.startsWith(prefix)) drop(key);
    },
  };
}

function keep(key: string, content: Uint8Array): void {
  if (content.length > LARGEST) return;
  drop(key);
  // A copy of its own: a piece of a larger buffer would keep all of that.
  kept.set(key, content.byteLength === content.buffer.byteLength ? content : content.slice());
  total += content.length;
  for (const oldest of kept.keys()) {
    if (total <= ALL) break;
    drop(oldest);
  }
}

function drop(key: string): void {
  const content = kept.get(key);
  if (content === undefined) return;
  kept.delete(key);
  total -= content.length;
}
