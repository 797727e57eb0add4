/** From the objects of a cluster to its workloads: pods under whoever controls them in the end. */
import type { ClusterObject } from './objects.ts';

export interface ClusterWorkload {
  /** At the top of the chain; its template is what is looked at. */
  readonly object: ClusterObject;
  /** Controls it, and could not be seen. */
  readonly owner?: string;
  readonly pods: readonly ClusterObject[];
}

/** An identity of a container, as the kubelet reports it. */
export interface ReportedUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Longer than any real chain. */
const DEEPEST = 10;

type OwnerReference = NonNullable<ClusterObject['metadata']['ownerReferences']>[number];

const controllerOf = ({ metadata }: ClusterObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

/** In the order of namespaces, kinds and names. */
export function workloadsOf(objects: readonly ClusterObject[]): readonly ClusterWorkload[] {
  const byUid = new Map(objects.flatMap((one) => (one.metadata.uid === undefined ? [] : [[one.metadata.uid, one] as const])));
  const top = (from: ClusterObject): { readonly object: ClusterObject; readonly unseen?: OwnerReference } => {
    let object = from;
    for (let depth = 0; depth < DEEPEST; depth += 1) {
      const reference = controllerOf(object);
      if (reference === undefined) return { object };
      const owner = byUid.get(reference.uid);
      if (owner === undefined) return { object, unseen: reference };
      object = owner;
    }
    return { object };
  };
  const found = new Map<string, { object: ClusterObject; owner?: string; pods: ClusterObject[] }>();
  for (const one of objects) {
    const { object, unseen } = top(one);
    // Pods of one controller that may not be seen are one workload all the same.
    const key = unseen === undefined ? idOf(object) : `owned by ${unseen.uid}`;
    const known = found.get(key) ?? {
      object,
      ...(unseen === undefined ? {} : { owner: `${unseen.kind}/${unseen.name}` }),
      pods: [],
    };
    found.set(key, known);
    // Of a ReplicaSet and its pods without their Deployment the ReplicaSet says more.
    if (known.object.kind === 'Pod' && object.kind !== 'Pod') known.object = object;
    if (one.kind === 'Pod') known.pods.push(one);
  }
  const order = ({ object }: ClusterWorkload): string => [object.metadata.namespace, object.kind, object.metadata.name].join('/');
  return [...found.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

const idOf = ({ kind, metadata }: ClusterObject): string =>
  metadata.uid ?? `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

const LISTS = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'];

/** By the container's name (KEP-3619; there since 1.31 where the runtime tells it). */
export function reportedUsers(pod: ClusterObject): ReadonlyMap<string, ReportedUser> {
  const users = new Map<string, ReportedUser>();
  const status = (pod.status ?? {}) as Readonly<Record<string, unknown>>;
  for (const list of LISTS) {
    const statuses = status[list];
    if (!Array.isArray(statuses)) continue;
    for (const one of statuses as readonly { name?: unknown; user?: { linux?: Partial<Record<string, unknown>> } }[]) {
      const { uid, gid, supplementalGroups } = one.user?.linux ?? {};
      if (typeof one.name !== 'string' || typeof uid !== 'number' || typeof gid !== 'number') continue;
      const groups = Array.isArray(supplementalGroups) ? supplementalGroups.filter((group) => typeof group === 'number') : [];
      users.set(one.name, { uid, gid, groups });
    }
  }
  return users;
}
