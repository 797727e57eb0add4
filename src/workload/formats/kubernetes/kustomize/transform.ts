/** What a kustomization does to its objects, in the order in which kustomize does it. */
import { applyJson6902, applyPatches, applyStrategic, type PatchTools } from './patches.ts';
import type { Resource } from './resource.ts';
import { entryOf, type Origin, type Traced, type TracedMap, textAt } from './traced.ts';
import { fieldPath, type ImageRule, setAffix, setImages, setNamespace, setPairs, setReplicas } from './transformers.ts';

/** In the order of kustomize (internal/target, configureBuiltinTransformers). */
export function transform(map: TracedMap, tools: PatchTools, fail: (origin: Origin, message: string) => void): void {
  const { resources } = tools;
  const text = (field: string): { readonly value: string; readonly origin: Origin } | undefined => {
    const value = textAt(map, field);
    return value === undefined || value === '' ? undefined : { value, origin: entryOf(map, field)!.origins[0]! };
  };
  applyStrategic(entryOf(map, 'patchesStrategicMerge'), tools);
  applyPatches(entryOf(map, 'patches'), tools);
  const namespace = text('namespace');
  if (namespace !== undefined) setNamespace(resources, namespace.value, namespace.origin);
  const [prefix, suffix] = [text('namePrefix'), text('nameSuffix')];
  if (prefix !== undefined) setAffix(resources, prefix.value, '', prefix.origin);
  if (suffix !== undefined) setAffix(resources, '', suffix.value, suffix.origin);
  labels(map, resources);
  const annotations = entryOf(map, 'commonAnnotations');
  if (annotations?.kind === 'map') setPairs(resources, annotations, 'annotations');
  applyJson6902(entryOf(map, 'patchesJson6902'), tools);
  for (const item of listOf(map, 'replicas')) {
    const [name, count] = [textAt(item, 'name'), entryOf(item, 'count')];
    if (name === undefined || count === undefined) continue;
    if (!setReplicas(resources, name, count, item.origins[0]!))
      fail(item.origins[0]!, `nothing that has replicas is called ${name}`);
  }
  for (const item of listOf(map, 'images')) {
    const rule = imageRule(item);
    if (rule !== undefined) setImages(resources, rule);
  }
}

const listOf = (map: TracedMap, field: string): readonly Traced[] => {
  const list = entryOf(map, field);
  return list?.kind === 'list' ? list.items : [];
};

function imageRule(item: Traced): ImageRule | undefined {
  const name = textAt(item, 'name');
  if (name === undefined) return undefined;
  const rest = Object.fromEntries(
    ['newName', 'newTag', 'digest', 'tagSuffix'].flatMap((key) => {
      const found = entryOf(item, key);
      return found?.kind === 'scalar' && found.value !== null ? [[key, String(found.value)]] : [];
    }),
  );
  return { name, ...rest, origin: item.origins[0]! };
}

function labels(map: TracedMap, resources: readonly Resource[]): void {
  const isTrue = (node: Traced | undefined): boolean => node?.kind === 'scalar' && node.value === true;
  for (const item of listOf(map, 'labels')) {
    const pairs = entryOf(item, 'pairs');
    if (pairs?.kind !== 'map') continue;
    const where = isTrue(entryOf(item, 'includeSelectors'))
      ? 'selectors'
      : isTrue(entryOf(item, 'includeTemplates'))
        ? 'templates'
        : 'metadata';
    setPairs(resources, pairs, where);
    const fields = entryOf(item, 'fields');
    for (const one of fields?.kind === 'list' ? fields.items : []) {
      const path = textAt(one, 'path');
      if (path === undefined) continue;
      const given = Object.fromEntries(
        (['kind', 'group', 'version'] as const).flatMap((key) => {
          const value = textAt(one, key);
          return value === undefined ? [] : [[key, value]];
        }),
      );
      setPairs(resources, pairs, [
        { path: fieldPath(path) as readonly string[], ...given, create: isTrue(entryOf(one, 'create')) },
      ]);
    }
  }
  const common = entryOf(map, 'commonLabels');
  if (common?.kind === 'map') setPairs(resources, common, 'selectors');
}
