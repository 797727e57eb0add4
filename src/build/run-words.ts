/** Words of a RUN line as text, where that can be known without running it. */
import type { Word, WordPart } from 'unbash';

/** Values; null = somebody set it to something that nobody here knows. What is not there is empty. */
export type Variables = Map<string, string | null>;

const LONGEST = 8192;

/** The text of a word, braces left as they are; undefined = unknown. */
export function wordText(word: Word, variables: Variables): string | undefined {
  return word.parts === undefined ? word.value : joined(word.parts, variables);
}

function joined(parts: readonly WordPart[], variables: Variables): string | undefined {
  let text = '';
  for (const part of parts) {
    const value = partText(part, variables);
    if (value === undefined) return undefined;
    text += value;
    if (text.length > LONGEST) return undefined;
  }
  return text;
}

function partText(part: WordPart, variables: Variables): string | undefined {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return part.value;
    case 'Glob':
    case 'BraceExpansion':
      return part.text;
    case 'DoubleQuoted':
    case 'LocaleString':
      return joined(part.parts, variables);
    case 'SimpleExpansion':
      return variable(part.text.slice(1), variables);
    case 'ParameterExpansion': {
      if (part.prefix !== undefined || part.index !== undefined) return undefined;
      const value = variable(part.parameter, variables);
      const { operation } = part;
      if (operation === undefined || value === undefined) return value;
      if (operation.type !== 'Default') return undefined;
      const empty = operation.operator.startsWith(':') ? value === '' : !variables.has(part.parameter);
      if (operation.operator.endsWith('+')) return empty ? '' : wordText(operation.operand, variables);
      return empty ? wordText(operation.operand, variables) : value;
    }
    default:
      return undefined;
  }
}

function variable(name: string, variables: Variables): string | undefined {
  if (!/^\w+$/.test(name) || /^\d/.test(name)) return undefined;
  const value = variables.get(name);
  return value === null ? undefined : (value ?? '');
}

/** `a{b,c}d` → `abd`, `acd`, as bash does; undefined = more than anybody writes. A plain sh leaves it as it is. */
export function braces(text: string): readonly string[] | undefined {
  if ((text.match(/\{/g) ?? []).length > 4) return undefined;
  const open = text.search(/\{[^{}]*,[^{}]*\}/);
  if (open < 0) return [text];
  const close = text.indexOf('}', open);
  const out = text
    .slice(open + 1, close)
    .split(',')
    .flatMap((middle) => braces(text.slice(0, open) + middle + text.slice(close + 1)) ?? []);
  return out.length > 200 ? undefined : out;
}
