/**
 * Changes of built objects as changes of the files they were built from: what is written somewhere is changed there, what is new goes to the
 * file that defines the container, and what has no other place becomes a patch of the overlay.
 */

import { isPlainObject } from '../../../../text/yaml/dump.ts';
import { changeYaml, type YamlChange } from '../../../../text/yaml/edit.ts';
import { locate, type Path } from '../../../../text/yaml/path.ts';
import { sameValue } from '../../../../text/yaml/value-change.ts';
import { yamlText } from '../../../../text/yaml/write.ts';
import { targetOf } from '../kustomization.ts';
import { AT_END, folded, type ObjectChange } from '../object-change.ts';
import type { NoOrigin, OriginChange } from '../origin-change.ts';
import { strategicPatch } from '../patches.ts';
import type { KustomizeBuild } from './build.ts';
import { imagesOfOthers } from './images-of-others.ts';
import type { Resource } from './resource.ts';
import { entryOf, type Origin, type OriginDocument, plainValue, type Traced } from './traced.ts';
import { imageParts } from './transformers.ts';

/** Where what is new goes: to the object's definition, to whatever comes nearest, or into a patch of the overlay. */
export const PLACES = ['definition', 'nearest', 'overlay'] as const;
export type NewPlace = (typeof PLACES)[number];

/** In which order they are tried. What follows from another program than the definition names is true here and in no other overlay. */
export const placesFor = (build: KustomizeBuild, resource: Resource): readonly NewPlace[] =>
  imagesOfOthers(build, resource) ? ['overlay', 'nearest', 'definition'] : PLACES;

/** A text inside a value is changed together: its changes wait until all are known. */
export interface InnerChange {
  readonly document: OriginDocument;
  readonly change: YamlChange;
}

export type MadeChange = OriginChange | { readonly kind: 'inner'; readonly inner: InnerChange };

/** All changes of one object. */
export function overlayChanges(
  build: KustomizeBuild,
  resource: Resource,
  change: ObjectChange,
  place: NewPlace,
): readonly MadeChange[] | NoOrigin {
  if (place === 'overlay') return asPatch(build, resource, change);
  const out: MadeChange[] = [];
  for (const one of folded(change)) {
    const made = translate(resource.object, one, place);
    if ('fault' in made) return made;
    out.push(...made);
  }
  return out;
}

/** A patch in the kustomization that was asked for, by the name that the object has there. */
function asPatch(
  { kustomization, folder }: KustomizeBuild,
  resource: Resource,
  change: ObjectChange,
): readonly MadeChange[] | NoOrigin {
  if (kustomization === undefined) return { fault: `${folder} has no kustomization to put a patch into` };
  const { document } = kustomization;
  // Patches come before prefixes and hashes of the same kustomization: the name is that of before those.
  const known = resource.before.filter(({ name, namespace }) => name !== '' && namespace !== undefined);
  const name = known.at(-1)?.name ?? change.object.name;
  const { namespace: _, ...named } = targetOf(change.object);
  const target = { ...named, name };
  const patch = yamlText({ ...strategicPatch(change), metadata: { name } });
  const put: YamlChange = {
    op: 'insert',
    path: ['patches', AT_END],
    value: { patch, target },
  };
  return [{ kind: 'yaml', source: document.source, root: document.root!, change: put }];
}

function translate(root: Traced, change: YamlChange, place: NewPlace): readonly MadeChange[] | NoOrigin {
  const { op, path, value } = change;
  const nodes: Traced[] = [root];
  for (const part of path) {
    const next = stepInto(nodes.at(-1)!, part);
    if (next === undefined) break;
    nodes.push(next);
  }
  if (op === 'insert') {
    const list = nodes.length === path.length ? nodes.at(-1) : undefined;
    if (list?.kind === 'list') return insertInto(list, change, place);
  } else if (nodes.length === path.length + 1) {
    const found = nodes.at(-1)!;
    if (op === 'set') return withRepeated(setWhole(found, change, place), found, nodes.at(-2), change);
    return [changeAt(found.origins[0]!, { op, path: [] })];
  }
  if (op === 'remove') return [];
  return atMissing(nodes, change, place, value);
}

/** What a patch says again, as the port that tells items apart, changes with it. */
function withRepeated(
  made: readonly MadeChange[] | NoOrigin,
  found: Traced,
  parent: Traced | undefined,
  { path, value }: YamlChange,
): readonly MadeChange[] | NoOrigin {
  const key = path.at(-1);
  if ('fault' in made || made.length === 0 || found.kind !== 'scalar' || parent?.kind !== 'map' || key === undefined) return made;
  const own = found.origins[0];
  const repeated = parent.origins.flatMap((origin): readonly MadeChange[] => {
    const { document } = origin;
    const at: Origin = { document, path: [...origin.path, key] };
    if (document.root === undefined || document.role === 'kustomization') return [];
    if (own !== undefined && own.document === document && samePath(own.path, at.path)) return [];
    const there = locate(document.root, at.path)?.node;
    return there?.kind === 'scalar' && there.value === found.value ? [changeAt(at, { op: 'set', path: [], value })] : [];
  });
  return [...made, ...repeated];
}

const stepInto = (node: Traced, part: string | number): Traced | undefined =>
  node.kind === 'map' ? entryOf(node, String(part)) : node.kind === 'list' ? node.items[part as number] : undefined;

/** Something new below something that is there. */
function atMissing(
  nodes: readonly Traced[],
  change: YamlChange,
  place: NewPlace,
  value: unknown,
): readonly MadeChange[] | NoOrigin {
  const { op, path, before } = change;
  const put = (depth: number, origin: Origin): readonly MadeChange[] => [
    changeAt(origin, { op, path: path.slice(depth), value, ...(before === undefined ? {} : { before }) }),
  ];
  if (place === 'definition')
    for (let depth = nodes.length - 1; depth >= 0; depth -= 1) {
      const origin = nodes[depth]!.origins.find(defines);
      if (origin !== undefined) return put(depth, origin);
      // The number of an item is one of the list that was built, not of the list in a file.
      if (typeof path[depth - 1] === 'number') break;
    }
  for (let depth = nodes.length - 1; depth >= 0; depth -= 1) {
    const origin = nodes[depth]!.origins.find(({ document }) => document.role !== 'kustomization' && document.root !== undefined);
    if (origin !== undefined) return put(depth, origin);
    if (typeof path[depth - 1] === 'number') break;
  }
  return { fault: 'nothing of the object was written in a file that could be changed' };
}

const defines = ({ document }: Origin): boolean => document.role === 'resource';

function insertInto(
  list: Traced & { readonly kind: 'list' },
  { path, value, before }: YamlChange,
  place: NewPlace,
): readonly MadeChange[] | NoOrigin {
  const origin = (place === 'definition' ? list.origins.find(defines) : undefined) ?? list.origins[0];
  if (origin === undefined) return { fault: 'nobody wrote the list' };
  const index = path.at(-1) as number;
  const next = list.items[index]?.origins[0];
  const at = next !== undefined && next.document === origin.document ? (next.path.at(-1) as number) : AT_END;
  return [changeAt(origin, { op: 'insert', path: [at], value, ...(before === undefined ? {} : { before }) })];
}

/** Only what differs, each part in its own file. */
function setWhole(found: Traced, change: YamlChange, place: NewPlace): readonly MadeChange[] | NoOrigin {
  const { value } = change;
  if (sameValue(plainValue(found), value)) return [];
  const out: MadeChange[] = [];
  if (found.kind === 'map' && isPlainObject(value)) {
    const parts: YamlChange[] = [
      ...Object.entries(value).map(([key, put]): YamlChange => ({ op: 'set', path: [key], value: put })),
      ...[...found.entries.keys()]
        .filter((key) => !Object.hasOwn(value, key))
        .map((key): YamlChange => ({ op: 'remove', path: [key] })),
    ];
    for (const part of parts) {
      const made = translate(found, part, place);
      if ('fault' in made) return made;
      out.push(...made);
    }
    return out;
  }
  const origin = found.origins[0];
  if (origin === undefined) return { fault: 'nobody wrote it' };
  if (found.kind === 'list' && Array.isArray(value) && !inOneList(found, origin)) {
    if (value.length !== found.items.length) return { fault: 'the list is made of parts of several files' };
    for (const [index, item] of found.items.entries()) {
      const made = setWhole(item, { op: 'set', path: [], value: value[index] }, place);
      if ('fault' in made) return made;
      out.push(...made);
    }
    return out;
  }
  return changedScalar(origin, value);
}

const inOneList = (list: Traced & { readonly kind: 'list' }, origin: Origin): boolean =>
  list.items.every(
    ({ origins: [own] }, index) => own?.document === origin.document && samePath(own.path, [...origin.path, index]),
  );

const samePath = (a: Path, b: Path): boolean => a.length === b.length && a.every((part, index) => part === b[index]);

/** A value where it was written; of an image, of a literal and of a file what stands there is not the value itself. */
function changedScalar(origin: Origin, value: unknown): readonly MadeChange[] | NoOrigin {
  const { document, path } = origin;
  if (document.root === undefined) {
    if (typeof value !== 'string' || path.length > 0)
      return { fault: `${document.source.path} is no file that one value can be put into` };
    return [{ kind: 'text', source: document.source, text: value }];
  }
  if (document.role !== 'kustomization') return [changeAt(origin, { op: 'set', path: [], value })];
  if (path[0] === 'images' && typeof value === 'string') {
    const { name, tag, digest } = imageParts(value);
    const put: readonly (readonly [string, string])[] = [
      ['newName', name],
      ...(tag === '' ? [] : [['newTag', tag] as const]),
      ...(digest === '' ? [] : [['digest', digest] as const]),
    ];
    return put.map(([key, text]) => changeAt(origin, { op: 'set', path: [key], value: text }));
  }
  if (path.at(-2) === 'literals' && typeof value === 'string') {
    const known = literalAt(origin);
    if (known === undefined) return { fault: 'the literal is not where it was' };
    return [changeAt(origin, { op: 'set', path: [], value: `${known.slice(0, known.indexOf('='))}=${value}` })];
  }
  return { fault: `${String(path[0])} of the kustomization decides it` };
}

function literalAt({ document: { root }, path }: Origin): string | undefined {
  const found = root === undefined ? undefined : locate(root, path)?.node;
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined;
}

function changeAt({ document, path }: Origin, change: YamlChange): MadeChange {
  const whole: YamlChange = { ...change, path: [...path, ...change.path] };
  return document.within === undefined
    ? { kind: 'yaml', source: document.source, root: document.root!, change: whole }
    : { kind: 'inner', inner: { document, change: whole } };
}

/** Texts inside values with all their changes, as changes of the values. Outermost last. */
export function withInner(changes: readonly MadeChange[]): {
  readonly changes: readonly OriginChange[];
  readonly faults: readonly string[];
} {
  const out: OriginChange[] = [];
  const faults: string[] = [];
  const inner = new Map<string, { document: OriginDocument; changes: YamlChange[] }>();
  for (const one of changes) {
    if (one.kind !== 'inner') {
      out.push(one);
      continue;
    }
    const { document, change } = one.inner;
    const { within } = document;
    const key = JSON.stringify([within!.document.source.path, within!.path, document.root!.start]);
    const known = inner.get(key) ?? { document, changes: [] };
    inner.set(key, known);
    if (!known.changes.some((other) => sameChange(other, change))) known.changes.push(change);
  }
  for (const { document, changes: own } of inner.values()) {
    const { source, root, within } = document;
    const made = changeYaml(
      source,
      own.map((change) => ({ ...change, from: root! })),
    );
    for (const { message } of made.problems) faults.push(message);
    const text = [...made.edits]
      .sort((a, b) => b.start - a.start)
      .reduce((at, edit) => at.slice(0, edit.start) + edit.text + at.slice(edit.end), source.text);
    if (text === source.text) continue;
    if (within!.document.within === undefined)
      out.push({
        kind: 'yaml',
        source: within!.document.source,
        root: within!.document.root!,
        change: { op: 'set', path: within!.path, value: text },
      });
    else faults.push('a text in a text in a text');
  }
  return { changes: out, faults };
}

export const sameChange = (a: YamlChange, b: YamlChange): boolean =>
  a.op === b.op && samePath(a.path, b.path) && sameValue(a.value, b.value);
