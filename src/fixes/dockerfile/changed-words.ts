/** Words of an instruction that become others: only what differs is touched, so that quotes, line breaks and the form stay as they are. */
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import type { StageText } from './stage-text.ts';

/** The part of two texts in which they differ. */
export function differing(
  before: string,
  after: string,
): { readonly start: number; readonly end: number; readonly text: string } {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { start, end: before.length - end, text: after.slice(start, after.length - end) };
}

/**
 * `before` is what CMD, ENTRYPOINT or HEALTHCHECK CMD says: the words of an exec form, or the one text of a shell form. `from`: where in the
 * arguments it begins. Undefined: it is not said so that words of it can be changed.
 */
export function changedWords(
  { file }: StageText,
  { args }: Instruction,
  from: number,
  before: readonly string[],
  after: readonly string[],
): readonly TextEdit[] | undefined {
  if (before.length !== after.length) return undefined;
  const edit = (start: number, end: number, text: string): TextEdit => {
    const first = args.offset(start);
    return { file: file.path, start: first, end: end > start ? args.offset(end - 1) + 1 : first, text };
  };
  const said = args.text.slice(from);
  if (!/^\s*\[/.test(said)) {
    const [was = '', is = ''] = [before[0], after[0]];
    const at = said.indexOf(was);
    if (before.length !== 1 || at < 0 || said.trim() !== was.trim()) return undefined;
    const { start, end, text } = differing(was, is);
    return [edit(from + at + start, from + at + end, text)];
  }
  const literals = [...said.matchAll(/"(?:[^"\\]|\\.)*"/g)];
  if (literals.length !== before.length || !literals.every(([text], index) => parsed(text) === before[index])) return undefined;
  return literals.flatMap((literal, index) => {
    if (before[index] === after[index]) return [];
    const start = from + literal.index;
    return [edit(start, start + literal[0].length, JSON.stringify(after[index]))];
  });
}

function parsed(literal: string): unknown {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined; // a character that JSON does not know
  }
}
