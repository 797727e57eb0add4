/**
 * Reads the YAML that nearly every manifest is written in — block mappings and lists, scalars on one line, literal blocks, flow collections
 * (and so JSON) — ten times as fast as a full parser. Whatever is not plainly of that kind makes it give up, and compose.ts reads the document:
 * it must never read anything differently, but for flow collections that go on left of their key, which only the full parser minds. simple.test.ts compares the two.
 */
import type { YamlMap, YamlNode, YamlPair, YamlScalar } from './node.ts';
import { plainValue } from './scalar.ts';

/** Characters that the full parser shall judge: controls, other line ends, marks. Tabs are looked at where they stand. */
const ODD = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ufeff]|\r(?!\n)/;
const MAX_DEPTH = 100;

/** Not ours to read. Thrown once a document at most, caught here. */
class GiveUp extends Error {}
const GIVE_UP: GiveUp = new GiveUp('not simple');

/** The document, or undefined when it is not simple. */
export function simpleDocument(text: string, start: number, end: number): YamlNode | undefined {
  const odd = ODD.exec(start === 0 && end === text.length ? text : text.slice(start, end));
  if (odd !== null) return undefined;
  try {
    return new Reader(text, start, end).document();
  } catch (error) {
    if (error === GIVE_UP) return undefined;
    throw error;
  }
}

const NEWLINE = 10;
const SPACE = 32;
const TAB = 9;
const HASH = 35;
const DASH = 45;
const COLON = 58;
const DOUBLE = 34;
const SINGLE = 39;

/** A cursor over the lines: `at` is the first character of the current line's content, `indent` its column. */
class Reader {
  private readonly text: string;
  private readonly end: number;
  private at: number;
  private indent = 0;
  private depth = 0;

  constructor(text: string, start: number, end: number) {
    this.text = text;
    this.end = end;
    this.at = start;
  }

  document(): YamlNode {
    // Behind `---` the rest of that line is blank or a comment here; anything else is for the full parser.
    const first = this.text.charCodeAt(this.at);
    const behindMarker = this.at >= 3 && this.text.startsWith('---', this.at - 3) && first !== NEWLINE && first !== 13;
    if (behindMarker) this.restOfLine();
    else this.nextLine(this.at);
    const code = this.text.charCodeAt(this.at);
    const root = code === 123 || code === 91 ? this.topFlow() : this.block(this.indent);
    if (this.at < this.end) throw GIVE_UP;
    return root;
  }

  private topFlow(): YamlNode {
    const root = this.flow();
    this.restOfLine();
    return root;
  }

  /** Goes to the next line that has content, from the beginning of a line. */
  private nextLine(from: number): void {
    const { text, end } = this;
    let line = from;
    while (line < end) {
      let at = line;
      while (text.charCodeAt(at) === SPACE && at < end) at += 1;
      const code = text.charCodeAt(at);
      if (at >= end) break;
      if (code === TAB) throw GIVE_UP;
      if (code === HASH || code === NEWLINE || code === 13) {
        const next = text.indexOf('\n', at);
        if (next < 0 || next >= end) break;
        line = next + 1;
        continue;
      }
      // `...` ends a document, `%` begins a directive.
      if (at === line && (code === 46 || code === 37)) throw GIVE_UP;
      this.at = at;
      this.indent = at - line;
      return;
    }
    this.at = end;
    this.indent = -1;
  }

  /** The rest of the line must be blank or a comment; then the next line with content. */
  private restOfLine(): void {
    const { text, end } = this;
    const begin = this.at;
    let at = begin;
    while (at < end && text.charCodeAt(at) === SPACE) at += 1;
    const code = at >= end ? NEWLINE : text.charCodeAt(at);
    if (code !== NEWLINE && code !== 13 && (code !== HASH || at === begin)) throw GIVE_UP;
    const next = at >= end ? -1 : text.indexOf('\n', at);
    this.nextLine(next < 0 || next >= end ? end : next + 1);
  }

  /** A mapping or list whose entries stand in this column; a lone scalar is for the full parser. */
  private block(column: number): YamlNode {
    this.depth += 1;
    if (this.depth > MAX_DEPTH || this.at >= this.end) throw GIVE_UP;
    const made = this.isDash(this.at) ? this.list(column) : this.map(column);
    this.depth -= 1;
    return made;
  }

  private isDash(at: number): boolean {
    if (this.text.charCodeAt(at) !== DASH) return false;
    const next = this.text.charCodeAt(at + 1);
    return at + 1 >= this.end || next === SPACE || next === NEWLINE || next === 13;
  }

  private list(column: number): YamlNode {
    const start = this.at;
    const items: YamlNode[] = [];
    let last = start;
    while (this.at < this.end && this.indent === column && this.isDash(this.at)) {
      const dash = this.at;
      let at = dash + 1;
      while (at < this.end && this.text.charCodeAt(at) === SPACE) at += 1;
      const code = at >= this.end ? NEWLINE : this.text.charCodeAt(at);
      let item: YamlNode;
      if (code === NEWLINE || code === 13 || code === HASH) {
        this.at = dash + 1;
        this.restOfLine();
        item = this.indent > column ? this.block(this.indent) : nothing(dash + 1);
      } else if (this.isDash(at) || this.keyEnd(at) >= 0) {
        // A mapping or list that begins behind the dash: its column is where it stands.
        this.at = at;
        this.indent = column + (at - dash);
        item = this.block(this.indent);
      } else {
        this.at = at;
        item = this.value(column);
      }
      items.push(item);
      last = item.end;
    }
    if (this.at < this.end && this.indent > column) throw GIVE_UP;
    return { kind: 'list', items, start, end: last };
  }

  private map(column: number): YamlMap {
    const { text } = this;
    const start = this.at;
    const entries: YamlPair[] = [];
    let last = start;
    while (this.at < this.end && this.indent === column) {
      const colon = this.keyEnd(this.at);
      if (colon < 0) throw GIVE_UP;
      const key = this.key(colon);
      this.at = colon + 1;
      let at = colon + 1;
      while (at < this.end && text.charCodeAt(at) === SPACE) at += 1;
      const code = at >= this.end ? NEWLINE : text.charCodeAt(at);
      let value: YamlNode;
      if (code === NEWLINE || code === 13 || code === HASH) {
        this.restOfLine();
        const nested = this.indent > column || (this.indent === column && this.at < this.end && this.isDash(this.at));
        value = nested ? this.block(this.indent) : nothing(colon + 1);
      } else {
        this.at = at;
        value = this.value(column);
      }
      entries.push({ key, value });
      last = value.end;
    }
    if (this.at < this.end && this.indent > column) throw GIVE_UP;
    return { kind: 'map', entries, start, end: last };
  }

  /** Offset of the colon behind a key that begins here; -1 when there is none. */
  private keyEnd(from: number): number {
    const { text, end } = this;
    const first = text.charCodeAt(from);
    let at = from;
    if (first === DOUBLE || first === SINGLE) {
      at = this.quoteEnd(from) + 1;
      // Blanks between a quoted key and its colon are allowed, and rare.
      if (text.charCodeAt(at) === COLON && blankAt(text, at + 1, end)) return at;
      return -1;
    }
    if (!isPlainStart(text, from, end)) return -1;
    for (; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE || code === 13) return -1;
      if (code === COLON && blankAt(text, at + 1, end)) return at;
      if (code === HASH && text.charCodeAt(at - 1) === SPACE) return -1;
      if (code === TAB) throw GIVE_UP;
    }
    return -1;
  }

  private key(colon: number): YamlScalar {
    const { text, at: start } = this;
    const first = text.charCodeAt(start);
    if (first === DOUBLE || first === SINGLE)
      return { kind: 'scalar', value: this.unquoted(start, colon - 1), style: 'quoted', start, end: colon };
    let end = colon;
    while (text.charCodeAt(end - 1) === SPACE) end -= 1;
    const value = text.slice(start, end);
    // A merge key, or a key that is longer than the specification lets one be.
    if (value === '<<' || end - start > 1000) throw GIVE_UP;
    return { kind: 'scalar', value: plainValue(value), style: 'plain', start, end };
  }

  /** A value on the line of its key or dash; `column` is that of the surrounding block. */
  private value(column: number): YamlNode {
    const { text, at } = this;
    const code = text.charCodeAt(at);
    if (code === 124) return this.literal(column);
    const made = code === 123 || code === 91 ? this.flow() : code === DOUBLE || code === SINGLE ? this.quoted() : this.plain();
    this.restOfLine();
    // A deeper line would go on with the scalar.
    if (this.at < this.end && this.indent > column) throw GIVE_UP;
    return made;
  }

  private plain(): YamlScalar {
    const { text, at: start, end } = this;
    if (!isPlainStart(text, start, end)) throw GIVE_UP;
    let at = start;
    for (; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE || code === 13) break;
      if (code === TAB || (code === COLON && blankAt(text, at + 1, end))) throw GIVE_UP;
      if (code === HASH && text.charCodeAt(at - 1) === SPACE) break;
    }
    while (text.charCodeAt(at - 1) === SPACE) at -= 1;
    this.at = at;
    return { kind: 'scalar', value: plainValue(text.slice(start, at)), style: 'plain', start, end: at };
  }

  private quoted(): YamlScalar {
    const start = this.at;
    const close = this.quoteEnd(start);
    this.at = close + 1;
    return { kind: 'scalar', value: this.unquoted(start, close), style: 'quoted', start, end: close + 1 };
  }

  /** Offset of the closing quote on the same line. */
  private quoteEnd(from: number): number {
    const { text, end } = this;
    const quote = text.charCodeAt(from);
    for (let at = from + 1; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) break;
      if (code === 92 && quote === DOUBLE) at += 1;
      else if (code === quote) {
        if (quote === DOUBLE || text.charCodeAt(at + 1) !== SINGLE) return at;
        at += 1;
      }
    }
    throw GIVE_UP;
  }

  private unquoted(start: number, close: number): string {
    const inner = this.text.slice(start + 1, close);
    if (this.text.charCodeAt(start) === SINGLE) return inner.includes("'") ? inner.replaceAll("''", "'") : inner;
    if (!inner.includes('\\')) return inner;
    // YAML knows all escapes of JSON; its others are left to the full parser.
    if (/\\[^"\\/bfnrtu]|\t/.test(inner) || /\\u(?![\da-fA-F]{4})|\\u[dD][89a-fA-F]/.test(inner)) throw GIVE_UP;
    return JSON.parse(`"${inner}"`) as string;
  }

  /** `|` and `|-` whose indentation is that of the first line. */
  private literal(column: number): YamlScalar {
    const { text, end, at: start } = this;
    const strip = text.charCodeAt(start + 1) === DASH;
    let at = start + (strip ? 2 : 1);
    if (text.charCodeAt(at) === 13) at += 1;
    if (at < end && text.charCodeAt(at) !== NEWLINE) throw GIVE_UP;
    at += 1;
    let indent = -1;
    let value = '';
    let blank = 0;
    let last = at;
    while (at < end) {
      const next = text.indexOf('\n', at);
      const stop = next < 0 || next >= end ? end : next;
      let content = at;
      while (content < stop && text.charCodeAt(content) === SPACE) content += 1;
      const lineEnd = stop > at && text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
      if (content >= lineEnd && (indent < 0 || content - at <= indent)) {
        // A blank line that is deeper than the text to come is an error of its own kind.
        if (indent < 0 && content > at) throw GIVE_UP;
        blank += 1;
      } else {
        if (indent < 0) indent = content - at;
        if (indent <= column || content - at < indent) {
          if (content - at > column) throw GIVE_UP;
          break;
        }
        if (content < lineEnd && text.charCodeAt(content) === TAB && content - at === indent && value === '') throw GIVE_UP;
        value += `${'\n'.repeat(blank)}${text.slice(at + indent, lineEnd)}\n`;
        blank = 0;
        last = stop;
      }
      at = stop + 1;
    }
    if (value === '') throw GIVE_UP;
    this.nextLine(Math.min(at, end));
    // The full parser counts the text to the beginning of the next line.
    return { kind: 'scalar', value: strip ? value.slice(0, -1) : value, style: 'block', start, end: Math.min(last + 1, end) };
  }

  /** `{…}` and `[…]`, over several lines too. Comments inside are left to the full parser. */
  private flow(): YamlNode {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw GIVE_UP;
    const { text } = this;
    const start = this.at;
    const isMap = text.charCodeAt(start) === 123;
    const close = isMap ? 125 : 93;
    const entries: YamlPair[] = [];
    const items: YamlNode[] = [];
    this.at += 1;
    this.flowBlanks();
    while (text.charCodeAt(this.at) !== close) {
      if (this.at >= this.end) throw GIVE_UP;
      const one = this.flowNode();
      this.flowBlanks();
      if (isMap) {
        if (one.kind !== 'scalar' || text.charCodeAt(this.at) !== COLON) throw GIVE_UP;
        if (one.style === 'plain' && (one.value === '<<' || one.value === null)) throw GIVE_UP;
        this.at += 1;
        if (one.style === 'plain' && !blankAt(text, this.at, this.end)) throw GIVE_UP;
        this.flowBlanks();
        entries.push({ key: one, value: this.flowNode() });
        this.flowBlanks();
      } else items.push(one);
      if (text.charCodeAt(this.at) === 44) {
        this.at += 1;
        this.flowBlanks();
      } else if (text.charCodeAt(this.at) !== close) throw GIVE_UP;
    }
    this.at += 1;
    this.depth -= 1;
    return isMap ? { kind: 'map', entries, start, end: this.at } : { kind: 'list', items, start, end: this.at };
  }

  private flowNode(): YamlNode {
    const { text, at: start, end } = this;
    const code = text.charCodeAt(start);
    if (code === 123 || code === 91) return this.flow();
    if (code === DOUBLE || code === SINGLE) return this.quoted();
    if (start >= end || !/[\w./~$(^+-]/.test(text[start]!) || (code === DASH && !/[\w.]/.test(text[start + 1] ?? '')))
      throw GIVE_UP;
    let at = start;
    // Numbers and words; everything with meaning of its own ends it, and the caller sees whether it may.
    while (at < end && /[\w.+/@=*%$~^()-]/.test(text[at]!)) at += 1;
    if (at === start) throw GIVE_UP;
    const next = text.charCodeAt(at);
    if (next === COLON && !blankAt(text, at + 1, end)) throw GIVE_UP;
    if (next !== COLON && next !== 44 && next !== 125 && next !== 93 && next !== NEWLINE && next !== 13 && next !== SPACE)
      throw GIVE_UP;
    this.at = at;
    return { kind: 'scalar', value: plainValue(text.slice(start, at)), style: 'plain', start, end: at };
  }

  private flowBlanks(): void {
    const { text, end } = this;
    let at = this.at;
    for (let code = text.charCodeAt(at); at < end; code = text.charCodeAt(at)) {
      if (code === HASH) throw GIVE_UP;
      if (code !== SPACE && code !== NEWLINE && code !== 13 && code !== TAB) break;
      at += 1;
    }
    this.at = at;
  }
}

const nothing = (offset: number): YamlScalar => ({ kind: 'scalar', value: null, style: 'plain', start: offset, end: offset });

const blankAt = (text: string, at: number, end: number): boolean => {
  const code = text.charCodeAt(at);
  return at >= end || code === SPACE || code === NEWLINE || code === 13;
};

/** Indicators that a plain scalar may not begin with: , [ ] { } # & * ! | > ' " % @ ` and - ? : before a blank. */
const INDICATORS: ReadonlySet<number> = new Set([...',[]{}#&*!|>\'"%@`'].map((char) => char.charCodeAt(0)));

function isPlainStart(text: string, at: number, end: number): boolean {
  const code = text.charCodeAt(at);
  if (INDICATORS.has(code)) return false;
  return !((code === DASH || code === 63 || code === COLON) && blankAt(text, at + 1, end));
}
