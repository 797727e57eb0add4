/** The grammar of upstream's messages: quoting, plurals, and the order of Go's sorted string sets. */

/** `"a", "b"`; what stands inside is not escaped. Source: policy/helpers.go joinQuote. */
export const quoted = (items: readonly string[]): string => (items.length === 0 ? '' : `"${items.join('", "')}"`);

/** The word for one, or for several. */
export const plural = (one: string, several: string, count: number): string => (count === 1 ? one : several);

/** Go compares strings by their UTF-8 bytes, which is the order of code points; JavaScript by UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF and so sort behind the rest of the plane below. */
const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

/** Each once, sorted: what a Go set lists. */
export const sortedSet = (items: Iterable<string>): readonly string[] => [...new Set(items)].sort(compareBytes);

/** `container "a"`, `containers "a", "b"`. */
export const containersWord = (names: readonly string[]): string =>
  `${plural('container', 'containers', names.length)} ${quoted(names)}`;

/** `pod`, `container "a"` or `pod and containers "a", "b"`: who set something. */
export const setters = (pod: boolean, names: readonly string[]): string =>
  [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersWord(names)] : [])].join(' and ');

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** Go's `%q` (strconv.Quote): what cannot be printed becomes an escape. */
export function goQuote(text: string): string {
  const inside = [...text].map((char) => {
    const escaped = ESCAPES[char];
    if (escaped !== undefined) return escaped;
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) return char;
    const code = char.codePointAt(0) as number;
    if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  });
  return `"${inside.join('')}"`;
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');
