/** Reads a Dockerfile into instructions, by the rules of BuildKit's parser (frontend/dockerfile/parser). Never throws: what is wrong is told at its place. */

import { problemAt, type SourceFile, spanAt } from '../source-file.ts';
import type { TextProblem } from '../span.ts';
import { tellCarriageReturns } from './carriage-returns.ts';
import { type Dockerfile, type Flag, type Heredoc, INSTRUCTIONS, type Instruction } from './instruction.ts';
import { type LogicalText, logicalText } from './logical-text.ts';

/** A line of the file without its ending. */
interface Line {
  readonly start: number;
  readonly end: number;
  /** Behind the line ending. */
  readonly after: number;
}

interface Reading {
  readonly file: SourceFile;
  readonly lines: readonly Line[];
  /** What continues a line. */
  readonly mark: string;
  readonly problems: TextProblem[];
}

const DIRECTIVE = /^[ \t]*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const KNOWN_DIRECTIVES = new Set(['escape', 'syntax', 'check']);
const HEREDOC_HOLDERS = new Set(['RUN', 'COPY', 'ADD']);
/** Instructions that take a JSON array. */
const EXEC_FORM = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME', 'HEALTHCHECK']);
const MOST_INSTRUCTIONS = 20_000;

export function parseDockerfile(file: SourceFile): Dockerfile {
  const lines = linesOf(file.text);
  const problems: TextProblem[] = [];
  const { directives, next } = directivesOf(file, lines, problems);
  const mark = directives.escape ?? '\\';
  const reading: Reading = { file, lines, mark, problems };
  const instructions: Instruction[] = [];
  for (let at = next; at < lines.length; ) {
    const text = textOf(reading, at);
    if (text.trim() === '' || /^\s*#/.test(text)) {
      at += 1;
      continue;
    }
    const { instruction, next: after } = readInstruction(reading, at);
    if (instruction !== undefined) instructions.push(instruction);
    at = after;
    if (instructions.length > MOST_INSTRUCTIONS) {
      problems.push(problemAt(file, lines[at]?.start ?? 0, `more than ${MOST_INSTRUCTIONS} instructions`));
      break;
    }
  }
  return { file, escape: mark, directives, instructions, problems };
}

function linesOf(text: string): Line[] {
  const out: Line[] = [];
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (start < text.length) {
    const feed = text.indexOf('\n', start);
    const after = feed < 0 ? text.length : feed + 1;
    let end = feed < 0 ? text.length : feed;
    while (end > start && text.charCodeAt(end - 1) === 13) end -= 1;
    out.push({ start, end, after });
    start = after;
  }
  return out;
}

const textOf = ({ file, lines }: Reading, at: number): string => file.text.slice(lines[at]!.start, lines[at]!.end);

/** Comments of the form `# name=value` before anything else. The first line that is none ends them. */
function directivesOf(
  file: SourceFile,
  lines: readonly Line[],
  problems: TextProblem[],
): { readonly directives: Readonly<Record<string, string>>; readonly next: number } {
  const directives: Record<string, string> = Object.create(null);
  let at = 0;
  for (; at < lines.length; at += 1) {
    const { start, end } = lines[at]!;
    const [, written, value] = DIRECTIVE.exec(file.text.slice(start, end)) ?? [];
    const name = written?.toLowerCase();
    if (name === undefined || value === undefined || !KNOWN_DIRECTIVES.has(name)) break;
    if (name in directives) problems.push(problemAt(file, start, `only one ${name} parser directive can be used`));
    if (name === 'escape' && value !== '\\' && value !== '`')
      problems.push(problemAt(file, start, `invalid ESCAPE '${value}': it has to be \\ or \``));
    else directives[name] = value;
  }
  return { directives, next: at };
}

/** Where a line is continued, what of it counts. */
function continued(line: string, mark: string): number | undefined {
  const trimmed = line.replace(/[ \t]+$/, '');
  const last = trimmed.length - 1;
  if (last < 0 || trimmed[last] !== mark) return undefined;
  // Two of them are one that means itself.
  return last > 0 && trimmed[last - 1] === mark ? undefined : last;
}

function readInstruction(
  reading: Reading,
  first: number,
): { readonly instruction: Instruction | undefined; readonly next: number } {
  const { lines, mark, file } = reading;
  const ranges: (readonly [number, number])[] = [];
  let at = first;
  for (let more = true; more && at < lines.length; at += 1) {
    const text = textOf(reading, at);
    // Comments and empty lines between the lines of an instruction count for nothing.
    if (at > first && (/^\s*#/.test(text) || text.trim() === '')) continue;
    const { start, end } = lines[at]!;
    const cut = continued(text, mark);
    const from = at === first ? start + (text.length - text.trimStart().length) : start;
    ranges.push([from, cut === undefined ? end : start + cut]);
    more = cut !== undefined;
  }
  const whole = logicalText(file.text, ranges, lines[first]!.start);
  const lineStart = lines[first]!.start;
  const { heredocs, next } = heredocsAfter(reading, whole, at);
  const after = lines[next - 1]!.after;
  return { instruction: instructionOf(reading, whole, heredocs, lineStart, after), next };
}

function instructionOf(
  reading: Reading,
  whole: LogicalText,
  heredocs: readonly Heredoc[],
  lineStart: number,
  after: number,
): Instruction | undefined {
  const { file, problems } = reading;
  const written = /^\S+/.exec(whole.text)?.[0] ?? '';
  const name = written.toUpperCase();
  const start = whole.offset(0);
  if (!INSTRUCTIONS.has(name)) {
    const template = /\{\{|\}\}|^\{%|^<%/.test(written);
    problems.push(
      problemAt(
        file,
        start,
        template
          ? `${short(written)} is a template's, not a Dockerfile's: write the Dockerfile first, then name it`
          : `unknown instruction: ${short(written)}`,
      ),
    );
    return undefined;
  }
  const trailing = whole.text.length - whole.text.trimEnd().length;
  const end = whole.offset(whole.text.length - trailing);
  const behind = whole.slice(written.length);
  const { flags, rest } = name === 'ONBUILD' ? { flags: [], rest: trimmed(behind) } : flagsOf(reading, trimmed(behind));
  if (rest.text.trim() === '' && !['CMD', 'ENTRYPOINT', 'MAINTAINER'].includes(name) && heredocs.length === 0)
    problems.push(problemAt(file, start, `${name} needs an argument`));
  const json = EXEC_FORM.has(name) ? jsonOf(rest.text) : undefined;
  const onbuild = name === 'ONBUILD' ? instructionOf(reading, rest, heredocs, lineStart, after) : undefined;
  if (onbuild !== undefined && ['ONBUILD', 'FROM', 'MAINTAINER'].includes(onbuild.name))
    problems.push(problemAt(file, onbuild.nameSpan.start, `${onbuild.name} isn't allowed as an ONBUILD trigger`));
  return {
    name,
    written,
    nameSpan: spanAt(file, start, whole.offset(written.length - 1) + 1),
    span: spanAt(file, start, end),
    flags,
    args: rest,
    ...(json === undefined ? {} : { json }),
    heredocs,
    lineStart,
    after,
    ...(onbuild === undefined ? {} : { onbuild }),
  };
}

const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function trimmed(text: LogicalText): LogicalText {
  const from = text.text.length - text.text.trimStart().length;
  return text.slice(from, Math.max(from, text.text.trimEnd().length));
}

/** Words that begin with `--`, before anything else. */
function flagsOf({ file, mark }: Reading, text: LogicalText): { readonly flags: readonly Flag[]; readonly rest: LogicalText } {
  const flags: Flag[] = [];
  let at = 0;
  while (text.text.startsWith('--', at)) {
    const end = wordEnd(text.text, at, mark);
    const word = text.text.slice(at + 2, end);
    if (word === '') {
      at = end;
      break;
    }
    const equals = word.indexOf('=');
    flags.push({
      name: equals < 0 ? word : word.slice(0, equals),
      ...(equals < 0 ? {} : { value: unquoted(word.slice(equals + 1), mark) }),
      span: spanAt(file, text.offset(at), text.offset(end - 1) + 1),
    });
    at = end + (/^\s*/.exec(text.text.slice(end))?.[0].length ?? 0);
  }
  return { flags, rest: trimmed(text.slice(at)) };
}

/** Behind the word that begins there: quotes and escapes hold blanks together. */
export function wordEnd(text: string, from: number, mark: string): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === mark && quote !== "'") at += 1;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (/\s/.test(char)) return at;
  }
  return text.length;
}

const unquoted = (text: string, mark: string): string => {
  let out = '';
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === mark && quote !== "'") out += text[++at] ?? '';
    else if (quote !== '') {
      if (char === quote) quote = '';
      else out += char;
    } else if (char === '"' || char === "'") quote = char;
    else out += char;
  }
  return out;
};

/** An array of strings and nothing else; anything else is taken as a shell's line, as the builder does. */
function jsonOf(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

function heredocsAfter(
  reading: Reading,
  whole: LogicalText,
  from: number,
): { readonly heredocs: readonly Heredoc[]; readonly next: number } {
  const [, first = '', second = ''] = /^(\S+)\s*(\S*)/.exec(whole.text) ?? [];
  const holder = first.toUpperCase() === 'ONBUILD' ? second.toUpperCase() : first.toUpperCase();
  if (!HEREDOC_HOLDERS.has(holder) || !whole.text.includes('<<')) return { heredocs: [], next: from };
  const heredocs: Heredoc[] = [];
  let at = from;
  for (const { name, tabs, expand, index } of heredocWords(whole.text, reading.mark)) {
    const start = reading.lines[at]?.start ?? reading.file.text.length;
    let content = '';
    let found = false;
    for (; at < reading.lines.length && !found; at += 1) {
      const { start: begin, end, after } = reading.lines[at]!;
      const line = reading.file.text.slice(begin, end);
      if ((tabs ? line.replace(/^\t+/, '') : line) === name) {
        found = true;
        heredocs.push({ name, expand, content, start, end: begin, after });
        if (holder === 'RUN' || content.startsWith('#!')) tellCarriageReturns(reading, start, content);
      } else {
        const full = reading.file.text.slice(begin, after);
        content += tabs ? full.replace(/^\t+/, '') : full;
      }
    }
    if (!found) {
      reading.problems.push(problemAt(reading.file, whole.offset(index), `unterminated heredoc: there is no line ${name}`));
      heredocs.push({ name, expand, content, start, end: reading.file.text.length, after: reading.file.text.length });
    }
  }
  return { heredocs, next: at };
}

interface HeredocWord {
  readonly name: string;
  readonly tabs: boolean;
  readonly expand: boolean;
  readonly index: number;
}

function* heredocWords(text: string, mark: string): Generator<HeredocWord> {
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    const end = wordEnd(text, at, mark);
    const [, dash, word] = /^\d*<<(-?)([^<\s]+)$/.exec(text.slice(at, end)) ?? [];
    if (word !== undefined) {
      const name = unquoted(word, mark);
      if (name !== '') yield { name, tabs: dash === '-', expand: name === word, index: at };
    }
    at = end;
  }
}
