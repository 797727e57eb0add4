/** Writes values as YAML in the style of a document. */
import { plainValue } from './scalar.ts';
import type { YamlStyle } from './style.ts';

type Mapping = Readonly<Record<string, unknown>>;

const REFERENCE: unique symbol = Symbol('reference');

/** Stands for `*name`, as the value of a merge key. */
export const reference = (name: string): unknown => ({ [REFERENCE]: name });
const referred = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null ? (value as { readonly [REFERENCE]?: string })[REFERENCE] : undefined;

export const isPlainObject = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && referred(value) === undefined;

/** Neither a mapping nor a list with something in it. */
export const isSimple = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isPlainObject(value) ? Object.keys(value).length === 0 : true;

/** How the words of a place are written. */
export interface WordStyle {
  readonly quote: '"' | "'";
  /** Quotes even where none are needed. */
  readonly always?: boolean;
  /** Inside brackets more characters have a meaning. */
  readonly flow?: boolean;
}

/** What readers of YAML 1.1 or 1.2 may take for a number, a date or a time (yaml.org/type). */
const NUMBERLIKE =
  /^[-+]?(?:[.\d][\d_]*(?:[.,:][\d_.:]*)?(?:[eE][-+]?\d*)?|0[xob][\da-fA-F_]*|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$|^\d{4}-\d/;
const WORDS = /^(?:~|null|true|false|yes|no|on|off|y|n|=|<<|-|\?)$/i;

/** Can stand without quotes, and means itself to every reader. */
function isPlainWord(text: string, flow: boolean): boolean {
  if (text === '' || WORDS.test(text) || NUMBERLIKE.test(text) || plainValue(text) !== text) return false;
  if (/^[\s,[\]{}#&*!|>'"%@`]|^[-?:](?:\s|$)|^(?:---|\.\.\.)|\s$|:(?:\s|$)|\s#/.test(text)) return false;
  if (/[^\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\t\x85\u2028\u2029]/.test(text)) return false;
  return !flow || !/[,[\]{}]|^[-?:]|:$/.test(text);
}

/** A scalar on one line. */
export function scalarText(value: unknown, { quote, always = false, flow = false }: WordStyle): string {
  const name = referred(value);
  if (name !== undefined) return `*${name}`;
  if (typeof value !== 'string') return JSON.stringify(value ?? null);
  if (!always && isPlainWord(value, flow)) return value;
  // Single quotes know no escapes.
  if (quote === "'" && /^[\x20-\x7e\xa0-\ud7ff]*$/.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A key; quoted like its neighbours when all of them are. */
const keyText = (key: string, value: unknown, words: WordStyle): string =>
  key === '<<' && referred(value) !== undefined ? key : key.length > 1000 ? JSON.stringify(key) : scalarText(key, words);

/** Between brackets, on one line. */
export interface FlowStyle extends WordStyle {
  /** Behind commas. */
  readonly comma: string;
  /** Behind colons: without a blank only quoted keys are keys. */
  readonly colon: string;
  /** Inside braces. */
  readonly pad: string;
  readonly keys: WordStyle;
}

export function flowText(value: unknown, style: FlowStyle): string {
  if (Array.isArray(value)) return `[${value.map((item) => flowText(item, style)).join(`,${style.comma}`)}]`;
  if (!isPlainObject(value)) return scalarText(value, style);
  const pairs = Object.entries(value).map(([key, item]) => flowKey(key, item, style) + flowText(item, style));
  return pairs.length === 0 ? '{}' : `{${style.pad}${pairs.join(`,${style.comma}`)}${style.pad}}`;
}

/** A key with its colon, for a value between brackets. */
export const flowKey = (key: string, value: unknown, style: FlowStyle): string =>
  `${keyText(key, value, style.keys)}:${style.colon}`;

/** Between brackets, one entry a line, as JSON is printed. `indent` is that of the closing bracket. */
export function flowLines(
  value: unknown,
  style: FlowStyle,
  indent: number,
  step: number,
  eol: string,
  blank: ' ' | '\t' = ' ',
): string {
  if (isSimple(value)) return flowText(value, style);
  const inner = blank.repeat(indent + step);
  const nested = (item: unknown): string => flowLines(item, style, indent + step, step, eol, blank);
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map(nested)]
    : ['{', '}', Object.entries(value as Mapping).map(([key, item]) => flowKey(key, item, style) + nested(item))];
  return `${open}${eol}${parts.map((part) => inner + part).join(`,${eol}`)}${eol}${blank.repeat(indent)}${close}`;
}

const inFlow = (style: YamlStyle): FlowStyle => ({
  quote: style.quote,
  always: style.quotesInFlow,
  flow: true,
  comma: ' ',
  colon: ' ',
  pad: '',
  keys: { quote: style.quote, flow: true },
});

/** The lines of a mapping or list with something in it, each with its indentation and without its end. */
export function blockLines(value: unknown, column: number, style: YamlStyle): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => itemLines(item, column, style));
  return Object.entries(value as Mapping).flatMap(([key, item]) => entryLines(key, item, column, style));
}

/** `key: value`. */
export function entryLines(
  key: string,
  value: unknown,
  column: number,
  style: YamlStyle,
  keys: WordStyle = { quote: style.quote },
): readonly string[] {
  const head = `${' '.repeat(column)}${keyText(key, value, keys)}:`;
  if (isSimple(value)) {
    const literal = typeof value === 'string' ? literalLines(value, column + style.step, style) : undefined;
    if (literal !== undefined) return [`${head} ${literal[0]}`, ...literal.slice(1)];
    return [`${head} ${simpleText(value, style)}`];
  }
  if (Array.isArray(value)) {
    if (style.flowLists && value.every((item) => !isPlainObject(item) && !Array.isArray(item)))
      return [`${head} ${flowText(value, inFlow(style))}`];
    return [head, ...blockLines(value, column + style.dash, style)];
  }
  return [head, ...blockLines(value, column + style.step, style)];
}

/** `- value`. */
export function itemLines(
  value: unknown,
  column: number,
  style: YamlStyle,
  words: WordStyle = { quote: style.quote },
): readonly string[] {
  const dash = `${' '.repeat(column)}-`;
  if (isSimple(value)) {
    const literal = typeof value === 'string' ? literalLines(value, column + style.gap, style) : undefined;
    if (literal !== undefined) return [`${dash} ${literal[0]}`, ...literal.slice(1)];
    return [`${dash} ${typeof value === 'string' ? scalarText(value, words) : simpleText(value, style)}`];
  }
  const inner = column + style.gap;
  const [first = '', ...rest] = blockLines(value, inner, style);
  return [`${dash}${' '.repeat(style.gap - 1)}${first.slice(inner)}`, ...rest];
}

const simpleText = (value: unknown, style: YamlStyle): string =>
  Array.isArray(value) ? '[]' : isPlainObject(value) ? '{}' : scalarText(value, { quote: style.quote });

/** A text of several lines behind `|`, indented to the column; undefined when only quotes can hold it. */
export function literalLines(value: string, column: number, { literals }: YamlStyle): readonly string[] | undefined {
  if (
    !literals ||
    !value.includes('\n') ||
    /[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(value) ||
    /^[\s]|^\s*$|[ \t]\n*$/.test(value)
  )
    return undefined;
  const body = value.replace(/\n+$/, '');
  const ends = value.length - body.length;
  const lines = body.split('\n').map((line) => (line === '' ? '' : ' '.repeat(column) + line));
  return [ends === 0 ? '|-' : ends === 1 ? '|' : '|+', ...lines, ...Array<string>(Math.max(0, ends - 1)).fill('')];
}
