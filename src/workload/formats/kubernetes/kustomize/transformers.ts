/** What a kustomization does to all its objects: namespace, prefix and suffix, labels, annotations, images, replicas. */
import type { Path } from '../../../../text/yaml/path.ts';
import { eachHolder, type FieldSpec, selects } from './field-spec.ts';
import { allIds, firstId, idOf, isClusterScoped, type Resource, rememberId, setText } from './resource.ts';
import { entryOf, mapAt, type Origin, type Traced, type TracedMap, textAt } from './traced.ts';

const split = (path: string): readonly string[] => path.split('/');
const spec = (path: string, more: Omit<FieldSpec, 'path'> = {}): FieldSpec => ({ path: split(path), ...more });

/** Places of labels on what a template makes (kustomize builtinpluginconsts, the facts of it). */
const TEMPLATE_LABELS: readonly FieldSpec[] = [
  spec('metadata/labels', { create: true }),
  spec('spec/template/metadata/labels', { create: true, kind: 'ReplicationController', version: 'v1' }),
  ...['Deployment', 'ReplicaSet', 'DaemonSet'].map((kind) => spec('spec/template/metadata/labels', { create: true, kind })),
  spec('spec/template/metadata/labels', { create: true, group: 'apps', kind: 'StatefulSet' }),
  spec('spec/volumeClaimTemplates/metadata/labels', { create: true, group: 'apps', kind: 'StatefulSet' }),
  spec('spec/template/metadata/labels', { create: true, group: 'batch', kind: 'Job' }),
  spec('spec/jobTemplate/metadata/labels', { create: true, group: 'batch', kind: 'CronJob' }),
  spec('spec/jobTemplate/spec/template/metadata/labels', { create: true, group: 'batch', kind: 'CronJob' }),
];

const AFFINITY = [
  'podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm',
  'podAffinity/requiredDuringSchedulingIgnoredDuringExecution',
  'podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm',
  'podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution',
];

const SELECTOR_LABELS: readonly FieldSpec[] = [
  spec('spec/selector', { create: true, kind: 'Service', version: 'v1' }),
  spec('spec/selector', { create: true, kind: 'ReplicationController', version: 'v1' }),
  ...['Deployment', 'ReplicaSet', 'DaemonSet'].map((kind) => spec('spec/selector/matchLabels', { create: true, kind })),
  spec('spec/selector/matchLabels', { create: true, group: 'apps', kind: 'StatefulSet' }),
  ...['Deployment', 'StatefulSet'].flatMap((kind) => [
    ...AFFINITY.map((path) => spec(`spec/template/spec/affinity/${path}/labelSelector/matchLabels`, { group: 'apps', kind })),
    spec('spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels', { group: 'apps', kind }),
  ]),
  spec('spec/selector/matchLabels', { group: 'batch', kind: 'Job' }),
  spec('spec/jobTemplate/spec/selector/matchLabels', { group: 'batch', kind: 'CronJob' }),
  spec('spec/selector/matchLabels', { group: 'policy', kind: 'PodDisruptionBudget' }),
  ...['podSelector', 'ingress/from/podSelector', 'egress/to/podSelector'].map((path) =>
    spec(`spec/${path}/matchLabels`, { group: 'networking.k8s.io', kind: 'NetworkPolicy' }),
  ),
];

const ANNOTATIONS: readonly FieldSpec[] = [
  spec('metadata/annotations', { create: true }),
  spec('spec/template/metadata/annotations', { create: true, kind: 'ReplicationController', version: 'v1' }),
  ...['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet'].map((kind) =>
    spec('spec/template/metadata/annotations', { create: true, kind }),
  ),
  spec('spec/template/metadata/annotations', { create: true, group: 'batch', kind: 'Job' }),
  spec('spec/jobTemplate/metadata/annotations', { create: true, group: 'batch', kind: 'CronJob' }),
  spec('spec/jobTemplate/spec/template/metadata/annotations', { create: true, group: 'batch', kind: 'CronJob' }),
];

/** Pairs into every mapping of the fields. `fields`: which; `metadata` is the object's own labels alone. */
export function setPairs(
  resources: readonly Resource[],
  pairs: TracedMap,
  fields: 'selectors' | 'templates' | 'metadata' | 'annotations' | readonly FieldSpec[],
): void {
  const specs =
    fields === 'selectors'
      ? [...SELECTOR_LABELS, ...TEMPLATE_LABELS]
      : fields === 'templates'
        ? TEMPLATE_LABELS
        : fields === 'annotations'
          ? ANNOTATIONS
          : fields === 'metadata'
            ? [spec('metadata/labels', { create: true })]
            : fields;
  for (const resource of resources)
    for (const one of specs) {
      if (!selects(one, resource)) continue;
      for (const [key, value] of pairs.entries) {
        const origin = value.origins[0]!;
        eachHolder(resource.object, [...one.path, key], one.create === true ? origin : undefined, (holder, name) =>
          holder.entries.set(name, value.kind === 'scalar' ? { ...value, value: String(value.value) } : value),
        );
        // What is there already holds the pair, whether or not anything may be made.
        if (one.create !== true)
          eachHolder(resource.object, one.path, undefined, (holder, name) => {
            const map = holder.entries.get(name);
            if (map?.kind === 'map') map.entries.set(key, value);
          });
      }
    }
}

export function setNamespace(resources: readonly Resource[], namespace: string, origin: Origin): void {
  for (const resource of resources) {
    const id = idOf(resource.object);
    rememberId(resource);
    if (!isClusterScoped(id.kind)) setText(resource, 'namespace', namespace, origin);
    if (id.kind === 'Namespace' && id.group === '' && id.version === 'v1') setText(resource, 'name', namespace, origin);
    const put = (holder: TracedMap, key: string): void => {
      holder.entries.set(key, { kind: 'scalar', value: namespace, origins: [origin] });
    };
    if (id.kind === 'APIService') eachHolder(resource.object, split('spec/service/namespace'), origin, put);
    if (id.kind === 'CustomResourceDefinition')
      eachHolder(resource.object, split('spec/conversion/webhook/clientConfig/service/namespace'), undefined, put);
    if (id.kind === 'RoleBinding' || id.kind === 'ClusterRoleBinding') {
      const subjects = entryOf(resource.object, 'subjects');
      for (const subject of subjects?.kind === 'list' ? subjects.items : [])
        if (subject.kind === 'map' && textAt(subject, 'name') === 'default' && textAt(subject, 'kind') === 'ServiceAccount')
          put(subject, 'namespace');
    }
  }
}

/** A name that belongs to the API, or that the others find their way by. */
const UNPREFIXED = new Set(['CustomResourceDefinition', 'APIService', 'Namespace']);

export function setAffix(resources: readonly Resource[], prefix: string, suffix: string, origin: Origin): void {
  for (const resource of resources) {
    if (UNPREFIXED.has(firstId(resource).kind)) continue;
    rememberId(resource);
    if (prefix !== '') resource.prefixes.push(prefix);
    if (suffix !== '') resource.suffixes.push(suffix);
    setText(resource, 'name', prefix + idOf(resource.object).name + suffix, origin);
  }
}

export interface ImageRule {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
  readonly tagSuffix?: string;
  readonly origin: Origin;
}

/** A reference in its parts; the colon of a port is none of a tag. */
export function imageParts(image: string): { readonly name: string; readonly tag: string; readonly digest: string } {
  const at = image.indexOf('@');
  const plain = at < 0 ? image : image.slice(0, at);
  const slash = plain.lastIndexOf('/');
  const colon = plain.indexOf(':', slash + 1);
  return {
    name: colon < 0 ? plain : plain.slice(0, colon),
    tag: colon < 0 ? '' : plain.slice(colon + 1),
    digest: at < 0 ? '' : image.slice(at + 1),
  };
}

const REST = /^(?::[\w.{}-]*)?(?:@sha256:[\w.{}-]*)?$/;

/** The reference as the rule makes it; undefined when the rule is about another one. */
export function ruledImage(
  image: string,
  { name, newName, newTag = '', digest = '', tagSuffix = '' }: ImageRule,
): string | undefined {
  if (!image.startsWith(name) || !REST.test(image.slice(name.length))) return undefined;
  const parts = imageParts(image);
  let [tag, sum] = [parts.tag, parts.digest];
  if (newTag !== '' && digest !== '') [tag, sum] = [newTag, digest];
  else if (newTag !== '') [tag, sum] = [newTag, ''];
  else if (digest !== '') [tag, sum] = ['', digest];
  else if (tagSuffix !== '') [tag, sum] = [tag + tagSuffix, ''];
  return `${newName ?? parts.name}${tag === '' ? '' : `:${tag}`}${sum === '' ? '' : `@${sum}`}`;
}

export function setImages(resources: readonly Resource[], rule: ImageRule): void {
  const renew = (holder: Traced, key: string): void => {
    const image = entryOf(holder, key);
    if (holder.kind !== 'map' || image?.kind !== 'scalar' || typeof image.value !== 'string') return;
    const value = ruledImage(image.value, rule);
    if (value !== undefined && value !== image.value)
      holder.entries.set(key, { kind: 'scalar', value, origins: [rule.origin, ...image.origins] });
  };
  const visit = (node: Traced): void => {
    if (node.kind === 'list') for (const item of node.items) visit(item);
    if (node.kind !== 'map') return;
    for (const [key, value] of node.entries) {
      visit(value);
      if ((key === 'containers' || key === 'initContainers') && value.kind === 'list')
        for (const item of value.items) renew(item, 'image');
      if (key === 'volumes' && value.kind === 'list')
        for (const item of value.items) if (entryOf(item, 'image') !== undefined) renew(entryOf(item, 'image')!, 'reference');
    }
  };
  for (const { object } of resources) if (idOf(object).kind !== 'CustomResourceDefinition') visit(object);
}

const SCALED = new Set(['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet']);

/** False when nothing has that name. */
export function setReplicas(resources: readonly Resource[], name: string, count: Traced, origin: Origin): boolean {
  const fits = resources.filter((one) => allIds(one).some((id) => id.name === name && SCALED.has(id.kind)));
  for (const { object } of fits) mapAt(object, ['spec'], origin)?.entries.set('replicas', count);
  return fits.length > 0;
}

/** `spec/template/metadata/labels` of a kustomization's own `fields`. */
export const fieldPath = (text: string): Path & readonly string[] => text.split('/').map((part) => part.replace(/\[\]$/, ''));
