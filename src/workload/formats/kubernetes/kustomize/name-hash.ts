/** The suffix that kustomize gives to the names of ConfigMaps and Secrets it makes: a hash of what is in them. */

const K: readonly number[] = (() => {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return primes.map((p) => Math.floor((Math.cbrt(p) % 1) * 2 ** 32));
})();

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

/** SHA-256 (FIPS 180-4), in hexadecimal. The pure layers have no crypto that answers at once. */
export function sha256(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const length = ((bytes.length + 8) >> 6) + 1;
  const padded = new Uint8Array(length * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor((bytes.length * 8) / 2 ** 32));
  view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
  const state = new Uint32Array([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]);
  const w = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(block + i * 4);
    for (let i = 16; i < 64; i += 1) {
      const [a, b] = [w[i - 15]!, w[i - 2]!];
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) >>> 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = state[i]! + value;
  }
  return [...state].map((word) => word.toString(16).padStart(8, '0')).join('');
}

/** Go's encoding/json: sorted keys, and what HTML would mind as escapes. */
function goJson(value: unknown): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return `{${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${goJson(key)}:${goJson(item)}`)
      .join(',')}}`;
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const LETTERS: Readonly<Record<string, string>> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };

/** Ten letters for an object as it stands. */
export function nameHash(object: Readonly<Record<string, unknown>>): string {
  const { kind, data, binaryData, type, stringData } = object as Record<string, Record<string, unknown>>;
  const full = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  const hashed = {
    kind,
    // kustomize looks for a field called "metadata/name", which nothing has (api/hasher).
    name: '',
    data: full(data) ? data : '',
    ...(String(kind) === 'Secret' ? { type: type ?? '' } : {}),
    ...(full(binaryData) ? { binaryData } : {}),
    ...(full(stringData) ? { stringData } : {}),
  };
  return [...sha256(goJson(hashed)).slice(0, 10)].map((char) => LETTERS[char] ?? char).join('');
}
