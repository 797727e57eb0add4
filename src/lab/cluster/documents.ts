/** Objects as the API server would show them (`-o yaml`, `-o json`): what was applied, and how it stands. Pure. */
import type { Cluster, ClusterEvent, ReplicaSet } from './contract.ts';
import { type ClusterObject, deploymentSpec, keyOf, templateHash } from './objects.ts';
import type { ClusterPod } from './pod.ts';

interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
}

const condition = (type: string, holds: boolean, reason?: string): Condition => ({
  type,
  status: holds ? 'True' : 'False',
  ...(reason === undefined ? {} : { reason }),
});

const when = (time: number | undefined): { readonly creationTimestamp?: string } =>
  time === undefined ? {} : { creationTimestamp: new Date(time).toISOString().replace(/\.\d+Z$/, 'Z') };

/** Something that was applied. */
export function documentOf(object: ClusterObject, cluster: Cluster): object {
  const { apiVersion, kind, metadata, ...rest } = object;
  const whole = { apiVersion, kind, metadata: { ...metadata, ...when(cluster.since.get(keyOf(object))) }, ...rest };
  if (kind === 'Namespace') return { ...whole, status: { phase: 'Active' } };
  return kind === 'Deployment' ? { ...whole, status: deploymentStatus(object, cluster) } : whole;
}

function deploymentStatus(object: ClusterObject, cluster: Cluster): object {
  const { template, replicas: wanted = 1 } = deploymentSpec(object);
  const sets = cluster.sets.filter(({ owner }) => owner === keyOf(object));
  const fresh = sets.find(({ hash }) => hash === templateHash(template));
  const pods = cluster.pods.filter((pod) => sets.some(({ name }) => name === pod.owner) && pod.deleted() === undefined);
  const ready = pods.filter((pod) => pod.state().ready).length;
  return {
    observedGeneration: object.metadata.generation ?? 1,
    replicas: pods.length,
    updatedReplicas: pods.filter(({ owner }) => owner === fresh?.name).length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, wanted - ready),
    conditions: [
      condition('Available', ready >= wanted && wanted > 0 ? true : wanted === 0),
      condition('Progressing', true, cluster.rollout(object).done ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'),
    ],
  };
}

export function podDocument(pod: ClusterPod): object {
  const { apiVersion, kind, metadata, ...rest } = pod.object;
  const { phase, ready, network, containers } = pod.state();
  const deleted = pod.deleted();
  const images = new Map(
    Object.values((rest.spec ?? {}) as Record<string, unknown>)
      .flatMap((list) => (Array.isArray(list) ? (list as { name?: string; image?: string }[]) : []))
      .map(({ name = '', image = '' }) => [name, image]),
  );
  const statuses = (init: boolean): readonly object[] =>
    containers
      .filter(({ role }) => (role === 'container') !== init)
      .map(({ name, state, reason, message, exitCode, started, ready, restarts }) => ({
        name,
        image: images.get(name) ?? '',
        ready,
        started,
        restartCount: restarts,
        state: {
          [state]: {
            ...(exitCode === undefined ? {} : { exitCode }),
            ...(reason === undefined ? {} : { reason }),
            ...(message === undefined ? {} : { message }),
          },
        },
      }));
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      ...when(pod.since),
      ...(deleted === undefined ? {} : { deletionTimestamp: when(deleted).creationTimestamp }),
      ...(pod.owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: pod.owner, controller: true }] }),
    },
    ...rest,
    status: {
      phase,
      ...(network?.address === undefined ? {} : { podIP: network.address }),
      conditions: [
        condition('PodScheduled', true),
        condition(
          'Initialized',
          containers.every(({ role, state, exitCode }) => role !== 'init' || (state === 'terminated' && exitCode === 0)),
        ),
        condition('ContainersReady', ready),
        condition('Ready', ready),
      ],
      ...(statuses(true).length === 0 ? {} : { initContainerStatuses: statuses(true) }),
      containerStatuses: statuses(false),
    },
  };
}

export const setDocument = (
  { name, namespace, hash, template, replicas, since }: ReplicaSet,
  pods: number,
  ready: number,
): object => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name, namespace, labels: { ...template.metadata?.labels, 'pod-template-hash': hash }, ...when(since) },
  spec: { replicas, template },
  status: { replicas: pods, readyReplicas: ready },
});

export function eventDocument({ type, reason, object, message, namespace, time }: ClusterEvent): object {
  const [kind = '', name = ''] = object.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace },
    type,
    reason,
    message,
    involvedObject: { kind, name, namespace },
    lastTimestamp: time,
  };
}

/** What a condition says; undefined = it has none of that name. Names are compared as kubectl does, in any case. */
export function conditionOf(document: object, type: string): string | undefined {
  const { status } = document as { status?: { conditions?: readonly Condition[] } };
  return status?.conditions?.find((one) => one.type.toLowerCase() === type.toLowerCase())?.status;
}
