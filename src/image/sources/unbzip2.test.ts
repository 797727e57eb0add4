import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { unbzip2 } from './unbzip2.ts';
import { unxz } from './unxz.ts';

const lacks = (program: string): boolean => spawnSync(program, ['--version'], { input: '' }).error !== undefined;
const missing = ['bzip2', 'xz'].filter(lacks);
if (missing.length > 0)
  console.warn(`SKIPPED: bzip2 and xz: ${missing.join(', ')} not installed: apt-get install -y bzip2 xz-utils`);

const packed = (program: string, bytes: Uint8Array, ...args: readonly string[]): Uint8Array => {
  const { stdout, status } = spawnSync(program, ['-c', ...args], { input: bytes, maxBuffer: 2 ** 28 });
  expect(status).toBe(0);
  return stdout;
};

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpacked(
  unpack: (input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  bytes: Uint8Array,
  size = 65_536,
): Promise<Buffer> {
  const out: Uint8Array[] = [];
  for await (const chunk of unpack(pieces(bytes, size))) out.push(chunk);
  return Buffer.concat(out);
}

/** The same numbers every time. */
function noise(length: number, seed: number, letters: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % letters;
  });
}

const texts: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(7)],
  ['one byte many times', new Uint8Array(1_200_000).fill(65)],
  ['runs of all lengths', Uint8Array.from(Array.from({ length: 600 }, (_, n) => new Array<number>(n).fill(n & 255)).flat())],
  ['words', new TextEncoder().encode(Array.from({ length: 60_000 }, (_, n) => `line ${n}`).join('\n'))],
  ['noise', noise(250_000, 1, 256)],
  ['two letters', noise(300_000, 2, 2)],
];

describe.skipIf(missing.length > 0)('what bzip2 and xz pack', () => {
  it.each(texts)('%s', async (_name, bytes) => {
    for (const level of ['-1', '-9']) {
      expect(Buffer.compare(await unpacked(unbzip2, packed('bzip2', bytes, level)), bytes)).toBe(0);
      expect(Buffer.compare(await unpacked(unxz, packed('xz', bytes, level)), bytes)).toBe(0);
    }
  });

  it('one stream behind the other, in the smallest pieces', async () => {
    const [one, two] = [noise(70_000, 5, 200), new Uint8Array(5000).fill(9)];
    const both = Buffer.concat([packed('bzip2', one), packed('bzip2', two)]);
    expect(Buffer.compare(await unpacked(unbzip2, both, 1000), Buffer.concat([one, two]))).toBe(0);
  });

  it.each([
    ['bzip2', unbzip2],
    ['xz', unxz],
  ] as const)('%s that is cut off or changed is an error, and never something else', async (program, unpack) => {
    const text = noise(3000, 3, 12);
    const good = packed(program, text);
    for (let cut = 1; cut < good.length; cut += 7)
      await expect(unpacked(unpack, good.subarray(0, cut))).rejects.toThrow(/its \w+ data/);
    let told = 0;
    for (let at = 0; at < good.length; at += 3) {
      const bad = Uint8Array.from(good);
      bad[at]! ^= 0x55;
      const result = await unpacked(unpack, bad).catch((error: Error) => error.message);
      if (typeof result === 'string') told += 1;
      // A changed bit of the padding changes nothing.
      else expect(Buffer.compare(result, text)).toBe(0);
    }
    expect(told).toBeGreaterThan((good.length / 3) * 0.9);
  });
});
