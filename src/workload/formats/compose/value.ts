/** What a compose file says, as values that know where they were written: made of YAML, read through aliases and merge keys. Never changed. */
import { problemAt, type SourceFile, spanAt } from '../../../text/source-file.ts';
import type { Span, TextProblem } from '../../../text/span.ts';
import { isMerge, keyText, resolved, type YamlMap, type YamlNode, type YamlScalar } from '../../../text/yaml/node.ts';

/** Where a value stands, and the folder that relative paths in it start from. */
export interface Place {
  readonly source: SourceFile;
  readonly start: number;
  readonly end: number;
  readonly dir: string;
}

export interface ScalarValue {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly at: Place;
  /** Variables in it that have no value here: what it will be is not known. */
  readonly unset?: readonly string[];
}

export interface MapValue {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Value>;
  readonly at: Place;
}

export interface ListValue {
  readonly kind: 'list';
  readonly items: readonly Value[];
  readonly at: Place;
}

export type Value = ScalarValue | MapValue | ListValue;
/** From the document down: `services`, `web`, `ports`; items of lists are `[]`. */
export type ValuePath = readonly string[];

export interface ComposeDocument {
  readonly value: Value;
  /** Where `!reset` or `!override` stands: what earlier files say there is forgotten. */
  readonly forgotten: readonly ValuePath[];
  readonly problems: readonly TextProblem[];
}

/** compose-go's own bound (loader/reset.go); with it ten lines of aliases cannot become ten million. */
const MOST_NODES = 100_000;
const MOST_PROBLEMS = 50;
const TOO_MANY = Symbol('too many nodes');

/** A document's tree as values. */
export function composeDocument(source: SourceFile, root: YamlNode, dir: string): ComposeDocument {
  const problems: TextProblem[] = [];
  const forgotten: ValuePath[] = [];
  let left = MOST_NODES;
  const place = ({ start, end }: { readonly start: number; readonly end: number }): Place => ({ source, start, end, dir });
  const tell = (at: number, message: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(problemAt(source, at, message));
  };

  const convert = (written: YamlNode, path: ValuePath): Value | undefined => {
    left -= 1;
    if (left < 0) throw TOO_MANY;
    const node = resolved(written);
    if (node.tag === '!reset' || node.tag === '!override') forgotten.push(path);
    if (node.tag === '!reset') return undefined;
    // An alias stands where it is used: that is the line that somebody would have to change.
    const at = place(written.kind === 'alias' ? written : node);
    if (node.kind === 'scalar') return { kind: 'scalar', value: plain(source, node), at };
    if (node.kind === 'map') return { kind: 'map', entries: mapping(node, path), at };
    return { kind: 'list', items: node.items.flatMap((item) => convert(item, [...path, '[]']) ?? []), at };
  };
  /** What is written wins over what is merged, wherever `<<` stands; of several merged mappings the first wins (go.yaml.in/yaml/v4). */
  const mapping = (map: YamlMap, path: ValuePath): Map<string, Value> => {
    const out = new Map<string, Value>();
    const lines = new Map<string, number>();
    for (const { key, value } of map.entries) {
      if (isMerge(key)) continue;
      const name = nameOf(source, key);
      if (lines.has(name)) tell(key.start, `mapping key "${name}" is there twice`);
      lines.set(name, key.start);
      const made = convert(value, [...path, name]);
      if (made !== undefined) out.set(name, made);
    }
    for (const { key, value } of map.entries) if (isMerge(key)) merge(out, value, path);
    return out;
  };
  const merge = (out: Map<string, Value>, value: YamlNode, path: ValuePath): void => {
    const from = resolved(value);
    const maps = from.kind === 'list' ? from.items.map(resolved) : [from];
    for (const one of maps) {
      if (one.kind !== 'map') {
        tell(value.start, 'map merge requires map or sequence of maps as the value');
        continue;
      }
      for (const [name, item] of mapping(one, path)) if (!out.has(name)) out.set(name, item);
    }
  };
  try {
    const value = convert(root, []) ?? { kind: 'scalar', value: null, at: place(root) };
    return { value, forgotten, problems };
  } catch (error) {
    if (error !== TOO_MANY && !(error instanceof RangeError)) throw error;
    const message =
      error === TOO_MANY ? `compose file exceeds maximum node visit limit (${MOST_NODES})` : 'it is nested too deeply to be read';
    return {
      value: { kind: 'scalar', value: null, at: place(root) },
      forgotten: [],
      problems: [problemAt(source, root.start, message)],
    };
  }
}

/** YAML 1.2 words only: `yes`, `on` and `n` are text here, unlike in Kubernetes (go.yaml.in/yaml/v4 resolver.go); numbers are the same. */
function plain(source: SourceFile, node: YamlScalar): ScalarValue['value'] {
  if (typeof node.value !== 'boolean' || node.style !== 'plain' || node.tag !== undefined) return node.value;
  const text = source.text.slice(node.start, node.end);
  return /^(?:true|false)$/i.test(text) ? node.value : text;
}

const nameOf = (source: SourceFile, key: YamlScalar): string =>
  typeof key.value === 'boolean' ? source.text.slice(key.start, key.end) : keyText(key);

/** The place as people and editors count it. */
export const spanOf = ({ at }: Value): Span => spanAt(at.source, at.start, at.end);

/** Something about a value. */
export const problemOf = ({ at }: Value, message: string, severity: TextProblem['severity'] = 'warning'): TextProblem =>
  problemAt(at.source, at.start, message, severity);

/** The value under a key; undefined when there is none, or no mapping. */
export const childOf = (value: Value | undefined, key: string): Value | undefined =>
  value?.kind === 'map' ? value.entries.get(key) : undefined;

/** Written, and not null: null is compose's way to say nothing. */
export function writtenChild(value: Value | undefined, key: string): Value | undefined {
  const child = childOf(value, key);
  return child === undefined || (child.kind === 'scalar' && child.value === null) ? undefined : child;
}

/** A scalar as text; numbers as Go's %v prints them. */
export function textOf(value: Value | undefined): string | undefined {
  if (value?.kind !== 'scalar' || value.value === null) return undefined;
  const { value: plainValue } = value;
  if (typeof plainValue !== 'number') return String(plainValue);
  if (Number.isInteger(plainValue) || Math.abs(plainValue) >= 1e-4) return String(plainValue).replace(/e\+?(-?)(\d)$/, 'e$10$2');
  return plainValue.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/** `true`, and the words that compose takes for it (loader/interpolate.go toBoolean). */
export function booleanOf(value: Value | undefined): boolean | undefined {
  if (value?.kind !== 'scalar') return undefined;
  if (typeof value.value === 'boolean') return value.value;
  const word = String(value.value).toLowerCase();
  if (/^(?:true|y|yes|on)$/.test(word)) return true;
  return /^(?:false|n|no|off)$/.test(word) ? false : undefined;
}
