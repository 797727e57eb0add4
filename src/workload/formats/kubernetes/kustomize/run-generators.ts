/** The generators of a kustomization: what they make is new, or goes into what is there. */
import { type GeneratorFiles, generate } from './generators.ts';
import { allIds, currentId, type Resource, rememberId, sameId } from './resource.ts';
import { entryOf, mapAt, nodeAt, type Origin, type TracedMap } from './traced.ts';

export function runGenerators(
  map: TracedMap,
  resources: Resource[],
  files: GeneratorFiles,
  fail: (origin: Origin, message: string) => void,
): void {
  for (const [field, kind] of [
    ['configMapGenerator', 'ConfigMap'],
    ['secretGenerator', 'Secret'],
  ] as const) {
    const list = entryOf(map, field);
    for (const item of list?.kind === 'list' ? list.items : []) {
      if (item.kind !== 'map') continue;
      const made = generate(kind, item, entryOf(map, 'generatorOptions'), files, fail);
      if (made === undefined) continue;
      const fresh: Resource = { object: made.object, before: [], prefixes: [], suffixes: [], hashed: made.hashed };
      const known = resources.find((one) => allIds(one).some((id) => sameId(id, currentId(fresh))));
      if (known === undefined) {
        if (made.behavior === 'create') {
          // References lead to it by the name that it was made under.
          rememberId(fresh);
          resources.push(fresh);
        } else fail(item.origins[0]!, `there is no ${kind} ${currentId(fresh).name} to ${made.behavior}`);
      } else if (made.behavior === 'create')
        fail(item.origins[0]!, `${kind} ${currentId(fresh).name} is there already: behavior merge or replace changes it`);
      else take(known, fresh, made.behavior);
    }
  }
}

/** What was there, with what a generator says of it. */
function take(known: Resource, fresh: Resource, behavior: 'merge' | 'replace'): void {
  const { object } = known;
  for (const field of ['data', 'binaryData', 'stringData']) {
    const [old, now] = [object.entries.get(field), fresh.object.entries.get(field)];
    if (behavior === 'replace') object.entries.delete(field);
    if (now?.kind !== 'map') continue;
    if (behavior === 'merge' && old?.kind === 'map') for (const [key, value] of now.entries) old.entries.set(key, value);
    else object.entries.set(field, now);
  }
  for (const field of ['labels', 'annotations'] as const) {
    const now = nodeAt(fresh.object, ['metadata', field]);
    if (now?.kind !== 'map') continue;
    const old = mapAt(object, ['metadata', field], now.origins[0]!);
    for (const [key, value] of now.entries) old?.entries.set(key, value);
  }
  // Everything but names and data is what the last one says.
  for (const field of ['type', 'immutable']) {
    const value = fresh.object.entries.get(field);
    if (value === undefined) object.entries.delete(field);
    else object.entries.set(field, value);
  }
  known.hashed = fresh.hashed;
}
