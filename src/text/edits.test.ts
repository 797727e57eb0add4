import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changed, trimmed, unchanged } from './compose-edits.ts';
import type { TextEdit } from './edit.ts';
import { applyEdits, undoEdits } from './edits.ts';
import { unifiedDiff } from './unified-diff.ts';

const edit = (start: number, end: number, text: string): TextEdit => ({ file: 'f', start, end, text });

test('edits are made in the order of the text, whatever their own', () => {
  expect(applyEdits('abcdef', [edit(4, 5, 'X'), edit(0, 1, ''), edit(2, 2, '--')]).text).toBe('b--cdXf');
  expect(applyEdits('ab', [edit(1, 1, '1'), edit(1, 1, '2')]).text).toBe('a12b');
});

test('the same replacement twice is one; of two that overlap the first given is made and the other is told', () => {
  expect(applyEdits('abc', [edit(1, 2, 'X'), edit(1, 2, 'X')])).toEqual({ text: 'aXc', edits: [edit(1, 2, 'X')], conflicts: [] });
  const [first, second] = [edit(2, 4, 'X'), edit(1, 3, 'Y')];
  expect(applyEdits('abcde', [first, second])).toMatchObject({ text: 'abXe', conflicts: [{ kept: first, dropped: second }] });
  expect(applyEdits('abcde', [edit(1, 4, 'X'), edit(2, 2, 'Y')])).toMatchObject({ text: 'aXe', conflicts: [{}] });
  expect(applyEdits('abcde', [edit(1, 3, 'X'), edit(1, 1, '<'), edit(3, 3, '>')])).toMatchObject({
    text: 'a<X>de',
    conflicts: [],
  });
});

test('an edit beyond the text is a mistake of the program', () => {
  expect(() => applyEdits('abc', [edit(2, 4, '')])).toThrow(RangeError);
});

const editsOf = (text: string): fc.Arbitrary<readonly TextEdit[]> =>
  fc.array(
    fc
      .tuple(fc.nat(text.length), fc.nat(text.length), fc.string({ maxLength: 4 }))
      .map(([a, b, put]) => edit(Math.min(a, b), Math.max(a, b), put)),
    { maxLength: 6 },
  );

test('what was edited can be undone to the byte', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }).chain((text) => fc.tuple(fc.constant(text), editsOf(text))),
      ([text, edits]) => {
        const after = applyEdits(text, edits);
        expect(after.edits.length + after.conflicts.length).toBeLessThanOrEqual(edits.length);
        expect(applyEdits(after.text, undoEdits(text, after.edits)).text).toBe(text);
      },
    ),
    { numRuns: 2000 },
  );
});

test('edit upon edit, told as edits of the first text', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.string({ maxLength: 4 })), { maxLength: 8 }),
      (text, steps) => {
        let state = unchanged(text);
        let plain = text;
        for (const [a, b, put] of steps) {
          const [x, y] = [a % (plain.length + 1), b % (plain.length + 1)];
          const [start, end] = [Math.min(x, y), Math.max(x, y)];
          plain = plain.slice(0, start) + put + plain.slice(end);
          state = changed(state, [{ start, end, text: put }]);
        }
        expect(state.text).toBe(plain);
        const edits = trimmed(text, state.edits).map((one) => ({ ...one, file: 'f' }));
        expect(applyEdits(text, edits)).toMatchObject({ text: plain, conflicts: [] });
      },
    ),
    { numRuns: 2000 },
  );
});

test('the diff is one that git takes: line ends, no line end at the end, new and removed files, odd names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-diff-'));
  try {
    execFileSync('git', ['init', '-q'], { cwd: folder });
    const texts = [
      '',
      'a\n',
      'a',
      'a\r\nb\r\n',
      'a\r\nb',
      'a\nb\nc\nd\ne\nf\ng\nh\ni\n',
      'a\nb\nc\nD\ne\nf\ng\nh\ni',
      '\ufeffa\n',
      'x\rb\n',
    ];
    let tried = 0;
    for (const name of ['plain.yaml', 'with blank.yaml', 'quo"te.yaml'])
      for (const before of [undefined, ...texts])
        for (const after of texts) {
          const diff = unifiedDiff(name, before, after);
          if (before === after || (before === undefined && after === '')) continue;
          rmSync(join(folder, name), { force: true });
          if (before !== undefined) writeFileSync(join(folder, name), before);
          execFileSync('git', ['apply', '--whitespace=nowarn', '-'], {
            cwd: folder,
            input: diff,
            stdio: ['pipe', 'pipe', 'pipe'],
          });
          expect(readFileSync(join(folder, name), 'utf8'), diff).toBe(after);
          tried += 1;
        }
    expect(tried).toBe(3 * (texts.length * (texts.length - 1) + texts.length - 1));
    expect(unifiedDiff('x', 'same\n', 'same\n')).toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
