/** The raw fields of a tar header: checksum and numbers. */

const HEADER = 512;

/** The last buffer seen as words: most headers of a window share it. */
let wordsOf: ArrayBufferLike | undefined;
let words: Uint32Array = new Uint32Array(0);

/** Sum of the header's bytes, its own field counted as spaces. */
export function checksum(b: Uint8Array, at: number): number {
  const first = b.byteOffset + at;
  let sum = 256;
  if (first % 4 === 0) {
    // Four bytes at a time, two sums in each half: 128 words of at most 2 × 255 stay below 2^16.
    if (wordsOf !== b.buffer) {
      wordsOf = b.buffer;
      words = new Uint32Array(b.buffer, 0, Math.floor(b.buffer.byteLength / 4));
    }
    let pairs = 0;
    const start = first / 4;
    for (let i = start; i < start + HEADER / 4; i++) {
      const word = words[i]!;
      pairs += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
    }
    sum += (pairs & 0xffff) + (pairs >>> 16);
  } else {
    for (let i = at; i < at + HEADER; i++) sum += b[i]!;
  }
  for (let i = at + 148; i < at + 156; i++) sum -= b[i]!;
  return sum;
}

/** Some old tars summed signed bytes. */
export function signedChecksum(b: Uint8Array, at: number): number {
  let sum = 256;
  for (let i = at; i < at + HEADER; i++) if (i < at + 148 || i >= at + 156) sum += (b[i]! << 24) >> 24;
  return sum;
}

/** Octal, padded with spaces or NULs, or base-256 when the top bit is set. Undefined = neither, or beyond 2^53. */
export function parseNumber(b: Uint8Array, start: number, length: number): number | undefined {
  const first = b[start]!;
  if (first & 0x80) {
    // Two's complement, the top bit being the marker.
    const negative = (first & 0x40) !== 0;
    let value = 0;
    for (let i = start; i < start + length; i++) {
      const byte = i === start ? first & 0x7f : b[i]!;
      value = value * 256 + (negative ? (i === start ? byte ^ 0x7f : byte ^ 0xff) : byte);
      if (value > Number.MAX_SAFE_INTEGER) return undefined;
    }
    return negative ? -value - 1 : value;
  }
  let i = start;
  const end = start + length;
  while (i < end && (b[i] === 0x20 || b[i] === 0)) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = b[i]! - 0x30;
    if (digit < 0 || digit > 7) {
      // Only padding may follow.
      if (b[i] !== 0x20 && b[i] !== 0) return undefined;
      return value;
    }
    value = value * 8 + digit;
  }
  return value;
}
