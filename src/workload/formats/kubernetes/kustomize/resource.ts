/** An object on its way through a build, with the names it had before: patches and references may use any of them. */
import { mapAt, type Origin, type TracedMap, textAt } from './traced.ts';

export interface ResourceId {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

export interface Resource {
  readonly object: TracedMap;
  /** Oldest first, without the present one. */
  readonly before: ResourceId[];
  /** Outermost last: references lead to what was wrapped the same way. */
  readonly prefixes: string[];
  readonly suffixes: string[];
  /** A generator made it, and its name shall tell what is in it. */
  hashed: boolean;
}

/** Kinds without a namespace (kubectl api-resources --namespaced=false). */
const CLUSTER = new Set([
  'APIService',
  'CSIDriver',
  'CSINode',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'ComponentStatus',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PodSecurityPolicy',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

export const isClusterScoped = (kind: string): boolean => CLUSTER.has(kind);

export const groupVersion = (apiVersion: string): { readonly group: string; readonly version: string } => {
  const at = apiVersion.indexOf('/');
  return at < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, at), version: apiVersion.slice(at + 1) };
};

export const idOf = (object: TracedMap): ResourceId => ({
  ...groupVersion(textAt(object, 'apiVersion') ?? ''),
  kind: textAt(object, 'kind') ?? '',
  name: textAt(object, 'metadata', 'name') ?? '',
  namespace: textAt(object, 'metadata', 'namespace') ?? '',
});

export const currentId = ({ object }: Resource): ResourceId => idOf(object);
export const allIds = (resource: Resource): readonly ResourceId[] => [...resource.before, currentId(resource)];
export const firstId = (resource: Resource): ResourceId => resource.before[0] ?? currentId(resource);

/** The name of now is one of before from now on. */
export const rememberId = (resource: Resource): void => {
  resource.before.push(currentId(resource));
};

const space = ({ namespace, kind }: ResourceId): string =>
  isClusterScoped(kind) ? '' : namespace === '' ? 'default' : namespace;

export const sameId = (a: ResourceId, b: ResourceId): boolean =>
  a.group === b.group && a.version === b.version && a.kind === b.kind && a.name === b.name && space(a) === space(b);

export const sameSpace = (a: ResourceId, b: ResourceId): boolean => space(a) === space(b);

export function setText(resource: Resource, field: 'name' | 'namespace', value: string, origin: Origin): void {
  mapAt(resource.object, ['metadata'], origin)?.entries.set(field, { kind: 'scalar', value, origins: [origin] });
}
