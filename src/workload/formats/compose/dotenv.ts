/** Reads `.env` and `env_file`: NAME=value lines with quotes, escapes, comments and references, as compose-go's dotenv package does. */
import { type Lookup, substitute } from './substitute.ts';

export interface Dotenv {
  readonly values: ReadonlyMap<string, string>;
  /** References without a value, by the variable that they stand in. */
  readonly unset: ReadonlyMap<string, readonly string[]>;
  /** What cannot be read, and on which line: compose takes nothing of the file then. */
  readonly problem?: { readonly line: number; readonly message: string };
}

/** Blanks that do not end a line. */
const BLANKS = '[\\t\\v\\f\\r \\u0085\\u00a0]*';
const EXPORT = new RegExp(`export[\\s]+${BLANKS}`, 'y');
const KEY = new RegExp(`((?:[\\p{L}\\p{N}_.[\\]-]|[\\t\\v\\f\\r \\u0085\\u00a0])*)(?:([=:])${BLANKS}|\\n|$)`, 'uy');
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', c: '\\c', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** `lookup` comes before what the file says itself. `earlier`: what files before it said. */
export function parseDotenv(text: string, lookup: Lookup, earlier: ReadonlyMap<string, string> = new Map()): Dotenv {
  const values = new Map(earlier);
  const unset = new Map<string, readonly string[]>();
  let at = text.startsWith('\ufeff') ? 1 : 0;
  const fail = (message: string, where = at): Dotenv => ({
    values,
    unset,
    problem: { line: text.slice(0, where).split('\n').length, message },
  });
  const find: Lookup = (name) => lookup(name) ?? values.get(name);
  for (;;) {
    at = statementStart(text, at);
    if (at >= text.length) return { values, unset };
    EXPORT.lastIndex = at;
    const exported = EXPORT.exec(text);
    if (exported !== null) at += exported[0].length;
    KEY.lastIndex = at;
    const key = KEY.exec(text);
    if (key === null) {
      const line = text.slice(at).split('\n', 1)[0] as string;
      const odd = /[^\p{L}\p{N}_.[\]\-\s]/u.exec(line)?.[0] ?? '';
      return fail(`unexpected character "${odd}" in variable name "${line}"`);
    }
    const name = (key[1] as string).trimEnd();
    if (name.includes(' ')) return fail('key cannot contain a space');
    const start = at;
    at += key[0].length;
    if (key[2] === undefined) {
      const inherited = lookup(name);
      if (inherited !== undefined) values.set(name, inherited);
      continue;
    }
    const quote = text[at];
    if (quote !== '"' && quote !== "'") {
      const end = text.indexOf('\n', at);
      const line = text.slice(at, end < 0 ? undefined : end);
      at = end < 0 ? text.length : end + 1;
      const made = substitute((line.split(' #', 1)[0] as string).trimEnd(), find);
      if (made.invalid === true) return fail(`invalid template in the value of ${name}`, start);
      if (made.missing !== undefined) return fail(`required variable ${made.missing.name} is missing a value`, start);
      values.set(name, made.text);
      if (made.unset.length > 0) unset.set(name, made.unset);
      continue;
    }
    const end = closingQuote(text, at, quote);
    if (end < 0) return fail(`unterminated quoted value ${text.slice(at).split('\n', 1)[0]}`);
    const raw = text.slice(at + 1, end).replaceAll(`\\${quote}`, quote);
    at = end + 1;
    if (quote === "'") {
      values.set(name, raw);
      continue;
    }
    const made = substitute(unescaped(raw), find);
    if (made.invalid === true) return fail(`invalid template in the value of ${name}`, start);
    if (made.missing !== undefined) return fail(`required variable ${made.missing.name} is missing a value`, start);
    values.set(name, made.text);
    if (made.unset.length > 0) unset.set(name, made.unset);
  }
}

/** Past blanks, empty lines and comments. */
function statementStart(text: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < text.length && /\s|\u0085/.test(text[at] as string)) at += 1;
    if (text[at] !== '#') return at;
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end;
  }
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === quote) return at;
    if (text[at] === '\\' && text[at + 1] === quote) at += 1;
    else if (text[at] === '\\' && text[at + 1] === '\\') at += 1;
  }
  return -1;
}

/** `\$` becomes `$$`, which the references read as a dollar. */
const unescaped = (text: string): string =>
  text.replace(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (whole, letter: string | undefined, digits: string | undefined) => {
    if (letter === '$') return '$$';
    if (letter !== undefined) return ESCAPES[letter] ?? letter;
    return /^[0-3][0-7]{2}$/.test(digits ?? '') ? String.fromCharCode(Number.parseInt(digits as string, 8)) : whole;
  });
