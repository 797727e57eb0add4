/**
 * Changes values in YAML and JSON and leaves everything else as it was written: comments, order, quotes, indentation, anchors, line ends. Every
 * change is read back: it is made only when the document then says what was asked for, and nothing else differs.
 */
import { type Changing, changed, type LocalEdit, trimmed, unchanged } from '../compose-edits.ts';
import type { TextEdit } from '../edit.ts';
import { problemAt, type SourceFile } from '../source-file.ts';
import type { TextProblem } from '../span.ts';
import { composeDocument } from './compose.ts';
import { coreWords, type YamlWords } from './core-words.ts';
import { isPlainObject, isSimple } from './dump.ts';
import type { YamlNode } from './node.ts';
import { type OneChange, waysTo } from './one-change.ts';
import { type Path, pathText } from './path.ts';
import { sharedDifferences } from './shared-text.ts';
import { simpleDocument } from './simple.ts';
import { type DocumentPart, splitDocuments } from './split.ts';
import { yamlValue } from './value.ts';
import { sameValue, valueAt, withValue } from './value-change.ts';

export interface YamlChange {
  /**
   * `set`: this value at the path; what is missing on the way is made, and of a mapping or list only what differs is written anew.
   * `remove`: no entry there. `insert`: one more item of a list, before the one whose number ends the path.
   */
  readonly op: 'set' | 'remove' | 'insert';
  /** JSON values; undefined for `remove`. */
  readonly value?: unknown;
  /** Begins at `from`. */
  readonly path: Path;
  /** The root of a document of the file, or a node in it; absent = the root of the first document. */
  readonly from?: YamlNode;
  /** A key that is new is put before the first of these, else behind the last. */
  readonly before?: readonly string[];
  /** Of `set`: where the same value does no harm, if it comes there by text that is shared. Begin at `from`. */
  readonly also?: readonly Path[];
}

export interface ChangedYaml {
  /** In the order of the text, apart from each other. None when everything is as wanted already. */
  readonly edits: readonly TextEdit[];
  /** About changes that were not made. */
  readonly problems: readonly TextProblem[];
}

/** Makes the changes one after the other: each sees those before it. One that cannot be made leaves the others standing. */
export function changeYaml(file: SourceFile, changes: readonly YamlChange[], words: YamlWords = '1.1'): ChangedYaml {
  const edits: TextEdit[] = [];
  const problems: TextProblem[] = [];
  const parts = splitDocuments(file.text);
  const of = new Map<DocumentPart, YamlChange[]>();
  for (const change of changes) {
    const at = change.from?.start;
    const part = at === undefined ? parts[0] : parts.find(({ start, end }) => start <= at && at <= end);
    if (part === undefined) problems.push(problemAt(file, at ?? 0, 'there is no document to change'));
    else of.set(part, [...(of.get(part) ?? []), change]);
  }
  for (const part of parts) {
    const made = changeDocument(file, part, of.get(part) ?? [], words);
    for (const edit of made.edits) edits.push({ file: file.path, ...edit });
    for (const problem of made.problems) problems.push(problem);
  }
  return { edits, problems };
}

interface State {
  readonly text: Changing;
  readonly root: YamlNode;
  /** What the text says. */
  readonly value: unknown;
  /** What it shall say: anchored text that others share may differ from it until the last change is made. */
  readonly wanted: unknown;
  readonly shared: readonly Path[];
  /** What it shall say in the end: text that others share may bring them now what is asked for them later. */
  readonly later?: unknown;
}

function changeDocument(
  file: SourceFile,
  part: DocumentPart,
  changes: readonly YamlChange[],
  words: YamlWords,
): { readonly edits: readonly LocalEdit[]; readonly problems: readonly TextProblem[] } {
  if (changes.length === 0) return { edits: [], problems: [] };
  // With the `---` before it, by which the reader knows where the line begins.
  const base = file.text.startsWith('---', part.start - 3) && part.start >= 3 ? part.start - 3 : 0;
  const begin = part.start - base;
  const text = file.text.slice(base, part.end);
  const first = read(text, begin, words);
  if ('fault' in first) return { edits: [], problems: [problemAt(file, base + first.fault.offset, first.fault.message)] };
  const problems: TextProblem[] = [];
  const parts: Part[] = [];
  for (const { op, path, value, from, before, also } of changes) {
    const prefix = from === undefined ? [] : pathTo(first.root, from, base);
    if (prefix === undefined) {
      problems.push(problemAt(file, from?.start ?? 0, 'this is no part of the document'));
      continue;
    }
    const rest = {
      ...(before === undefined ? {} : { before }),
      ...(also === undefined ? {} : { also: also.map((one) => [...prefix, ...one]) }),
    };
    parts.push({ change: { op, path: [...prefix, ...path], ...rest }, put: value });
  }
  const begun: State = { text: unchanged(text), ...first, wanted: first.value, shared: [] };
  // What is asked for all who share a text is written once; where that does not come out, for each.
  const together = makeAll({ ...begun, later: allOf(first.value, parts) }, { begin, words }, parts);
  const made = together.faults.length === 0 ? together : makeAll(begun, { begin, words }, parts);
  for (const { message, offset } of made.faults) problems.push(problemAt(file, base + offset, `cannot change this: ${message}`));
  const edits = trimmed(text, made.edits).map((edit) => ({ ...edit, start: edit.start + base, end: edit.end + base }));
  return { edits, problems };
}

/** The value when all changes are made; those that have no place are left out. */
const allOf = (value: unknown, parts: readonly Part[]): unknown =>
  parts.reduce((now, { change: { op, path }, put }) => {
    const next = withValue(now, path, op, put);
    return next === undefined ? now : next.value;
  }, value);

interface All {
  readonly edits: readonly LocalEdit[];
  /** Offsets are those of the text before. */
  readonly faults: readonly { readonly message: string; readonly offset: number }[];
}

function makeAll(begun: State, reading: Reading, parts: readonly Part[]): All {
  let state = begun;
  let faults: { readonly message: string; readonly offset: number }[] = [];
  const attempt = ({ change, put }: Part): boolean => {
    const made = make(state, reading, change, put);
    if (!('fault' in made)) state = made;
    else faults.push({ message: made.fault, offset: asOriginal(state.text, made.offset) });
    return !('fault' in made);
  };
  let left = parts.filter((part) => !attempt(part));
  // What others share can be changed once they have their own.
  for (let before = parts.length; left.length > 0 && left.length < before; ) {
    before = left.length;
    faults = [];
    left = left.filter((part) => !attempt(part));
  }
  // Others that share the text and shall not change get their own.
  for (const path of state.shared) attempt({ change: { op: 'set', path }, put: valueAt(state.wanted, path) });
  if (sameValue(state.value, state.wanted)) return { edits: state.text.edits, faults };
  const message = 'its anchors share text that must not change for all';
  return { edits: [], faults: [...faults, { message, offset: reading.begin }] };
}

type Read =
  | { readonly root: YamlNode; readonly value: unknown }
  | { readonly fault: { readonly offset: number; readonly message: string } };

/** Where a document begins in its text, and how it is read. */
interface Reading {
  readonly begin: number;
  readonly words: YamlWords;
}

function read(text: string, begin: number, words: YamlWords): Read {
  const simple = simpleDocument(text, begin, text.length);
  const tree = simple === undefined ? composeDocument(text, begin, text.length) : { root: simple };
  if ('fault' in tree) return tree;
  const composed = words === '1.1' ? tree : { root: coreWords(text, tree.root) };
  const value = yamlValue(composed.root, simple === undefined);
  return 'fault' in value ? value : { root: composed.root, value: value.value };
}

/** Where the text stood before it was changed. */
function asOriginal({ edits }: Changing, offset: number): number {
  let shift = 0;
  for (const { start, end, text } of edits) {
    if (offset < start + shift) break;
    if (offset < start + shift + text.length) return start;
    shift += text.length - (end - start);
  }
  return offset - shift;
}

type Made = State | { readonly fault: string; readonly offset: number };

/** One change, mappings and lists taken apart so that only what differs is touched. */
function make(state: State, reading: Reading, change: OneChange, put: unknown): Made {
  const now = valueAt(state.value, change.path);
  // Step by step from what the text says now, which text that others share may have changed.
  const begun = change.op === 'set' && now !== undefined ? withValue(state.wanted, change.path, 'set', now) : undefined;
  let at: Made = begun === undefined ? state : { ...state, wanted: begun.value };
  for (const part of takenApart(change, now, put, 0)) {
    const next: Made = makeOne(at, reading, part.change, part.put);
    if ('fault' in next) return next;
    at = next;
  }
  return at;
}

interface Part {
  readonly change: OneChange;
  readonly put: unknown;
}

const MAX_DEPTH = 32;

function takenApart(change: OneChange, now: unknown, put: unknown, depth: number): readonly Part[] {
  const { op, path } = change;
  if (op !== 'set' || depth > MAX_DEPTH || isSimple(now) || isSimple(put)) return [{ change, put }];
  if (isPlainObject(now) && isPlainObject(put)) {
    const gone = Object.keys(now).filter((key) => !Object.hasOwn(put, key));
    return [
      ...Object.entries(put).flatMap(([key, value]) =>
        takenApart({ ...change, path: [...path, key] }, Object.hasOwn(now, key) ? now[key] : undefined, value, depth + 1),
      ),
      ...gone.map((key): Part => ({ change: { op: 'remove', path: [...path, key] }, put: undefined })),
    ];
  }
  if (!Array.isArray(now) || !Array.isArray(put)) return [{ change, put }];
  const shorter = Math.min(now.length, put.length);
  let head = 0;
  while (head < shorter && sameValue(now[head], put[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && sameValue(now.at(-1 - tail), put.at(-1 - tail))) tail += 1;
  const replaced = shorter - head - tail;
  const parts: Part[] = [];
  for (let index = head; index < head + replaced; index += 1)
    parts.push(...takenApart({ op: 'set', path: [...path, index] }, now[index], put[index], depth + 1));
  for (let index = head + replaced; index < put.length - tail; index += 1)
    parts.push({ change: { op: 'insert', path: [...path, index] }, put: put[index] });
  for (let index = now.length - tail - 1; index >= head + replaced && index >= put.length - tail; index -= 1)
    parts.push({ change: { op: 'remove', path: [...path, index] }, put: undefined });
  return parts;
}

function makeOne(state: State, { begin, words }: Reading, change: OneChange, put: unknown): Made {
  const { path, op } = change;
  const next = withValue(state.wanted, path, op, put);
  if (next === undefined) return { fault: `${pathText(path)} has no place in what is there`, offset: state.root.start };
  const wanted = next.value;
  const settled = op === 'set' ? sameValue(valueAt(state.value, path), put) && put !== undefined : sameValue(state.value, wanted);
  if (settled) return { ...state, wanted };
  for (const quoted of [false, true]) {
    const ways = waysTo(state.text.text, state.root, change, wanted, quoted);
    if ('fault' in ways) return ways;
    for (const way of ways) {
      const text = changed(state.text, way);
      const after = read(text.text, begin, words);
      if ('fault' in after) continue;
      const rest = state.later === undefined ? {} : { later: state.later };
      const harmless = withAlso(wanted, after.value, change, put);
      if (sameValue(after.value, harmless)) return { text, ...after, wanted: harmless, shared: [], ...rest };
      const shared = sharedDifferences(after.root, harmless, state.later);
      if (shared !== undefined) return { text, ...after, wanted: harmless, shared, ...rest };
    }
  }
  return { fault: `${pathText(path)} is written in a way that nothing can be put there`, offset: state.root.start };
}

/** What is wanted, with the value where it came as well and may be. */
const withAlso = (wanted: unknown, now: unknown, { op, also = [] }: OneChange, put: unknown): unknown =>
  also.reduce((value, path) => {
    const came = op === 'set' && sameValue(valueAt(now, path), put) && !sameValue(valueAt(value, path), put);
    return came ? (withValue(value, path, 'set', put)?.value ?? value) : value;
  }, wanted);

/** The way from the root to a node that was read from the same text. */
function pathTo(root: YamlNode, sought: YamlNode, base: number): Path | undefined {
  const [start, end] = [sought.start - base, sought.end - base];
  const visit = (node: YamlNode, path: Path): Path | undefined => {
    if (node.kind === sought.kind && node.start === start && node.end === end) return path;
    if (node.kind === 'scalar' || node.kind === 'alias') return undefined;
    const children: readonly (readonly [string | number, YamlNode])[] =
      node.kind === 'map'
        ? node.entries.map(({ key, value }) => [typeof key.value === 'string' ? key.value : String(key.value), value])
        : node.items.map((item, index) => [index, item]);
    for (const [part, child] of children) {
      if (child.start > start || child.end < end) continue;
      const found = visit(child, [...path, part]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(root, []);
}
