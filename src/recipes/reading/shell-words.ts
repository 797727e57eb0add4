/** Words of a shell script as text, where that can be known without running it. */
import type { Word, WordPart } from 'unbash';

/** Variables, `1`, `2` … among them. A name that is there with undefined has been given a value that nobody knows. */
export interface Scope {
  readonly variables: Map<string, string | undefined>;
  positional: readonly string[] | undefined;
  /** The script's own name. */
  readonly zero: string;
  /** What `id -u` says. */
  readonly uid: number;
  readonly userName: string | undefined;
}

/** The fields that a word becomes; undefined = unknown. Only `"$@"`, and `$@`, make several or none. */
export function fields(word: Word, scope: Scope): readonly string[] | undefined {
  if (/^"?\$(?:@|\{@\})"?$/.test(word.text)) return scope.positional;
  const text = wordText(word, scope);
  return text === undefined ? undefined : [text];
}

export function wordText(word: Word, scope: Scope): string | undefined {
  if (word.parts === undefined) return word.value;
  return joined(word.parts, scope);
}

function joined(parts: readonly WordPart[], scope: Scope): string | undefined {
  let text = '';
  for (const part of parts) {
    const value = partValue(part, scope);
    if (value === undefined) return undefined;
    text += value;
    if (text.length > 4096) return undefined;
  }
  return text;
}

function partValue(part: WordPart, scope: Scope): string | undefined {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
    case 'Glob':
      return part.value;
    case 'DoubleQuoted':
    case 'LocaleString':
      return joined(part.parts, scope);
    case 'SimpleExpansion':
      return parameter(part.text.slice(1), scope);
    case 'ParameterExpansion': {
      if (part.prefix !== undefined || part.index !== undefined) return undefined;
      const known = scope.variables.has(part.parameter) || /^[0-9@*#]$/.test(part.parameter);
      const value = parameter(part.parameter, scope);
      const { operation } = part;
      if (operation === undefined) return value;
      if (operation.type !== 'Default' || (known && value === undefined)) return undefined;
      const empty = value === undefined || (operation.operator.startsWith(':') && value === '');
      if (operation.operator.endsWith('+')) return empty ? '' : wordText(operation.operand, scope);
      return empty ? wordText(operation.operand, scope) : value;
    }
    case 'CommandExpansion':
      return commandValue(part.text, scope);
    default:
      return undefined;
  }
}

/** The few commands whose answer the launch tells. */
function commandValue(text: string, { uid, userName }: Scope): string | undefined {
  const line = text.replace(/^\$\(\s*|\s*\)$|^`|`$/g, '').trim();
  if (/^id +-u$/.test(line)) return String(uid);
  if (/^(?:whoami|id +-un)$/.test(line)) return userName;
  return undefined;
}

function parameter(name: string, scope: Scope): string | undefined {
  if (name === '0') return scope.zero;
  if (/^[1-9]$/.test(name)) return scope.positional?.[Number(name) - 1] ?? (scope.positional ? '' : undefined);
  if (name === '#') return scope.positional === undefined ? undefined : String(scope.positional.length);
  if (name === '@' || name === '*') return scope.positional?.join(' ');
  if (name === 'EUID' || name === 'UID') return String(scope.uid);
  // A variable that nothing has set is empty.
  return scope.variables.has(name) ? scope.variables.get(name) : /^\w+$/.test(name) ? '' : undefined;
}

/** Whether the words of a condition ask who the process is. */
export const asksWho = (text: string): boolean => /\bid +-un?\b|\bwhoami\b|\bE?UID\b/.test(text);
