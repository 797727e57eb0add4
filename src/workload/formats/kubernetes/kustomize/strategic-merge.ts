/** A strategic merge patch on a traced object, the way kustomize applies it (kyaml merge2): what a patch names in a keyed list comes first. */
import { copied, plainValue, type Traced, type TracedList, type TracedMap } from './traced.ts';

/** What tells the items of a list apart (patchMergeKey and list-map-keys in kubernetes/api); other lists are replaced as a whole. */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  ownerReferences: ['uid'],
  resourceClaims: ['name'],
  schedulingGates: ['name'],
  webhooks: ['name'],
  conditions: ['type'],
};

/** Lists of words that are sets. */
const SETS = new Set(['finalizers']);

/** Groups of Kubernetes itself: only their kinds have a schema that names keys. */
const OWN_GROUP = /^(?:v1|(?:apps|batch|extensions|policy|autoscaling|[a-z]+\.k8s\.io|rbac\.authorization\.k8s\.io)\/.*)$/;

/** Directives that nobody needs who writes patches by hand; said, not guessed. */
const STRANGE = /^\$(?:retainKeys|setElementOrder\/|deleteFromPrimitiveList\/)/;

export interface MergeContext {
  readonly apiVersion: string;
  readonly kind: string;
  /** Directives that were not understood. */
  readonly strange: Set<string>;
}

const directiveOf = (node: Traced): string | undefined => {
  const found = node.kind === 'map' ? node.entries.get('$patch') : undefined;
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined;
};

const isNull = (node: Traced): boolean => node.kind === 'scalar' && node.value === null;

/** The object with the patch in it; undefined when the patch deletes it. */
export function mergePatch(target: TracedMap, patch: TracedMap, context: MergeContext): TracedMap | undefined {
  if (directiveOf(patch) === 'delete') return undefined;
  if (directiveOf(patch) === 'replace') return withoutDirectives(patch, context) as TracedMap;
  mergeMap(target, patch, context, []);
  return target;
}

function mergeMap(target: TracedMap, patch: TracedMap, context: MergeContext, path: readonly string[]): void {
  target.origins = [...target.origins, ...patch.origins];
  for (const [key, put] of patch.entries) {
    if (STRANGE.test(key)) context.strange.add(key);
    if (key.startsWith('$')) continue;
    const known = target.entries.get(key);
    const merged = mergeNode(known, put, context, [...path, key]);
    if (merged === undefined) target.entries.delete(key);
    else target.entries.set(key, merged);
  }
}

function mergeNode(known: Traced | undefined, put: Traced, context: MergeContext, path: readonly string[]): Traced | undefined {
  if (isNull(put)) return undefined;
  const directive = directiveOf(put);
  if (directive === 'delete') return undefined;
  if (put.kind === 'map' && known?.kind === 'map' && directive !== 'replace') {
    mergeMap(known, put, context, path);
    return known;
  }
  // What says the same again did not decide it.
  if (put.kind === 'scalar' && known?.kind === 'scalar' && known.value === put.value) return known;
  if (put.kind === 'list' && known?.kind === 'list') return mergeList(known, put, context, path);
  return withoutDirectives(put, context);
}

/** What is new: without what a patch says about itself. */
function withoutDirectives(node: Traced, context: MergeContext): Traced {
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list')
    return {
      ...node,
      items: node.items.filter((item) => !isDirectiveOnly(item)).map((item) => withoutDirectives(item, context)),
    };
  const entries = [...node.entries].filter(([key, value]) => {
    if (STRANGE.test(key)) context.strange.add(key);
    return !key.startsWith('$') && !isNull(value);
  });
  return { ...node, entries: new Map(entries.map(([key, value]) => [key, withoutDirectives(value, context)])) };
}

const isDirectiveOnly = (item: Traced): boolean =>
  item.kind === 'map' && directiveOf(item) !== undefined && (item.entries.size === 1 || directiveOf(item) === 'delete');

function keysOf(path: readonly string[], { apiVersion, kind }: MergeContext): readonly string[] | undefined {
  if (!OWN_GROUP.test(apiVersion)) return undefined;
  const name = path.at(-1)!;
  if (name === 'ports') {
    if (kind === 'Service') return ['port', 'protocol'];
    return /ontainers$/.test(path.at(-2) ?? '') ? ['containerPort', 'protocol'] : undefined;
  }
  if (name === 'secrets') return kind === 'ServiceAccount' ? ['name'] : undefined;
  return Object.hasOwn(MERGE_KEYS, name) ? MERGE_KEYS[name] : undefined;
}

const scalarText = (node: Traced | undefined): string =>
  node === undefined || node.kind !== 'scalar' || node.value === null ? '' : String(node.value);

const keyOf = (node: Traced, keys: readonly string[]): readonly string[] =>
  keys.map((key) => scalarText(node.kind === 'map' ? node.entries.get(key) : undefined));

/** All parts of the key are the same. */
const sameItem = (a: Traced, b: Traced, keys: readonly string[]): boolean =>
  keyOf(a, keys).every((part, index) => part === keyOf(b, keys)[index]) && keyOf(a, keys).some((part) => part !== '');

/** A part of the key that only one of them has, where another is equal: kyaml takes them for one, and keeps what was there as it was. */
function alikeItem(a: Traced, b: Traced, keys: readonly string[]): boolean {
  const [one, two] = [keyOf(a, keys), keyOf(b, keys)];
  return (
    one.some((part, index) => part !== '' && part === two[index]) &&
    one.every((part, index) => part === two[index] || part === '' || two[index] === '')
  );
}

function mergeList(known: TracedList, put: TracedList, context: MergeContext, path: readonly string[]): TracedList {
  const replaces = put.items.some((item) => directiveOf(item) === 'replace');
  const keys = keysOf(path, context);
  if (replaces) return withoutDirectives(put, context) as TracedList;
  if (keys === undefined) {
    if (!SETS.has(path.at(-1)!)) return withoutDirectives(put, context) as TracedList;
    const words = new Set(put.items.map(plainValue));
    return { ...known, items: [...put.items, ...known.items.filter((item) => !words.has(plainValue(item)))] };
  }
  const gone = put.items.filter((item) => directiveOf(item) === 'delete');
  const rest = known.items.filter((item) => !gone.some((one) => sameItem(item, one, keys)));
  const first: Traced[] = [];
  for (const item of put.items) {
    if (directiveOf(item) === 'delete') continue;
    const at = rest.findIndex((one) => sameItem(one, item, keys));
    const found = rest[at];
    if (found === undefined && rest.some((one) => alikeItem(one, item, keys))) continue;
    if (found?.kind === 'map' && item.kind === 'map') {
      rest.splice(at, 1);
      mergeMap(found, item, context, path);
      first.push(found);
    } else first.push(withoutDirectives(copied(item), context));
  }
  return { ...known, items: [...first, ...rest], origins: [...known.origins, ...put.origins] };
}
