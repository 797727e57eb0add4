/** The changes of an object as patches: JSON (RFC 6902), and strategic merge as kubectl and kustomize take it. */
import { isPlainObject } from '../../../text/yaml/dump.ts';
import type { Path } from '../../../text/yaml/path.ts';
import { sameValue, valueAt, withValue } from '../../../text/yaml/value-change.ts';
import { AT_END, folded, type ObjectChange } from './object-change.ts';
import type { KubernetesObject } from './objects.ts';

export interface JsonOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  /** RFC 6901. */
  readonly path: string;
  readonly value?: unknown;
}

const pointer = (path: Path): string =>
  path
    .map(
      (part) =>
        `/${String(part === AT_END ? '-' : part)
          .replaceAll('~', '~0')
          .replaceAll('/', '~1')}`,
    )
    .join('');

/** RFC 6902. */
export function jsonPatch(change: ObjectChange): readonly JsonOperation[] {
  let value: unknown = change.object.value;
  return folded(change).map(({ op, path, value: put }): JsonOperation => {
    const known = valueAt(value, path);
    value = withValue(value, path, op, put)?.value ?? value;
    if (op === 'remove') return { op, path: pointer(path) };
    return { op: op === 'set' && known !== undefined ? 'replace' : 'add', path: pointer(path), value: put };
  });
}

/** By which field items of a list are told apart (patchMergeKey in kubernetes/api core/v1/types.go); other lists are replaced as a whole. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
};

/** Kinds of Kubernetes itself: only these have merge keys. */
const OWN_GROUP = /^(?:v1|(?:apps|batch|extensions|networking\.k8s\.io)\/.*)$/;

/** What the object says after its changes. */
export function changedValue({ object, changes }: ObjectChange): unknown {
  return changes.reduce<unknown>(
    (value, { op, path, value: put }) => withValue(value, path, op, put)?.value ?? value,
    object.value,
  );
}

/** A patch that holds the names of the object and what changes in it. */
export function strategicPatch(change: ObjectChange): Readonly<Record<string, unknown>> {
  const { object } = change;
  const keyed = OWN_GROUP.test(object.apiVersion);
  const body = mapDifference(object.value, changedValue(change) as Readonly<Record<string, unknown>>, keyed, object.kind);
  const { metadata, ...rest } = body;
  const { apiVersion, kind, name, namespace } = object;
  const named = { name, ...(namespace === undefined ? {} : { namespace }), ...(isPlainObject(metadata) ? metadata : {}) };
  return { apiVersion, kind, metadata: named, ...rest };
}

type Mapping = Readonly<Record<string, unknown>>;

function mapDifference(before: Mapping, after: Mapping, keyed: boolean, kind: string): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(after)) {
    const known = before[key];
    if (sameValue(known, value)) continue;
    const mergeKey = key === 'ports' ? (kind === 'Service' ? 'port' : 'containerPort') : MERGE_KEYS[key];
    if (isPlainObject(known) && isPlainObject(value)) out[key] = mapDifference(known, value, keyed, kind);
    else if (keyed && mergeKey !== undefined && Array.isArray(known) && Array.isArray(value))
      out[key] = listDifference(known, value, mergeKey, kind) ?? [...value, { $patch: 'replace' }];
    else out[key] = value;
  }
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) out[key] = null;
  return out;
}

/** Undefined when the key does not tell the items apart. */
function listDifference(
  before: readonly unknown[],
  after: readonly unknown[],
  key: string,
  kind: string,
): readonly unknown[] | undefined {
  const byKey = (list: readonly unknown[]): ReadonlyMap<unknown, Mapping> | undefined => {
    const map = new Map<unknown, Mapping>();
    for (const item of list) {
      if (!isPlainObject(item) || item[key] === undefined || map.has(item[key])) return undefined;
      map.set(item[key], item);
    }
    return map;
  };
  const [old, now] = [byKey(before), byKey(after)];
  if (old === undefined || now === undefined) return undefined;
  const gone = [...old.keys()].filter((name) => !now.has(name)).map((name) => ({ [key]: name, $patch: 'delete' }));
  // kustomize puts what a patch names first (kyaml merge2): those before are named too, or init containers would change their order.
  const last = [...now].findLastIndex(([name, item]) => old.has(name) && !sameValue(old.get(name), item));
  const changed = [...now].flatMap(([name, item], index) => {
    const known = old.get(name);
    if (known === undefined) return [item];
    if (sameValue(known, item)) return index < last ? [{ [key]: name }] : [];
    return [{ [key]: name, ...mapDifference(known, item, true, kind) }];
  });
  return [...changed, ...gone];
}

/** `deployment-shop-web`: a file name for the patch of an object. */
export const patchName = ({ kind, name, namespace }: KubernetesObject): string =>
  [kind, namespace, name]
    .filter((part) => part !== undefined && part !== '')
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-');
