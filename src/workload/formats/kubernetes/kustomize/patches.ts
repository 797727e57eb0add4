/** The patches of a kustomization: which objects they are about, and what becomes of those. */
import { type SourceFile, sourceFile } from '../../../../text/source-file.ts';
import { readYaml } from '../../../../text/yaml/read.ts';
import { isMapping } from '../objects.ts';
import { applyJsonPatch } from './json-patch.ts';
import { allIds, currentId, idOf, type Resource, rememberId, sameId } from './resource.ts';
import { mergePatch } from './strategic-merge.ts';
import {
  copied,
  entryOf,
  nodeAt,
  type Origin,
  type OriginDocument,
  plainValue,
  type Traced,
  type TracedList,
  type TracedMap,
  textAt,
  traced,
} from './traced.ts';

export interface PatchTools {
  /** Changed in place: a patch may delete one. */
  readonly resources: Resource[];
  readonly read: (name: string, at: Origin) => SourceFile | undefined;
  /** The build would fail. */
  readonly fail: (origin: Origin, message: string) => void;
  /** Left out, because it is not understood. */
  readonly strange: (origin: Origin, message: string) => void;
}

/** A text that holds a strategic merge patch, several, or a list of operations. */
type PatchText =
  | { readonly kind: 'merge'; readonly patches: readonly TracedMap[] }
  | { readonly kind: 'json'; readonly operations: TracedList };

function parse(text: SourceFile, within: Origin | undefined): PatchText | string {
  const read = readYaml(text);
  const [broken] = read.broken;
  if (broken !== undefined) return broken.problem.message;
  const roots = read.documents
    .filter(({ value }) => value !== null)
    .map(({ root, value }) => {
      const document: OriginDocument = { source: text, root, role: 'patch', ...(within === undefined ? {} : { within }) };
      return traced(value, document, []);
    });
  const [first] = roots;
  if (first?.kind === 'list') return { kind: 'json', operations: first };
  const patches = roots.filter((one): one is TracedMap => one.kind === 'map');
  return patches.length === 0 ? 'the patch is empty' : { kind: 'merge', patches };
}

/** Entries of `patches`: a path or a text, with a target or without. */
export function applyPatches(list: Traced | undefined, tools: PatchTools): void {
  for (const item of list?.kind === 'list' ? list.items : []) {
    const at = item.origins[0]!;
    const found = textOf(item, tools);
    if (found === undefined) continue;
    const patch = parse(found.source, found.within);
    if (typeof patch === 'string') tools.fail(found.within ?? at, patch);
    else apply(patch, entryOf(item, 'target'), entryOf(item, 'options'), at, tools);
  }
}

/** Entries of `patchesStrategicMerge`: paths, or the patches themselves. */
export function applyStrategic(list: Traced | undefined, tools: PatchTools): void {
  for (const item of list?.kind === 'list' ? list.items : []) {
    if (item.kind !== 'scalar' || typeof item.value !== 'string') continue;
    const at = item.origins[0]!;
    const inline = /\n|^\s*\{/.test(item.value.trim()) || /^apiVersion:/.test(item.value);
    const source = inline ? sourceFile(at.document.source.path, item.value) : tools.read(item.value, at);
    if (source === undefined) continue;
    const patch = parse(source, inline ? at : undefined);
    if (typeof patch === 'string') tools.fail(at, patch);
    else apply(patch, undefined, undefined, at, tools);
  }
}

function textOf(item: Traced, { read, fail }: PatchTools): { readonly source: SourceFile; readonly within?: Origin } | undefined {
  const at = item.origins[0]!;
  const patch = entryOf(item, 'patch');
  const path = textAt(item, 'path');
  if (patch?.kind === 'scalar' && typeof patch.value === 'string' && patch.value.trim() !== '')
    return { source: sourceFile(at.document.source.path, patch.value), within: patch.origins[0]! };
  if (path === undefined) {
    fail(at, 'an entry of patches needs a path or a patch');
    return undefined;
  }
  const source = read(path, entryOf(item, 'path')!.origins[0]!);
  return source === undefined ? undefined : { source };
}

function apply(patch: PatchText, target: Traced | undefined, options: Traced | undefined, at: Origin, tools: PatchTools): void {
  const selected = target === undefined ? undefined : select(target, tools);
  if (patch.kind === 'json') {
    if (selected === undefined) tools.fail(at, 'a patch of operations needs a target');
    for (const resource of selected ?? []) {
      rememberId(resource);
      const fault = applyJsonPatch(resource.object, patch.operations);
      if (fault !== undefined) tools.fail(at, fault);
    }
    return;
  }
  if (selected !== undefined) {
    if (patch.patches.length > 1) tools.fail(at, 'several patches in one text cannot have one target');
    else for (const resource of selected) merge(resource, patch.patches[0]!, options, at, tools);
    return;
  }
  for (const one of patch.patches) {
    const id = idOf(one);
    const found = tools.resources.filter((resource) => allIds(resource).some((known) => sameId(known, id)));
    if (found.length === 1) merge(found[0]!, one, options, at, tools);
    else
      tools.fail(
        one.origins[0]!,
        `${found.length === 0 ? 'no' : 'more than one'} object is ${id.kind} ${id.name}${id.namespace === '' ? '' : ` in ${id.namespace}`}, which the patch is for`,
      );
  }
}

function merge(resource: Resource, patch: TracedMap, options: Traced | undefined, at: Origin, tools: PatchTools): void {
  const { kind, name, namespace } = currentId(resource);
  const apiVersion = textAt(resource.object, 'apiVersion') ?? '';
  const allows = (option: string): boolean => {
    const found = entryOf(options ?? resource.object, option);
    return options !== undefined && found?.kind === 'scalar' && found.value === true;
  };
  const strange = new Set<string>();
  const known = (key: string): Traced | undefined => nodeAt(resource.object, ['metadata', key]);
  const [nameNode, spaceNode, kindNode] = [known('name'), known('namespace'), entryOf(resource.object, 'kind')];
  rememberId(resource);
  const merged = mergePatch(resource.object, copied(patch) as TracedMap, { apiVersion, kind, strange });
  for (const directive of strange) tools.strange(at, `${directive} of a patch is not understood`);
  if (merged === undefined) {
    tools.resources.splice(tools.resources.indexOf(resource), 1);
    return;
  }
  if (merged !== resource.object) {
    resource.object.entries.clear();
    for (const [key, value] of merged.entries) resource.object.entries.set(key, value);
  }
  const metadata = entryOf(resource.object, 'metadata');
  if (metadata?.kind !== 'map') return;
  if (!allows('allowKindChange') && kindNode !== undefined) resource.object.entries.set('kind', kindNode);
  if (!allows('allowNameChange') && name !== '' && nameNode !== undefined) metadata.entries.set('name', nameNode);
  if (namespace !== '' && spaceNode !== undefined) metadata.entries.set('namespace', spaceNode);
  else if (spaceNode === undefined) metadata.entries.delete('namespace');
}

/** By regular expressions that must fit as a whole, and by labels. */
export function select(target: Traced, tools: Pick<PatchTools, 'resources' | 'fail'>): readonly Resource[] {
  const fits = new Map<string, RegExp>();
  for (const field of ['group', 'version', 'kind', 'name', 'namespace']) {
    const text = textAt(target, field);
    if (text === undefined || text === '') continue;
    try {
      fits.set(field, new RegExp(`^(?:${text.replace(/^\^|\$$/g, '')})$`));
    } catch {
      tools.fail(target.origins[0]!, `${field} ${text} of the target is no regular expression`);
      return [];
    }
  }
  const labels = (
    key: 'labelSelector' | 'annotationSelector',
    where: 'labels' | 'annotations',
    { object }: Resource,
  ): boolean => {
    const text = textAt(target, key);
    if (text === undefined) return true;
    const known = nodeAt(object, ['metadata', where]);
    const values = known === undefined ? {} : plainValue(known);
    return selectorFits(text, isMapping(values) ? values : {});
  };
  return tools.resources.filter((resource) => {
    const id = currentId(resource);
    const fitsField = (field: 'group' | 'version' | 'kind'): boolean => fits.get(field)?.test(id[field]) !== false;
    if (!(['group', 'version', 'kind'] as const).every(fitsField)) return false;
    const named = allIds(resource).some(
      (one) => fits.get('name')?.test(one.name) !== false && fits.get('namespace')?.test(one.namespace) !== false,
    );
    return named && labels('labelSelector', 'labels', resource) && labels('annotationSelector', 'annotations', resource);
  });
}

/** `a=b, c!=d, e in (f, g), h, !i` (kubernetes.io, Labels and Selectors). */
function selectorFits(text: string, labels: Readonly<Record<string, unknown>>): boolean {
  return (text.match(/[^,(]+(?:\([^)]*\))?/g) ?? []).every((raw) => {
    const one = raw.trim();
    const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(one);
    if (set !== null) {
      const among = set[3]!.split(',').some((value) => value.trim() === labels[set[1]!]);
      return set[2] === 'in' ? among : !among;
    }
    const pair = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(one);
    if (pair !== null) return (labels[pair[1]!] === pair[3]) === (pair[2] !== '!=');
    return one.startsWith('!') ? labels[one.slice(1)] === undefined : labels[one] !== undefined;
  });
}

/** `patchesJson6902` and its target by exact names. */
export function applyJson6902(list: Traced | undefined, tools: PatchTools): void {
  for (const item of list?.kind === 'list' ? list.items : []) {
    const at = item.origins[0]!;
    const target = entryOf(item, 'target');
    const found = textOf(item, tools);
    if (found === undefined) continue;
    const patch = parse(found.source, found.within);
    if (typeof patch === 'string') tools.fail(at, patch);
    else if (patch.kind !== 'json' || target === undefined) tools.fail(at, 'patchesJson6902 wants operations and a target');
    else {
      const wanted = (field: string): string => textAt(target, field) ?? '';
      const fits = tools.resources.filter((resource) =>
        allIds(resource).some(
          (id) =>
            id.kind === wanted('kind') &&
            id.name === wanted('name') &&
            id.group === wanted('group') &&
            (wanted('version') === '' || id.version === wanted('version')) &&
            (wanted('namespace') === '' || id.namespace === wanted('namespace')),
        ),
      );
      if (fits.length !== 1)
        tools.fail(
          at,
          `${fits.length === 0 ? 'no' : 'more than one'} object is ${wanted('kind')} ${wanted('name')}, which the patch is for`,
        );
      for (const resource of fits) {
        const fault = applyJsonPatch(resource.object, patch.operations);
        if (fault !== undefined) tools.fail(at, fault);
      }
    }
  }
}
