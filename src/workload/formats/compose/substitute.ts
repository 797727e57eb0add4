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

/** What may follow a `$`; the default of a braced one runs to the last brace of the line, and is cut at its own brace afterwards. */
const REFERENCE =
  /\$(?:(?<escaped>\$)|(?<named>[_a-z][_a-z0-9]*)|\{(?:(?<braced>[_a-z][_a-z0-9]*)(?:(?<operator>:?[-+?])(?<words>.*))?\}|))/gi;
const DEEPEST = 30;

export function substitute(template: string, lookup: Lookup, depth = 0): Substituted {
  if (!template.includes('$')) return { text: template, unset: [] };
  const unset: string[] = [];
  let missing: Substituted['missing'];
  let invalid = depth > DEEPEST;
  /** Of a default, or of what stands behind a closing brace. */
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
  const text = template.replace(REFERENCE, (...parts) => {
    const whole = parts[0] as string;
    const { escaped, named, braced } = parts.at(-1) as Record<string, string | undefined>;
    if (escaped !== undefined) return '$';
    if (named !== undefined) return value(named);
    if (braced === undefined) {
      invalid = true;
      return '';
    }
    const end = closingBrace(whole);
    const own = end < 0 ? whole : whole.slice(0, end + 1);
    const rest = end < 0 ? '' : whole.slice(end + 1);
    const [, name = '', operator, words = ''] = /^\$\{(\w+)(?:(:?[-+?])([\s\S]*))?\}$/.exec(own) ?? [];
    if (name === '') {
      invalid = true;
      return '';
    }
    return (operator === undefined ? value(name) : withOperator(name, operator, words)) + (rest === '' ? '' : inner(rest));
  });
  return { text, unset, ...(missing === undefined ? {} : { missing }), ...(invalid ? { invalid: true as const } : {}) };
}

/** The brace that closes the first one; -1 when none does. */
function closingBrace(text: string): number {
  let open = 0;
  for (let at = 0; at < text.length; at += 1) {
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
