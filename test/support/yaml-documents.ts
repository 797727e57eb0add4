/** Writes values as YAML in many of the ways that people do, by chance: indentation, quotes, brackets, comments, anchors, line ends, marks. */

/** A whole number from 0 to `below` - 1. */
export type Chance = (below: number) => number;

export interface WrittenDocument {
  readonly text: string;
  readonly value: unknown;
}

/** Always the same numbers for the same seed (mulberry32). */
export function seeded(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const WORDS = [
  'web',
  'nginx:1.27',
  '/var/run',
  'a b',
  '80',
  'true',
  'x: y',
  '#no',
  "it's",
  'say "so"',
  'ALL',
  '1.5',
  '',
  'é',
  '- a',
  '{x}',
  'a,b',
  'null',
  '10001',
  '~',
  'a\\b',
];
const KEYS = [
  'name',
  'image',
  'spec',
  'app.kubernetes.io/name',
  'runAsUser',
  'a b',
  'y',
  '8080',
  'ports',
  'env',
  'labels',
  'x-y_z',
  'data',
  'it"s',
];

/** Any value; the outermost is a mapping with something in it. */
export function anyValue(chance: Chance, depth = 0): unknown {
  const kind = depth === 0 ? 9 : chance(depth > 4 ? 6 : 11);
  if (kind < 3) return WORDS[chance(WORDS.length)];
  if (kind === 3) return chance(70000);
  if (kind === 4) return chance(2) === 0;
  if (kind === 5) return chance(3) === 0 ? null : ['line one\nline two\n', 'a\n\nb', 'set -e\nexec "$@" # x\n'][chance(3)];
  const count = chance(4) + (depth === 0 ? 1 : 0);
  if (kind < 8) return Array.from({ length: count }, () => anyValue(chance, depth + 1));
  const out: Record<string, unknown> = {};
  for (let at = 0; at < count; at += 1) out[KEYS[chance(KEYS.length)]!] = anyValue(chance, depth + 1);
  return out;
}

interface Habits {
  readonly step: number;
  readonly dash: number;
  readonly gap: number;
  readonly eol: string;
  readonly json: boolean;
  readonly comments: boolean;
}

/** The value written down by somebody. */
export function writtenBySomebody(chance: Chance, value: unknown): WrittenDocument {
  const habits: Habits = {
    step: [2, 2, 2, 4, 3][chance(5)]!,
    dash: chance(2) * 2,
    gap: [2, 2, 2, 4][chance(4)]!,
    eol: chance(5) === 0 ? '\r\n' : '\n',
    json: chance(6) === 0,
    comments: chance(2) === 0,
  };
  const body = habits.json
    ? `${JSON.stringify(value, undefined, [0, 2, 4, '\t' as unknown as number][chance(3)]).replaceAll('\n', habits.eol)}${habits.eol}`
    : `${block(value, 0, habits, chance).join(habits.eol)}${habits.eol}`;
  const head = habits.json ? '' : ['', '', '---\n', '# first\n', '---\n# first\n\n', '%YAML 1.1\n---\n'][chance(6)]!;
  const tail = habits.json ? '' : ['', '', '', '# last\n', '\n', '...\n', '  # odd\n'][chance(body.includes('|') ? 6 : 7)]!;
  const mark = chance(12) === 0 ? '\ufeff' : '';
  const text = mark + head.replaceAll('\n', habits.eol) + body + tail.replaceAll('\n', habits.eol);
  return { text: chance(6) === 0 ? text.replace(/\r?\n$/, '') : text, value };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFilled = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length > 0;

const quoted = (text: string, chance: Chance): string =>
  chance(2) === 0 && /^[ -~]*$/.test(text) ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);

const NEEDS_QUOTES = /^$|^[\s#&*!|>'"%@`{}[\],-]|[:#]\s|\s#|[,{}[\]]|:$|^(?:y|true|null|~)$|^[\d.]+$/;

const word = (text: string, chance: Chance): string =>
  NEEDS_QUOTES.test(text) || text.includes('\n') || chance(5) === 0
    ? text.includes('\n')
      ? JSON.stringify(text)
      : quoted(text, chance)
    : text;

const scalar = (value: unknown, chance: Chance): string =>
  typeof value === 'string' ? word(value, chance) : value === null ? ['null', '~', 'null'][chance(3)]! : String(value);

function flow(value: unknown, chance: Chance, pad: string): string {
  if (Array.isArray(value)) return `[${value.map((item) => flow(item, chance, pad)).join(', ')}]`;
  if (!isObject(value)) return scalar(value, chance);
  const pairs = Object.entries(value).map(([key, item]) => `${word(key, chance)}: ${flow(item, chance, pad)}`);
  return pairs.length === 0 ? '{}' : `{${pad}${pairs.join(', ')}${pad}}`;
}

let serial = 0;
function comment(habits: Habits, chance: Chance): string {
  if (!habits.comments || chance(5) > 0) return '';
  serial = (serial + 1) % 1000;
  return `  # c${serial}`;
}

/** Behind `key:` or `-`: on the line, and below it. */
function behind(
  value: unknown,
  column: number,
  below: number,
  habits: Habits,
  chance: Chance,
): readonly [string, readonly string[]] {
  if (typeof value === 'string' && /^\S[\s\S]*\S\n?$/.test(value) && value.includes('\n') && chance(3) > 0) {
    const lines = value.replace(/\n$/, '').split('\n');
    return [value.endsWith('\n') ? ' |' : ' |-', lines.map((line) => (line === '' ? '' : ' '.repeat(column) + line))];
  }
  if (!isFilled(value)) {
    const text = value === null && chance(2) === 0 ? '' : ` ${flow(value, chance, '')}`;
    return [text + comment(habits, chance), []];
  }
  if (chance(8) === 0) return [` ${flow(value, chance, chance(2) === 0 ? ' ' : '')}${comment(habits, chance)}`, []];
  return [comment(habits, chance), block(value, below, habits, chance)];
}

function around(lines: readonly string[], column: number, habits: Habits, chance: Chance): readonly string[] {
  if (!habits.comments || chance(8) > 0) return lines;
  serial = (serial + 1) % 1000;
  return [[`${' '.repeat(column)}# above ${serial}`, ''][chance(2)]!, ...lines];
}

function block(value: unknown, column: number, habits: Habits, chance: Chance): readonly string[] {
  const indent = ' '.repeat(column);
  if (Array.isArray(value))
    return value.flatMap((item) => {
      const inner = column + habits.gap;
      const gap = ' '.repeat(habits.gap - 1);
      if (!isFilled(item) || chance(8) === 0) {
        const [text, lines] = behind(item, inner, inner, habits, chance);
        return around([`${indent}-${text}`, ...lines], column, habits, chance);
      }
      const [first = '', ...rest] = block(item, inner, { ...habits, comments: false }, chance);
      return around([`${indent}-${gap}${first.slice(inner)}`, ...rest], column, habits, chance);
    });
  return Object.entries(value as Record<string, unknown>).flatMap(([key, item]) => {
    const below = column + (Array.isArray(item) ? habits.dash : habits.step);
    const [text, lines] = behind(item, column + habits.step, below, habits, chance);
    return around([`${indent}${word(key, chance)}:${text}`, ...lines], column, habits, chance);
  });
}

/** A path to something that is there, and whether it ends in a list. */
export function anyPath(chance: Chance, value: unknown): readonly (string | number)[] {
  const path: (string | number)[] = [];
  let at = value;
  while (isFilled(at) && (path.length === 0 || chance(4) > 0)) {
    const keys = Array.isArray(at) ? [...at.keys()] : Object.keys(at as object);
    const key = keys[chance(keys.length)]!;
    path.push(key);
    at = (at as Record<string | number, unknown>)[key];
  }
  return path;
}
