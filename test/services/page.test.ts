import { describe, expect, it } from 'vitest';
import { type Entry, entriesOf, page } from './page.ts';

const GOOD: Entry = {
  name: 'a-b',
  cells: ['a-b', 'works', 'no', 'proved', 'works', '3.0 s', '1.0 s', '1', '92 B', '0'],
  changed: ': `own-path /x`',
};
const SHY: Entry = {
  name: 'a',
  cells: ['a', 'works', 'no', 'inconclusive', 'works', '30.0 s', '1.0 s', '3', ' B', ''],
  changed: ' (with `--probe`): nothing',
  open: ['inconclusive', 'for \\| one', 'for two'],
};

describe('docs/services.md', () => {
  it('is read as it was written, so that a run of some services keeps the rest', () => {
    const written = page([SHY, GOOD], ['a-b', 'a', 'c'], new Set(['a']));
    expect(written).toContain('**1 of 2 do their work as uid 10001');
    expect(written).toContain('Working without being proved: 1 (a).\nNot measured: c.');
    expect(written).toContain('Of those 1: 1 within 5 s');
    expect(entriesOf(written).map(({ name }) => name)).toEqual(['a-b', 'a']);
    expect(page(entriesOf(written), ['a-b', 'a', 'c'], new Set(['a']))).toBe(written);
  });
});
