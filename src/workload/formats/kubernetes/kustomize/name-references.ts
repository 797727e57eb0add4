/** References follow when the name of what they lead to changes: hashes, prefixes, namespaces. */
import { eachHolder, type FieldSpec, selects } from './field-spec.ts';
import { allIds, currentId, isClusterScoped, type Resource, type ResourceId, sameSpace } from './resource.ts';
import { entryOf, type Origin, type Traced, type TracedMap, textAt } from './traced.ts';

interface Reference extends FieldSpec {
  readonly to: string;
  readonly toGroup?: string;
}

/** Where the spec of the pod stands, by kind. */
const PODS: Readonly<Record<string, string>> = {
  Pod: 'spec',
  PodTemplate: 'template/spec',
  Deployment: 'spec/template/spec',
  ReplicaSet: 'spec/template/spec',
  ReplicationController: 'spec/template/spec',
  DaemonSet: 'spec/template/spec',
  StatefulSet: 'spec/template/spec',
  Job: 'spec/template/spec',
  CronJob: 'spec/jobTemplate/spec/template/spec',
};

const pod = (to: string, paths: readonly string[], without: readonly string[]): readonly Reference[] =>
  Object.entries(PODS)
    .filter(([kind]) => !without.includes(kind))
    .flatMap(([kind, spec]) => paths.map((path) => ({ to, kind, path: `${spec}/${path}`.split('/') })));

const at = (to: string, kinds: readonly string[], paths: readonly string[]): readonly Reference[] =>
  kinds.flatMap((kind) => paths.map((path) => ({ to, kind, path: path.split('/') })));

const both = (path: string): readonly string[] => [`containers/${path}`, `initContainers/${path}`];
const NO_CONTROLLER = ['ReplicationController'];
const ACCOUNTED = ['PodTemplate', 'ReplicaSet'];

/** The facts of kustomize's builtinpluginconsts/namereference. */
const REFERENCES: readonly Reference[] = [
  ...['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'].flatMap((to) =>
    at(to, ['HorizontalPodAutoscaler'], ['spec/scaleTargetRef/name']),
  ),
  ...pod(
    'ConfigMap',
    [
      'volumes/configMap/name',
      'volumes/projected/sources/configMap/name',
      ...both('env/valueFrom/configMapKeyRef/name'),
      ...both('envFrom/configMapRef/name'),
    ],
    NO_CONTROLLER,
  ),
  ...pod(
    'Secret',
    [
      'volumes/secret/secretName',
      'volumes/projected/sources/secret/name',
      'imagePullSecrets/name',
      ...both('env/valueFrom/secretKeyRef/name'),
      ...both('envFrom/secretRef/name'),
    ],
    NO_CONTROLLER,
  ),
  ...at('Secret', ['Ingress'], ['spec/tls/secretName']),
  ...at('Secret', ['ServiceAccount'], ['imagePullSecrets/name']),
  ...['ConfigMap', 'Secret'].flatMap((to) => at(to, ['Role', 'ClusterRole'], ['rules/resourceNames'])),
  ...at('Service', ['StatefulSet'], ['spec/serviceName']),
  ...at(
    'Service',
    ['Ingress'],
    [
      'spec/rules/http/paths/backend/serviceName',
      'spec/backend/serviceName',
      'spec/rules/http/paths/backend/service/name',
      'spec/defaultBackend/service/name',
    ],
  ),
  ...at('Service', ['APIService'], ['spec/service/name']),
  ...at('Service', ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'], ['webhooks/clientConfig/service']),
  ...at('Role', ['RoleBinding'], ['roleRef/name']),
  ...at('ClusterRole', ['RoleBinding', 'ClusterRoleBinding'], ['roleRef/name']),
  ...at('ServiceAccount', ['RoleBinding', 'ClusterRoleBinding'], ['subjects']),
  ...pod('ServiceAccount', ['serviceAccountName'], ACCOUNTED),
  ...pod('PersistentVolumeClaim', ['volumes/persistentVolumeClaim/claimName'], ACCOUNTED),
  ...at('PersistentVolume', ['PersistentVolumeClaim'], ['spec/volumeName']),
  ...at('StorageClass', ['PersistentVolume', 'PersistentVolumeClaim'], ['spec/storageClassName']),
  ...at('StorageClass', ['StatefulSet'], ['spec/volumeClaimTemplates/spec/storageClassName']),
  ...pod('PriorityClass', ['priorityClassName'], ACCOUNTED),
  ...at('IngressClass', ['Ingress'], ['spec/ingressClassName']),
];

/** After everything else. Gives back what could not be decided, in words. */
export function fixReferences(resources: readonly Resource[]): readonly string[] {
  const faults: string[] = [];
  const byKind = new Map<string, Resource[]>();
  for (const one of resources)
    for (const kind of new Set(allIds(one).map((id) => id.kind))) byKind.set(kind, [...(byKind.get(kind) ?? []), one]);
  for (const referrer of resources)
    for (const reference of REFERENCES) {
      const candidates = byKind.get(reference.to) ?? [];
      if (candidates.length === 0 || !selects(reference, referrer)) continue;
      eachHolder(referrer.object, reference.path, undefined, (holder, key) => {
        const pick = (name: string, among: readonly Resource[]): Resource | undefined => {
          const found = referral(name, reference, referrer, among);
          if (found === 'several')
            faults.push(`${name} of ${currentId(referrer).kind} ${currentId(referrer).name} may mean several objects`);
          return found === 'several' ? undefined : found;
        };
        follow(holder, key, candidates, pick);
      });
    }
  return faults;
}

type Pick = (name: string, among: readonly Resource[]) => Resource | undefined;

function follow(holder: TracedMap, key: string, candidates: readonly Resource[], pick: Pick): void {
  const node = holder.entries.get(key);
  if (node?.kind === 'scalar') {
    const renamed = renamedScalar(node, candidates, pick);
    if (renamed !== undefined) holder.entries.set(key, renamed);
  } else if (node?.kind === 'map') followMap(node, candidates, pick);
  else if (node?.kind === 'list')
    for (const [index, item] of node.items.entries()) {
      if (item.kind === 'map') followMap(item, candidates, pick);
      const renamed = item.kind === 'scalar' ? renamedScalar(item, candidates, pick) : undefined;
      if (renamed !== undefined) node.items[index] = renamed;
    }
}

function renamedScalar(node: Traced, candidates: readonly Resource[], pick: Pick): Traced | undefined {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  const found = pick(node.value, candidates);
  const name = found === undefined ? undefined : currentId(found).name;
  return name === undefined || name === node.value ? undefined : { ...node, value: name };
}

/** A subject, or a service of a webhook: name and namespace are both taken. */
function followMap(node: TracedMap, candidates: readonly Resource[], pick: Pick): void {
  const name = textAt(node, 'name');
  if (name === undefined) return;
  const given = textAt(node, 'namespace');
  const inSpace = (which: (one: Resource) => ResourceId): readonly Resource[] =>
    candidates.filter((one) => (which(one).namespace || 'default') === (given || 'default'));
  const original = given === undefined ? candidates : inSpace((one) => allIds(one)[0]!);
  const found = pick(name, original.length > 0 ? original : inSpace(currentId));
  if (found === undefined) return;
  const now = currentId(found);
  const origin = node.origins[0] as Origin;
  const set = (key: string, value: string): void => {
    node.entries.set(key, { kind: 'scalar', value, origins: entryOf(node, key)?.origins ?? [origin] });
  };
  if (now.name === name && now.namespace === '') return;
  set('name', now.name);
  if (now.namespace !== '') set('namespace', now.namespace);
}

function referral(
  name: string,
  { to, path }: Reference,
  referrer: Resource,
  candidates: readonly Resource[],
): Resource | 'several' | undefined {
  const own = currentId(referrer);
  const roleRef = path.join('/') === 'roleRef/name' ? roleOf(referrer) : undefined;
  const fits = candidates.filter((one) => {
    // Only what was renamed at some time has a name of before.
    if (!one.before.some((id) => id.name === name)) return false;
    if (!one.before.some((id) => id.kind === to)) return false;
    if (roleRef !== undefined && !one.before.some((id) => id.kind === roleRef.kind && id.group === roleRef.group)) return false;
    const id = currentId(one);
    return isClusterScoped(own.kind) || isClusterScoped(id.kind) || id.kind === 'ServiceAccount' || sameSpace(own, id);
  });
  if (fits.length <= 1) return fits[0];
  const wrapped = fits.filter((one) => wrappedAlike(one, referrer, true));
  const alike = wrapped.length > 1 ? wrapped.filter((one) => wrappedAlike(one, referrer, false)) : wrapped;
  if (alike.length <= 1) return alike[0];
  return new Set(alike.map((one) => currentId(one).name)).size === 1 ? alike[0] : 'several';
}

function roleOf({ object }: Resource): { readonly kind: string; readonly group: string } | undefined {
  const [group, kind] = [textAt(object, 'roleRef', 'apiGroup'), textAt(object, 'roleRef', 'kind')];
  return group === undefined || kind === undefined ? undefined : { kind, group };
}

/** Prefixes and suffixes that were put round both, from the outermost on. */
function wrappedAlike(a: Resource, b: Resource, allowNone: boolean): boolean {
  const same = (one: readonly string[], two: readonly string[]): boolean =>
    (allowNone && (one.length === 0 || two.length === 0)) || one.join('\0') === two.join('\0');
  return same(a.prefixes, b.prefixes) && same(a.suffixes, b.suffixes);
}
