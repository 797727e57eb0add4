/** `$NAME`, `${NAME:-default}` and `$$` in the text of a compose file, as compose-go's template package reads them. */

export type Lookup = (name: string) => string | undefined;

export interface Substituted {
  readonly text: string;
  /** Variables without a value that no default stands in for. */
  readonly unset: readonly string[];
  /** `${NAME:?words}` without a value: compose stops there. */
  readonly missing?: { readonly name: string; readonly words: string };
  /** A `$` that begins nothing. */
  readonly invalid?: true;
}

/** Behind a `$`: another one, a name, or a brace with a name and how it is meant. */
const BEGIN =
  /\$(?:(?<escaped>\$)|(?<named>[_a-z][_a-z0-9]*)|\{(?<braced>[_a-z][_a-z0-9]*)(?:\}|(?<operator>:?[-+?]))|(?<open>\{))/iy;
const DEEPEST = 30;

export function substitute(template: string, lookup: Lookup, depth = 0): Substituted {
  if (!template.includes('$')) return { text: template, unset: [] };
  const unset: string[] = [];
  let missing: Substituted['missing'];
  let invalid = depth > DEEPEST;
  /** Of a default. */
  const inner = (text: string): string => {
    if (invalid) return '';
    const made = substitute(text, lookup, depth + 1);
    unset.push(...made.unset);
    missing ??= made.missing;
    invalid ||= made.invalid === true;
    return made.text;
  };
  const value = (name: string): string => {
    const found = lookup(name);
    if (found === undefined) unset.push(name);
    return found ?? '';
  };
  /** With a colon an empty value counts as none. */
  const withOperator = (name: string, operator: string, words: string): string => {
    const found = lookup(name);
    const there = found !== undefined && (operator.length === 1 || found !== '');
    switch (operator.at(-1)) {
      case '-':
        return there ? found : inner(words);
      case '+':
        return there ? inner(words) : (found ?? '');
      default:
        if (!there) missing ??= { name, words: inner(words) };
        return found ?? '';
    }
  };
  let text = '';
  let at = 0;
  while (!invalid) {
    const dollar = template.indexOf('$', at);
    if (dollar < 0) break;
    text += template.slice(at, dollar);
    BEGIN.lastIndex = dollar;
    const match = BEGIN.exec(template);
    const { escaped, named, braced, operator, open } = match?.groups ?? {};
    at = dollar + (match === null ? 1 : match[0].length);
    if (match === null || escaped !== undefined) text += '$';
    else if (named !== undefined) text += value(named);
    else if (open !== undefined || braced === undefined) invalid = true;
    else if (operator === undefined) text += value(braced);
    else {
      const end = endOf(template, dollar, at);
      if (end < 0) invalid = true;
      else {
        text += withOperator(braced, operator, template.slice(at, end));
        at = end + 1;
      }
    }
  }
  text += template.slice(at);
  return { text, unset, ...(missing === undefined ? {} : { missing }), ...(invalid ? { invalid: true as const } : {}) };
}

/** The brace that ends a default: its own, else the last one of the line, beyond which no default goes (template.go: `.*` and a brace). */
function endOf(template: string, dollar: number, from: number): number {
  const newline = template.indexOf('\n', from);
  const last = template.lastIndexOf('}', newline < 0 ? template.length : newline);
  if (last < from) return -1;
  const own = closingBrace(template, dollar, last);
  return own < 0 ? last : own;
}

/** The brace that closes the first one, up to an offset; -1 when none does. */
function closingBrace(text: string, from: number, to: number): number {
  let open = 0;
  for (let at = from; at <= to; at += 1) {
    if (text[at] === '{') {
      open += 1;
      // The character behind an opening brace is not looked at (template.go getFirstBraceClosingIndex).
      at += 1;
    } else if (text[at] === '}') {
      open -= 1;
      if (open === 0) return at;
    }
  }
  return -1;
}
