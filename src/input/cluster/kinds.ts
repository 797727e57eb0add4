/** The kinds of a cluster that make pods, and the names people have for them. */

export interface ClusterKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly plural: string;
  /** As kubectl abbreviates it. */
  readonly short: readonly string[];
}

/** Owners before what they own. */
export const CLUSTER_KINDS: readonly ClusterKind[] = [
  { kind: 'Deployment', apiVersion: 'apps/v1', plural: 'deployments', short: ['deploy'] },
  { kind: 'StatefulSet', apiVersion: 'apps/v1', plural: 'statefulsets', short: ['sts'] },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', plural: 'daemonsets', short: ['ds'] },
  { kind: 'CronJob', apiVersion: 'batch/v1', plural: 'cronjobs', short: ['cj'] },
  { kind: 'Job', apiVersion: 'batch/v1', plural: 'jobs', short: [] },
  { kind: 'ReplicationController', apiVersion: 'v1', plural: 'replicationcontrollers', short: ['rc'] },
  { kind: 'ReplicaSet', apiVersion: 'apps/v1', plural: 'replicasets', short: ['rs'] },
  { kind: 'Pod', apiVersion: 'v1', plural: 'pods', short: ['po'] },
];

/** `deploy`, `Deployment`, `deployments.apps`; undefined for others. */
export function clusterKind(name: string): ClusterKind | undefined {
  const plain = name.toLowerCase().replace(/\..*$/, '');
  return CLUSTER_KINDS.find(({ kind, plural, short }) => [kind.toLowerCase(), plural, ...short].includes(plain));
}

/** The collection's path, of one namespace or of all. */
export function collectionPath({ apiVersion, plural }: ClusterKind, namespace: string | undefined): string {
  const group = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  return namespace === undefined ? `${group}/${plural}` : `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}
