import { expect, it } from 'vitest';
import type { ContentRange } from '../root-fs.ts';
import { keepingContents } from './kept-contents.ts';

/** A layer whose bytes are their own places, and what was asked of it. */
function layer() {
  const asked: (readonly ContentRange[])[] = [];
  const read = async (_: number, ranges: readonly ContentRange[]): Promise<Uint8Array[]> => {
    asked.push(ranges);
    return ranges.map(({ offset, size }) => Uint8Array.from({ length: size }, (__, i) => (offset + i) % 251));
  };
  return { asked, contents: keepingContents(read) };
}
const range = (offset: number, size: number): ContentRange => ({ offset, size });

it('asks a layer once for each piece, and answers in the order of the question', async () => {
  const { asked, contents } = layer();
  const [first] = await contents.read(0, [range(7, 3)]);
  expect([...first!]).toEqual([7, 8, 9]);
  const answers = await contents.read(0, [range(100, 2), range(7, 3), range(9, 1)]);
  expect(answers.map((one) => [...one])).toEqual([[100, 101], [7, 8, 9], [9]]);
  expect(asked).toEqual([[range(7, 3)], [range(100, 2), range(9, 1)]]);
  // The same place in another layer is another piece.
  await contents.read(1, [range(7, 3)]);
  expect(asked.length).toBe(3);
});

it('keeps nothing large, nothing of an image that is closed, and what images share of places stays apart', async () => {
  const [one, other] = [layer(), layer()];
  const large = range(0, 2 ** 20 + 1);
  await one.contents.read(0, [large, range(1, 1)]);
  await one.contents.read(0, [large]);
  expect(one.asked.length).toBe(2);
  await other.contents.read(0, [range(1, 1)]);
  expect(other.asked.length).toBe(1);
  one.contents.clear();
  await one.contents.read(0, [range(1, 1)]);
  await other.contents.read(0, [range(1, 1)]);
  expect([one.asked.length, other.asked.length]).toEqual([3, 1]);
});

it('lets the oldest go when it holds much', async () => {
  const { asked, contents } = layer();
  for (let i = 0; i < 40; i++) await contents.read(0, [range(i, 2 ** 20)]);
  await contents.read(0, [range(39, 2 ** 20)]);
  expect(asked.length).toBe(40);
  await contents.read(0, [range(0, 2 ** 20)]);
  expect(asked.length).toBe(41);
  contents.clear();
});
