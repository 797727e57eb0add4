/** Words of instructions: variables put in, quotes taken off, by the rules of BuildKit's shell lexer (frontend/dockerfile/shell). */
import { wordEnd } from './parse-dockerfile.ts';

/** Values of variables; undefined = not set, null = set to something that nobody here knows. */
export type Lookup = (name: string) => string | null | undefined;

/** The text, or why there is none: an unknown variable, `${X:?message}`, a brace that is not closed. */
export type Expanded = { readonly text: string } | { readonly unknown: string } | { readonly error: string };

class Stop extends Error {
  readonly outcome: Exclude<Expanded, { readonly text: string }>;
  constructor(outcome: Exclude<Expanded, { readonly text: string }>) {
    super('stop');
    this.outcome = outcome;
  }
}

/** One word, quotes removed. `raw`: a text, in which quotes and what escapes stay. */
export function expand(word: string, lookup: Lookup, mark = '\\', raw = false): Expanded {
  try {
    return { text: lex({ text: word, at: 0, mark, lookup, raw }, undefined) };
  } catch (error) {
    if (error instanceof Stop) return error.outcome;
    throw error;
  }
}

/** Words between blanks, as written. */
export function words(text: string, mark = '\\'): { readonly text: string; readonly start: number; readonly end: number }[] {
  const out: { text: string; start: number; end: number }[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    const end = Math.max(at + 1, wordEnd(text, at, mark));
    out.push({ text: text.slice(at, end), start: at, end });
    at = end;
  }
  return out;
}

interface Reader {
  readonly text: string;
  at: number;
  readonly mark: string;
  readonly lookup: Lookup;
  readonly raw: boolean;
}

/** Up to `until`, or to the end. */
function lex(reader: Reader, until: string | undefined): string {
  let out = '';
  while (reader.at < reader.text.length) {
    const char = reader.text[reader.at]!;
    if (char === until) return out;
    const raw = reader.raw && until === undefined;
    // A text may have a quote that nothing closes: an apostrophe.
    if (raw && (char === '"' || char === "'") && !reader.text.includes(char, reader.at + 1)) out += reader.text[reader.at++]!;
    else if (char === "'") out += raw ? `'${single(reader)}'` : single(reader);
    else if (char === '"') out += raw ? `"${double(reader)}"` : double(reader);
    else if (char === '$') out += variable(reader);
    else if (char === reader.mark) {
      reader.at += 1;
      if (raw) out += char;
      if (reader.at >= reader.text.length) break;
      out += reader.text[reader.at++]!;
    } else {
      out += char;
      reader.at += 1;
    }
  }
  if (until !== undefined) throw new Stop({ error: `there is no ${until} that ends it` });
  return out;
}

function single(reader: Reader): string {
  const end = reader.text.indexOf("'", reader.at + 1);
  if (end < 0) throw new Stop({ error: 'a quote is not closed' });
  const text = reader.text.slice(reader.at + 1, end);
  reader.at = end + 1;
  return text;
}

function double(reader: Reader): string {
  let out = '';
  reader.at += 1;
  while (reader.at < reader.text.length) {
    const char = reader.text[reader.at]!;
    if (char === '"') {
      reader.at += 1;
      return out;
    }
    if (char === '$') out += variable(reader);
    else if (char === reader.mark) {
      const next = reader.text[reader.at + 1];
      if (next === undefined) break;
      out += !reader.raw && (next === '"' || next === '$' || next === reader.mark) ? next : char + next;
      reader.at += 2;
    } else {
      out += char;
      reader.at += 1;
    }
  }
  throw new Stop({ error: 'a quote is not closed' });
}

const NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#])/;

function variable(reader: Reader): string {
  reader.at += 1;
  if (reader.text[reader.at] !== '{') {
    const name = NAME.exec(reader.text.slice(reader.at))?.[0];
    if (name === undefined) return '$';
    reader.at += name.length;
    return settingOf(reader, name) ?? '';
  }
  reader.at += 1;
  const name = NAME.exec(reader.text.slice(reader.at))?.[0];
  if (name === undefined) throw new Stop({ error: 'bad substitution: ${ is not followed by a name' });
  reader.at += name.length;
  const operator = /^(?::[-+?]|[-+?]|##?|%%?|\/\/?)/.exec(reader.text.slice(reader.at))?.[0];
  if (operator === undefined) {
    if (reader.text[reader.at] !== '}') throw new Stop({ error: `unsupported modifier in \${${name}` });
    reader.at += 1;
    return settingOf(reader, name) ?? '';
  }
  reader.at += operator.length;
  return modified(reader, name, operator);
}

function modified(reader: Reader, name: string, operator: string): string {
  // The word of the modifier is read in any case: it has to be well formed.
  const needed = /[-+?]/.test(operator);
  const value = reader.lookup(name);
  const set = value !== undefined && !(operator.startsWith(':') && value === '');
  const used = operator.endsWith('+') ? set : !set;
  const word = needed ? lex(used ? reader : deaf(reader), '}') : reader.text.slice(reader.at, closing(reader.text, reader.at));
  if (needed) {
    if (!used) reader.at = closing(reader.text, reader.at);
    reader.at += 1;
    if (operator.endsWith('?')) {
      if (!set) throw new Stop({ error: `${name}: ${word === '' ? 'is not allowed to be unset' : word}` });
      return settingOf(reader, name) ?? '';
    }
    if (operator.endsWith('+')) return set ? word : '';
    return set ? (settingOf(reader, name) ?? '') : word;
  }
  reader.at = closing(reader.text, reader.at) + 1;
  const text = settingOf(reader, name) ?? '';
  if (operator.startsWith('/')) {
    const [pattern = '', replacement = ''] = word.split('/', 2);
    return text.replace(globOf(pattern, operator === '//' ? 'g' : '', ''), () => replacement);
  }
  return operator.startsWith('#') ? prefixCut(text, word, operator === '##') : suffixCut(text, word, operator === '%%');
}

/** A copy that reads without any variable being known or needed. */
const deaf = (reader: Reader): Reader => ({ ...reader, lookup: () => '' });

function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}' && depth-- === 0) return at;
  }
  throw new Stop({ error: 'there is no } that ends it' });
}

function settingOf(reader: Reader, name: string): string | undefined {
  const value = reader.lookup(name);
  if (value === null) throw new Stop({ unknown: name });
  return value;
}

function globOf(pattern: string, flags: string, anchor: string): RegExp {
  const source = pattern
    .replace(/\*+/g, '*')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(anchor === '^$' ? `^${source}$` : source, `${flags}s`);
}

function prefixCut(text: string, pattern: string, longest: boolean): string {
  const cuts = Array.from({ length: text.length + 1 }, (_, index) => (longest ? text.length - index : index));
  const glob = globOf(pattern, '', '^$');
  const cut = cuts.find((at) => glob.test(text.slice(0, at)));
  return cut === undefined ? text : text.slice(cut);
}

function suffixCut(text: string, pattern: string, longest: boolean): string {
  const cuts = Array.from({ length: text.length + 1 }, (_, index) => (longest ? index : text.length - index));
  const glob = globOf(pattern, '', '^$');
  const cut = cuts.find((at) => glob.test(text.slice(at)));
  return cut === undefined ? text : text.slice(0, cut);
}
