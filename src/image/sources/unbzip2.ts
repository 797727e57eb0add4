/**
 * Unpacks bzip2 (the format as bzip2 1.0 writes it: blocks of up to 900,000 bytes, sorted, moved to front, run-length and Huffman coded). What is not
 * well formed is an error; a block is worked out in whole, so that memory is bounded by the largest one.
 */

/** In the bits of the stream. */
const BLOCK = 0x314159265359;
const END = 0x177245385090;

/** A block has at most 900,000 symbols of at most 20 bits, and its tables. */
const LOOKAHEAD = 2_600_000;

const GROUP = 50;
const MOST_BITS = 20;

class Damaged extends Error {}

const damaged = (why: string): never => {
  throw new Damaged(`its bzip2 data is damaged: ${why}`);
};

/** Bits of a piece of the stream, most significant first. */
interface Bits {
  read(count: number): number;
  /** So many were used up. */
  readonly at: () => number;
}

function bitsOf(bytes: Uint8Array, from: number): Bits {
  let next = from >> 3;
  let held = 0;
  let register = 0;
  const few = (count: number): number => {
    while (held < count) {
      if (next >= bytes.length) damaged('it ends too early');
      register = ((register << 8) | bytes[next]!) >>> 0;
      next += 1;
      held += 8;
    }
    held -= count;
    const value = register >>> held;
    register &= (1 << held) - 1;
    return value;
  };
  few(from & 7);
  return {
    read: (count) => (count > 24 ? few(count - 24) * 0x1000000 + few(24) : few(count)),
    at: () => next * 8 - held,
  };
}

const CRC: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** Codes of one length lie next to each other: for each length the first of them, and where its symbols begin. */
interface Codes {
  readonly limits: Int32Array;
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
  readonly shortest: number;
}

function codesOf(lengths: Uint8Array): Codes {
  const counts = new Int32Array(MOST_BITS + 2);
  for (const length of lengths) counts[length]! += 1;
  const limits = new Int32Array(MOST_BITS + 2).fill(-1);
  const offsets = new Int32Array(MOST_BITS + 2);
  const symbols = new Uint16Array(lengths.length);
  let code = 0;
  let index = 0;
  let shortest = 0;
  for (let length = 1; length <= MOST_BITS; length += 1) {
    offsets[length] = index - code;
    for (let symbol = 0; symbol < lengths.length; symbol += 1) if (lengths[symbol] === length) symbols[index++] = symbol;
    code += counts[length]!;
    if (counts[length]! > 0) {
      limits[length] = code - 1;
      shortest ||= length;
    }
    if (code > 1 << length) damaged('its codes do not fit');
    code <<= 1;
  }
  return { limits, offsets, symbols, shortest };
}

function symbolOf(bits: Bits, { limits, offsets, symbols, shortest }: Codes): number {
  let code = bits.read(shortest);
  for (let length = shortest; length <= MOST_BITS; length += 1) {
    if (code <= limits[length]!) {
      const at = code + offsets[length]!;
      if (at < 0 || at >= symbols.length) return damaged('a code means nothing');
      return symbols[at]!;
    }
    code = (code << 1) | bits.read(1);
  }
  return damaged('a code is too long');
}

/** Which bytes a block uses: sixteen bits for sixteen groups of sixteen. */
function bytesUsed(bits: Bits): Uint8Array {
  const groups = bits.read(16);
  const out: number[] = [];
  for (let group = 0; group < 16; group += 1) {
    if ((groups & (0x8000 >> group)) === 0) continue;
    const used = bits.read(16);
    for (let one = 0; one < 16; one += 1) if ((used & (0x8000 >> one)) !== 0) out.push(group * 16 + one);
  }
  if (out.length === 0) damaged('a block uses no bytes');
  return Uint8Array.from(out);
}

function tablesOf(bits: Bits, count: number, size: number): readonly Codes[] {
  return Array.from({ length: count }, () => {
    const lengths = new Uint8Array(size);
    let length = bits.read(5);
    for (let symbol = 0; symbol < size; symbol += 1) {
      for (;;) {
        if (length < 1 || length > MOST_BITS) damaged('a code has no length');
        if (bits.read(1) === 0) break;
        length += bits.read(1) === 0 ? 1 : -1;
      }
      lengths[symbol] = length;
    }
    return codesOf(lengths);
  });
}

/** The sorted text of a block, before it is put in order again. */
function sortedBlock(bits: Bits, most: number): Uint8Array {
  const moved = bytesUsed(bits);
  const size = moved.length + 2;
  const count = bits.read(3);
  const selectors = bits.read(15);
  if (count < 2 || count > 6 || selectors === 0) damaged('a block has no tables');
  const order = Array.from({ length: count }, (_, index) => index);
  const chosen = Uint8Array.from({ length: selectors }, () => {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= count) damaged('a table is missing');
    const [table] = order.splice(place, 1);
    order.unshift(table!);
    return table!;
  });
  const tables = tablesOf(bits, count, size);
  const out = new Uint8Array(most);
  let length = 0;
  let run = 0;
  let weight = 1;
  for (let symbols = 0; ; symbols += 1) {
    const group = Math.floor(symbols / GROUP);
    if (group >= selectors) damaged('a block has too many symbols');
    const symbol = symbolOf(bits, tables[chosen[group]!]!);
    if (symbol < 2) {
      run += weight * (symbol + 1);
      weight *= 2;
      if (run > most) damaged('a block is too long');
      continue;
    }
    if (length + run + 1 > most + (symbol === size - 1 ? 1 : 0)) damaged('a block is too long');
    out.fill(moved[0]!, length, length + run);
    length += run;
    run = 0;
    weight = 1;
    if (symbol === size - 1) return out.subarray(0, length);
    const byte = moved[symbol - 1]!;
    moved.copyWithin(1, 0, symbol - 1);
    moved[0] = byte;
    out[length++] = byte;
  }
}

/** The text as it was before it was sorted: each place says which follows it (Burrows and Wheeler). */
function unsorted(sorted: Uint8Array, first: number): Uint8Array {
  const starts = new Int32Array(257);
  for (const byte of sorted) starts[byte + 1]! += 1;
  for (let byte = 0; byte < 256; byte += 1) starts[byte + 1]! += starts[byte]!;
  const next = new Int32Array(sorted.length);
  for (let at = 0; at < sorted.length; at += 1) next[starts[sorted[at]!]!++] = at;
  const out = new Uint8Array(sorted.length);
  let at = next[first]!;
  for (let index = 0; index < out.length; index += 1) {
    out[index] = sorted[at]!;
    at = next[at]!;
  }
  return out;
}

/** Four equal bytes are followed by how many more of them there are. In pieces, for 255 may follow each four. */
function* withRuns(text: Uint8Array, told: number): Generator<Uint8Array> {
  let crc = 0xffffffff;
  let piece = new Uint8Array(65_536 + 260);
  let filled = 0;
  let equal = 0;
  let last = -1;
  const put = (byte: number): void => {
    crc = ((crc << 8) ^ CRC[((crc >>> 24) ^ byte) & 255]!) >>> 0;
    piece[filled++] = byte;
  };
  for (const byte of text) {
    if (equal === 4) {
      for (let more = byte; more > 0; more -= 1) put(last);
      equal = 0;
      last = -1;
    } else {
      equal = byte === last ? equal + 1 : 1;
      last = byte;
      put(byte);
    }
    if (filled >= 65_536) {
      yield piece.subarray(0, filled);
      piece = new Uint8Array(65_536 + 260);
      filled = 0;
    }
  }
  if (~crc >>> 0 !== told) damaged('its checksum does not fit');
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Throws an Error that says what is wrong with the data. One stream may follow another. */
export async function* unbzip2(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = input[Symbol.asyncIterator]();
  let buffer: Uint8Array = new Uint8Array(0);
  let ended = false;
  /** Drops whole bytes that were used, and reads ahead. */
  const fill = async (bit: number): Promise<number> => {
    const parts = [buffer.subarray(bit >> 3)];
    let size = parts[0]!.length;
    while (!ended && size < LOOKAHEAD) {
      const { value, done } = await source.next();
      if (done === true) ended = true;
      else {
        parts.push(value);
        size += value.length;
      }
    }
    if (parts.length === 1 && bit >> 3 === 0) return bit & 7;
    const joined = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    buffer = joined;
    return bit & 7;
  };
  try {
    for (let streams = 0; ; streams += 1) {
      let at = await fill(0);
      if (buffer.length === 0 && streams > 0) return;
      const head = bitsOf(buffer, at);
      if (head.read(24) !== 0x425a68) damaged(streams === 0 ? 'it does not begin like it' : 'something else follows it');
      const level = head.read(8) - 0x30;
      if (level < 1 || level > 9) damaged('its block size is unknown');
      at = await fill(head.at());
      for (;;) {
        const bits = bitsOf(buffer, at);
        const mark = bits.read(48);
        const crc = bits.read(32);
        if (mark === END) {
          at = await fill((bits.at() + 7) & ~7);
          break;
        }
        if (mark !== BLOCK) damaged('a block is missing');
        if (bits.read(1) === 1) damaged('it was written by a version before 0.9.5');
        const first = bits.read(24);
        const sorted = sortedBlock(bits, level * 100_000);
        if (first >= sorted.length && sorted.length > 0) damaged('a block begins nowhere');
        yield* withRuns(unsorted(sorted, first), crc);
        at = await fill(bits.at());
      }
    }
  } finally {
    await source.return?.();
  }
}
