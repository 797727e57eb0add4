/** The last output of a terminal, so that a page that comes later (or again) sees what was there. */

export interface Scrollback {
  add(bytes: Uint8Array): void;
  /** Everything kept, from the beginning of a line. */
  all(): Buffer;
  clear(): void;
}

/** Keeps between `size` and twice `size` bytes. */
export function createScrollback(size: number = 128 * 1024): Scrollback {
  let older: Uint8Array[] = [];
  let newer: Uint8Array[] = [];
  let bytes = 0;
  let cut = false;
  return {
    add(chunk) {
      newer.push(chunk);
      bytes += chunk.length;
      if (bytes < size) return;
      cut = cut || older.length > 0;
      older = [Buffer.concat(newer)];
      newer = [];
      bytes = 0;
    },
    all() {
      const kept = Buffer.concat([...older, ...newer]);
      if (!cut) return kept;
      // In the middle of a line may be in the middle of a character or of an escape sequence.
      const start = kept.indexOf(0x0a) + 1;
      return kept.subarray(start);
    },
    clear() {
      older = [];
      newer = [];
      bytes = 0;
      cut = false;
    },
  };
}
