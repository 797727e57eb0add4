/** Values that know where each of their parts was written: built up from many files, and changed in the one that counts. */
import type { SourceFile } from '../../../../text/source-file.ts';
import type { YamlNode } from '../../../../text/yaml/node.ts';
import type { Path } from '../../../../text/yaml/path.ts';

/** A document of a file, or a text that stands as a value in one. */
export interface OriginDocument {
  readonly source: SourceFile;
  /** Absent: the whole text is the value, as of the files of a configMapGenerator. */
  readonly root?: YamlNode;
  readonly role: 'resource' | 'patch' | 'generator' | 'kustomization';
  /** The text stands as a value there. */
  readonly within?: Origin;
}

export interface Origin {
  readonly document: OriginDocument;
  readonly path: Path;
}

export interface TracedMap {
  readonly kind: 'map';
  readonly entries: Map<string, Traced>;
  /** The first is where it was made, the others what was merged into it. */
  origins: readonly Origin[];
}
export interface TracedList {
  readonly kind: 'list';
  items: Traced[];
  origins: readonly Origin[];
}
export interface TracedScalar {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly origins: readonly Origin[];
}
export type Traced = TracedMap | TracedList | TracedScalar;

/** All of a value comes from one document. */
export function traced(value: unknown, document: OriginDocument, path: Path): Traced {
  const origins = [{ document, path }];
  if (Array.isArray(value))
    return { kind: 'list', items: value.map((item, index) => traced(item, document, [...path, index])), origins };
  if (typeof value === 'object' && value !== null)
    return {
      kind: 'map',
      entries: new Map(Object.entries(value).map(([key, item]) => [key, traced(item, document, [...path, key])])),
      origins,
    };
  return { kind: 'scalar', value: value as TracedScalar['value'], origins };
}

/** What nobody wrote: an origin is where it was asked for. */
export const made = (value: unknown, origin: Origin): Traced => reOrigin(traced(value, origin.document, []), origin);

function reOrigin(node: Traced, origin: Origin): Traced {
  const origins = [origin];
  if (node.kind === 'scalar') return { ...node, origins };
  if (node.kind === 'list') return { ...node, items: node.items.map((item) => reOrigin(item, origin)), origins };
  return { ...node, entries: new Map([...node.entries].map(([key, item]) => [key, reOrigin(item, origin)])), origins };
}

/** As the API would get it. */
export function plainValue(node: Traced): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, item]) => [key, plainValue(item)]));
}

/** One that can be changed without changing this one. */
export function copied(node: Traced): Traced {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list') return { ...node, items: node.items.map(copied) };
  return { ...node, entries: new Map([...node.entries].map(([key, item]) => [key, copied(item)])) };
}

export const entryOf = (node: Traced | undefined, key: string): Traced | undefined =>
  node?.kind === 'map' ? node.entries.get(key) : undefined;

/** The node at the end of a way through mappings and lists. */
export function nodeAt(node: Traced, path: Path): Traced | undefined {
  let at: Traced | undefined = node;
  for (const part of path) {
    if (at === undefined) return undefined;
    at = at.kind === 'map' ? at.entries.get(String(part)) : at.kind === 'list' ? at.items[part as number] : undefined;
  }
  return at;
}

/** A text at the end of a way through mappings; undefined when there is none. */
export function textAt(node: Traced, ...path: readonly string[]): string | undefined {
  const found = nodeAt(node, path);
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined;
}

/** The mapping there, made where it is missing; undefined when something else is in the way. */
export function mapAt(node: Traced, path: readonly string[], origin: Origin): TracedMap | undefined {
  let at: Traced = node;
  for (const part of path) {
    if (at.kind !== 'map') return undefined;
    let next: Traced | undefined = at.entries.get(part);
    if (next === undefined || (next.kind === 'scalar' && next.value === null)) {
      next = { kind: 'map', entries: new Map(), origins: [origin] };
      at.entries.set(part, next);
    }
    at = next;
  }
  return at.kind === 'map' ? at : undefined;
}
