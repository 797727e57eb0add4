/**
 * A cluster of one node, as small as it can be and still be true to what a Deployment promises: objects as they were applied, a controller that
 * goes from old ReplicaSets to the new one by Kubernetes' rules, pods run by `unroot run`, NodePorts that lead to the ready ones. No API server,
 * no scheduler, no network between pods, no names; nothing is kept when it ends.
 */
import { turnedAway } from './admission.ts';
import type { Cluster, ClusterEvent, ClusterOptions, ReplicaSet } from './contract.ts';
import { type NodePorts, nodePorts, withNodePorts } from './node-ports.ts';
import {
  type ClusterObject,
  deploymentSpec,
  keyOf,
  nameOf,
  nameSuffix,
  namespaceOf,
  refused,
  sorted,
  templateHash,
} from './objects.ts';
import { type ClusterPod, startPod } from './pod.ts';
import { fenceposts, nextCounts, type SetCount } from './rollout.ts';

const MOST_PODS = 30;

export function createCluster(options: ClusterOptions): Cluster {
  const objects = new Map<string, ClusterObject>();
  const since = new Map<string, number>();
  const own: ClusterEvent[] = [];
  const past: ClusterEvent[] = [];
  let sets: ReplicaSet[] = [];
  let pods: ClusterPod[] = [];
  let waiting: (() => void)[] = [];
  const ports: NodePorts = nodePorts(options.host, () => pods);

  const of = (set: ReplicaSet): readonly ClusterPod[] => pods.filter(({ owner }) => owner === set.name);
  const count = (set: ReplicaSet): SetCount => ({
    replicas: set.replicas,
    available: of(set).filter((pod) => pod.state().ready && pod.deleted() === undefined).length,
    pods: of(set).length,
  });
  const note = (object: ClusterObject | ReplicaSet, reason: string, message: string): void => {
    const [namespace, name] =
      'kind' in object
        ? [namespaceOf(object), nameOf(object).replace('.apps', '')]
        : [object.namespace, `replicaset/${object.name}`];
    const type = reason === 'FailedCreate' ? 'Warning' : 'Normal';
    own.push({ time: new Date().toISOString(), type, reason, namespace, object: name, message });
  };

  const start = (object: ClusterObject, owner?: ReplicaSet): void => {
    if (pods.length >= MOST_PODS) return;
    const namespace = namespaceOf(object);
    const turned = owner === undefined ? undefined : turnedAway(owner, object, objects.get(`Namespace//${namespace}`));
    if (owner !== undefined && turned !== undefined) {
      if (turned !== '') note(owner, 'FailedCreate', `Error creating: ${turned}`);
      return;
    }
    const beside = [...objects.values()].filter(
      (one) => ['ConfigMap', 'Secret'].includes(one.kind) && namespaceOf(one) === namespace,
    );
    const { folder, program, hostRoot } = options;
    pods.push(
      startPod(object, {
        folder,
        program,
        hostRoot,
        beside,
        onChange: wake,
        ...(owner === undefined ? {} : { owner: owner.name }),
      }),
    );
    if (owner !== undefined) note(owner, 'SuccessfulCreate', `Created pod: ${object.metadata.name}`);
  };
  const stop = (pod: ClusterPod): void => {
    if (pod.deleted() !== undefined) return;
    const set = sets.find(({ name }) => name === pod.owner);
    if (set !== undefined) note(set, 'SuccessfulDelete', `Deleted pod: ${pod.object.metadata.name}`);
    void pod.delete().then(() => {
      past.push(...eventsOf(pod));
      pods = pods.filter((one) => one !== pod);
      wake();
    });
  };

  /** Every ReplicaSet gets as many pods as it should have: those that are no use go first, then the youngest. */
  const fill = (set: ReplicaSet): void => {
    const there = of(set).filter((pod) => pod.deleted() === undefined);
    for (let missing = set.replicas - there.length; missing > 0; missing -= 1) {
      const { metadata = {}, spec } = set.template;
      start(
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            ...metadata,
            name: `${set.name}-${nameSuffix()}`,
            namespace: set.namespace,
            labels: { ...metadata.labels, 'pod-template-hash': set.hash },
          },
          spec,
        },
        set,
      );
    }
    const last = [...there].sort((a, b) => Number(a.state().ready) - Number(b.state().ready) || b.since - a.since);
    for (const pod of last.slice(0, Math.max(0, there.length - set.replicas))) stop(pod);
  };

  const roll = (deployment: ClusterObject): void => {
    const { template, replicas = 1, strategy } = deploymentSpec(deployment);
    const key = keyOf(deployment);
    const hash = templateHash(template);
    let fresh = sets.find((set) => set.owner === key && set.hash === hash);
    if (fresh === undefined) {
      const name = `${deployment.metadata.name}-${hash}`;
      fresh = { name, namespace: namespaceOf(deployment), owner: key, hash, template, since: Date.now(), replicas: 0 };
      sets.push(fresh);
    }
    const old = sets.filter((set) => set.owner === key && set !== fresh).sort((a, b) => a.since - b.since);
    const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
    const plan = { type: strategy?.type ?? 'RollingUpdate', replicas, ...fenceposts(replicas, maxSurge, maxUnavailable) };
    const next = nextCounts(plan, count(fresh), old.map(count));
    for (const [index, set] of [fresh, ...old].entries()) {
      const wanted = index === 0 ? next.fresh : next.old[index - 1]!;
      if (wanted === set.replicas) continue;
      note(
        deployment,
        'ScalingReplicaSet',
        `Scaled ${wanted > set.replicas ? 'up' : 'down'} replica set ${set.name} from ${set.replicas} to ${wanted}`,
      );
      set.replicas = wanted;
      again = true;
    }
  };

  let again = false;
  let over = false;
  const reconcile = (): void => {
    do {
      again = false;
      for (const object of objects.values()) if (object.kind === 'Deployment') roll(object);
      for (const set of sets) fill(set);
    } while (again);
    sets = sets.filter((set) => objects.has(set.owner) || of(set).length > 0);
  };
  let planned = false;
  function wake(): void {
    if (!planned)
      setImmediate(() => {
        planned = false;
        if (!over) reconcile();
      });
    planned = true;
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  }

  const merged = (object: ClusterObject): ClusterObject => {
    const known = objects.get(keyOf(object));
    if (object.kind === 'Service')
      return withNodePorts({ ...object, metadata: { ...object.metadata, namespace: namespaceOf(object) } }, known, services());
    const same = JSON.stringify(sorted(known?.spec)) === JSON.stringify(sorted(object.spec));
    const generation = (known?.metadata.generation ?? 0) + (known === undefined || !same ? 1 : 0);
    const namespace = object.kind === 'Namespace' ? {} : { namespace: namespaceOf(object) };
    return { ...object, metadata: { ...object.metadata, ...namespace, ...(object.kind === 'Deployment' ? { generation } : {}) } };
  };
  const services = (): readonly ClusterObject[] => [...objects.values()].filter(({ kind }) => kind === 'Service');

  return {
    objects,
    since,
    get sets() {
      return sets;
    },
    get pods() {
      return pods;
    },
    events: () => [...past, ...own, ...pods.flatMap(eventsOf)].sort((a, b) => (a.time < b.time ? -1 : 1)).slice(-500),
    merged,
    async apply(object) {
      const key = keyOf(object);
      const known = objects.get(key);
      const next = merged(object);
      if (known !== undefined && JSON.stringify(sorted(known)) === JSON.stringify(sorted(next))) return 'unchanged';
      if (known !== undefined && object.kind === 'Pod')
        throw refused(
          `The Pod "${object.metadata.name}" is invalid: spec: Forbidden: pod updates may not change fields other than a few: delete it first`,
        );
      if (known !== undefined && object.kind === 'Deployment') {
        const [was, is] = [known, object].map((one) => JSON.stringify(sorted(deploymentSpec(one).selector)));
        if (was !== is)
          throw refused(
            `The Deployment "${object.metadata.name}" is invalid: spec.selector: Invalid value: ${is}: field is immutable`,
          );
      }
      if (known === undefined) since.set(key, Date.now());
      if (object.kind === 'Service') {
        await ports.set([...services().filter((one) => keyOf(one) !== key), next]);
        objects.set(key, next);
      } else objects.set(key, next);
      if (object.kind === 'Pod') start(next);
      wake();
      return known === undefined ? 'created' : 'configured';
    },
    async delete(key) {
      const object = objects.get(key);
      if (object === undefined) {
        // A pod of a ReplicaSet may be deleted too: another one takes its place.
        const pod = pods.find((one) => keyOf(one.object) === key);
        if (pod !== undefined) stop(pod);
        return pod !== undefined;
      }
      objects.delete(key);
      for (const set of sets) if (set.owner === key) set.replicas = 0;
      for (const pod of pods) if (keyOf(pod.object) === key) stop(pod);
      if (object.kind === 'Service') await ports.set(services());
      if (object.kind === 'Namespace')
        for (const other of [...objects.values()])
          if (namespaceOf(other) === object.metadata.name) await this.delete(keyOf(other));
      wake();
      return true;
    },
    rollout(deployment) {
      const { template, replicas = 1 } = deploymentSpec(deployment);
      const all = sets.filter(({ owner }) => owner === keyOf(deployment));
      const fresh = all.find(({ hash }) => hash === templateHash(template));
      const name = `Waiting for deployment "${deployment.metadata.name}" rollout to finish:`;
      const updated = fresh === undefined ? 0 : fresh.replicas;
      if (updated < replicas)
        return { done: false, words: `${name} ${updated} out of ${replicas} new replicas have been updated...` };
      const old = all.filter((set) => set !== fresh).flatMap(of).length;
      if (old > 0) return { done: false, words: `${name} ${old} old replicas are pending termination...` };
      const available = fresh === undefined ? 0 : count(fresh).available;
      if (available < replicas)
        return { done: false, words: `${name} ${available} of ${replicas} updated replicas are available...` };
      return { done: true, words: `deployment "${deployment.metadata.name}" successfully rolled out` };
    },
    changed: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
    async close() {
      over = true;
      ports.close();
      await Promise.all(pods.map((pod) => pod.delete()));
    },
  };
}

const eventsOf = (pod: ClusterPod): readonly ClusterEvent[] =>
  pod
    .state()
    .events.map((event) => ({ ...event, namespace: namespaceOf(pod.object), object: `pod/${pod.object.metadata.name}` }));
