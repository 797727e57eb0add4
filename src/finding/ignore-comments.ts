/** `# unroot-ignore …` in a text: YAML, a Dockerfile, anything whose comments begin with `#`. */
import type { SourceFile } from '../text/source-file.ts';
import type { Diagnostic } from './finding.ts';
import type { Ignore, IgnoresRead, Lines } from './ignore.ts';
import { parseIgnore } from './ignore-text.ts';

const MARK = 'unroot-ignore';
const COMMENT = /(?:^|\s)#\s*unroot-ignore(?=\s|$)(.*)$/;

/** A comment of its own covers the line after it, one behind something its own line; with the line everything that belongs to it. */
export function ignoreComments({ path, text }: SourceFile): IgnoresRead {
  if (!text.includes(MARK)) return { ignores: [], problems: [] };
  const ignores: Ignore[] = [];
  const problems: Diagnostic[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) {
    const match = line.includes(MARK) ? COMMENT.exec(line) : null;
    if (match === null) continue;
    const where = { file: path, line: index + 1, column: match.index + match[0].indexOf('#') + 1 };
    const read = parseIgnore(match[1] ?? '', where);
    if ('severity' in read) problems.push(read);
    else ignores.push({ by: 'comment', ...read, where, lines: covered(path, lines, index) });
  }
  return { ignores, problems };
}

const isComment = (line: string): boolean => /^\s*#/.test(line);
const isBlank = (line: string): boolean => line.trim() === '';
const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Lines are counted from 1, indexes from 0. */
function covered(file: string, lines: readonly string[], comment: number): Lines {
  let first = comment;
  while (first < lines.length && (isComment(lines[first]!) || isBlank(lines[first]!))) first += 1;
  if (first === lines.length) return { file, from: comment + 1, to: comment + 1 };
  return { file, from: first + 1, to: lastOf(lines, first) + 1 };
}

/** The last line that belongs to one: what is written deeper, the items of its list, what a backslash carries on, and a whole object from its first line. */
function lastOf(lines: readonly string[], first: number): number {
  const head = lines[first]!;
  const indent = indentOf(head);
  // The first key of an object stands for the object.
  const object = /^["']?(?:apiVersion|kind)["']?\s*:/.test(head) && !before(lines, first);
  const list = /:\s*(?:#.*)?$/.test(head) && !/^\s*-\s/.test(head);
  let last = first;
  let carried = /\\\s*$/.test(head);
  for (let at = first + 1; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (/^(?:---|\.\.\.)(?:\s|$)/.test(line)) break;
    // Comments within an instruction do not end it.
    if (isBlank(line) || isComment(line)) continue;
    const deeper = indentOf(line) > indent || (list && indentOf(line) === indent && /^\s*-(?:\s|$)/.test(line));
    if (!object && !carried && !deeper) break;
    last = at;
    carried = /\\\s*$/.test(line);
  }
  return last;
}

/** Whether the document has a key before that line. */
function before(lines: readonly string[], line: number): boolean {
  for (let at = line - 1; at >= 0 && !/^---(?:\s|$)/.test(lines[at]!); at -= 1) {
    if (!isBlank(lines[at]!) && !isComment(lines[at]!) && !lines[at]!.startsWith('%')) return true;
  }
  return false;
}
