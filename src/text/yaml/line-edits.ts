/** Puts whole lines into a text and takes them out. */
import type { LocalEdit } from '../compose-edits.ts';
import { lineEnd, lineStart, nextLine } from './style.ts';

const isBreak = (code: number): boolean => code === 10 || code === 13;

/** Behind the line on which something ends. What ends with a line break (a block scalar) ends where the next line begins. */
const behindLine = (text: string, end: number): number =>
  end > 0 && isBreak(text.charCodeAt(end - 1)) ? end : nextLine(text, end);

/** New lines behind the line on which something ends. A last line without a line break stays one. */
export function linesBehind(text: string, end: number, lines: readonly string[], eol: string): LocalEdit {
  const at = behindLine(text, end);
  const open = at >= text.length && at > 0 && !isBreak(text.charCodeAt(at - 1));
  return { start: at, end: at, text: open ? eol + lines.join(eol) : lines.map((line) => line + eol).join('') };
}

/** Takes out the lines from the one on which something begins to the one on which it ends. */
export function withoutLines(text: string, start: number, end: number): LocalEdit {
  const to = behindLine(text, end);
  const from = lineStart(text, start);
  // The last line has no line break: the one before it goes instead.
  const open = to >= text.length && !isBreak(text.charCodeAt(to - 1));
  return { start: open ? lineBreakBefore(text, from) : from, end: to, text: '' };
}

function lineBreakBefore(text: string, start: number): number {
  if (start === 0 || !isBreak(text.charCodeAt(start - 1))) return start;
  return text.charCodeAt(start - 1) === 10 && text.charCodeAt(start - 2) === 13 ? start - 2 : start - 1;
}

/** Nothing but blanks before it on its line. */
export const isFirstOnLine = (text: string, at: number): boolean => /^[ \t]*$/.test(text.slice(lineStart(text, at), at));

/** Line start of the comments directly above that are indented as the line itself; the line's own when there are none. */
export function withCommentsAbove(text: string, at: number): number {
  let line = lineStart(text, at);
  const column = at - line;
  while (line > 0 && isBreak(text.charCodeAt(line - 1))) {
    const above = lineStart(text, line - 1);
    const comment = /^[ ]*#/.exec(text.slice(above, lineEnd(text, above)));
    if (comment === null || comment[0].length - 1 !== column) break;
    line = above;
  }
  return line;
}

/** Behind the comments below that are indented deeper than the column: they are about what ends there. Its own end when there are none. */
export function withCommentsBelow(text: string, end: number, column: number): number {
  let last = end;
  for (let line = behindLine(text, end); line < text.length; line = nextLine(text, line)) {
    const [blanks = '', sign] = /^([ \t]*)(#?)/.exec(text.slice(line, lineEnd(text, line)))!.slice(1);
    if (sign === '' && line + blanks.length < lineEnd(text, line)) break;
    if (sign === '#' && blanks.length <= column) break;
    if (sign === '#') last = lineEnd(text, line);
  }
  return last;
}

/** Without the line break that a block scalar ends with. */
export function beforeLineBreak(text: string, end: number): number {
  if (end > 0 && text.charCodeAt(end - 1) === 10) return text.charCodeAt(end - 2) === 13 ? end - 2 : end - 1;
  return end;
}
