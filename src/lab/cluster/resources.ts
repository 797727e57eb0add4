/** What there is to get: for each resource its words, its columns and the document of each of its objects. Pure but for the time. */
import type { Cluster } from './contract.ts';
import { documentOf, eventDocument, podDocument, setDocument } from './documents.ts';
import { endpoints } from './node-ports.ts';
import {
  type ClusterObject,
  deploymentSpec,
  type Kind,
  keyOf,
  namespaceOf,
  RESOURCES,
  serviceSpec,
  templateHash,
} from './objects.ts';
import { age, podStatus, readyCount } from './tables.ts';

/** One line of a table, and what it stands for. */
export interface Entry {
  /** '' for what belongs to none. */
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Without the name. */
  readonly cells: readonly string[];
  /** More columns of `-o wide`. */
  readonly wide?: readonly string[];
  document(): object;
}

export interface Resource {
  /** `pod`, `deployment.apps`: before `/NAME`. */
  readonly name: string;
  readonly plural: string;
  readonly short: readonly string[];
  readonly head: readonly string[];
  readonly wide?: readonly string[];
  /** Its table begins with the name. */
  readonly named: boolean;
  entries(cluster: Cluster): readonly Entry[];
}

const ofKind = (cluster: Cluster, kind: Kind): readonly ClusterObject[] =>
  [...cluster.objects.values()].filter((one) => one.kind === kind);

const sinceOf = (cluster: Cluster, object: ClusterObject): string => age(cluster.since.get(keyOf(object)) ?? Date.now());

/** An entry of something that was applied. */
const applied = (cluster: Cluster, object: ClusterObject, cells: readonly string[], wide?: readonly string[]): Entry => ({
  namespace: namespaceOf(object),
  name: object.metadata.name,
  labels: object.metadata.labels ?? {},
  cells,
  ...(wide === undefined ? {} : { wide }),
  document: () => documentOf(object, cluster),
});

const images = (spec: Readonly<Record<string, unknown>>, field: 'name' | 'image'): string =>
  ((spec as { containers?: readonly Readonly<Record<string, string>>[] }).containers ?? [])
    .map((one) => one[field] ?? '')
    .join(',');

const PODS: Resource = {
  name: 'pod',
  plural: 'pods',
  short: ['po'],
  head: ['READY', 'STATUS', 'RESTARTS', 'AGE'],
  wide: ['IP', 'NODE'],
  named: true,
  entries: (cluster) =>
    cluster.pods.map((pod) => ({
      namespace: namespaceOf(pod.object),
      name: pod.object.metadata.name,
      labels: pod.object.metadata.labels ?? {},
      cells: [
        readyCount(pod),
        podStatus(pod),
        String(pod.state().containers.reduce((all, { restarts }) => all + restarts, 0)),
        age(pod.since),
      ],
      wide: [pod.state().network?.address ?? '<none>', 'node'],
      document: () => podDocument(pod),
    })),
};

const DEPLOYMENTS: Resource = {
  name: 'deployment.apps',
  plural: 'deployments',
  short: ['deploy', 'deployment'],
  head: ['READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE'],
  wide: ['CONTAINERS', 'IMAGES'],
  named: true,
  entries: (cluster) =>
    ofKind(cluster, 'Deployment').map((one) => {
      const { replicas = 1, template } = deploymentSpec(one);
      const owned = cluster.sets.filter((set) => set.owner === keyOf(one));
      const names = new Set(owned.map(({ name }) => name));
      const available = cluster.pods.filter(
        (pod) => pod.owner !== undefined && names.has(pod.owner) && pod.state().ready && pod.deleted() === undefined,
      ).length;
      const fresh = owned.find(({ hash }) => hash === templateHash(template));
      return applied(
        cluster,
        one,
        [`${available}/${replicas}`, String(fresh?.replicas ?? 0), String(available), sinceOf(cluster, one)],
        [images(template.spec, 'name'), images(template.spec, 'image')],
      );
    }),
};

const SETS: Resource = {
  name: 'replicaset.apps',
  plural: 'replicasets',
  short: ['rs', 'replicaset'],
  head: ['DESIRED', 'CURRENT', 'READY', 'AGE'],
  named: true,
  entries: (cluster) =>
    cluster.sets.map((set) => {
      const pods = cluster.pods.filter((pod) => pod.owner === set.name && pod.deleted() === undefined);
      const up = pods.filter((pod) => pod.state().ready).length;
      return {
        namespace: set.namespace,
        name: set.name,
        labels: { ...set.template.metadata?.labels, 'pod-template-hash': set.hash },
        cells: [String(set.replicas), String(pods.length), String(up), age(set.since)],
        document: () => setDocument(set, pods.length, up),
      };
    }),
};

const SERVICES: Resource = {
  name: 'service',
  plural: 'services',
  short: ['svc'],
  head: ['TYPE', 'PORT(S)', 'TARGET', 'ENDPOINTS', 'AGE'],
  named: true,
  entries: (cluster) =>
    ofKind(cluster, 'Service').map((one) => {
      const { type = 'ClusterIP', ports = [] } = serviceSpec(one);
      const numbers = ports.map(({ port, nodePort }) => `${port}${nodePort === undefined ? '' : `:${nodePort}`}/TCP`).join(',');
      const targets = ports.map(({ port, targetPort = port }) => targetPort).join(',');
      const behind = endpoints(one, cluster.pods).map((pod) => pod.object.metadata.name);
      return applied(cluster, one, [type, numbers, targets, behind.join(',') || '<none>', sinceOf(cluster, one)]);
    }),
};

const NAMESPACES: Resource = {
  name: 'namespace',
  plural: 'namespaces',
  short: ['ns'],
  head: ['STATUS', 'LABELS'],
  named: true,
  entries(cluster) {
    const own: ClusterObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } };
    const all = ofKind(cluster, 'Namespace');
    return (cluster.objects.has(keyOf(own)) ? all : [own, ...all]).map((one) => {
      const labels = Object.entries(one.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
      return applied(cluster, one, ['Active', labels.join(',') || '<none>']);
    });
  },
};

const EVENTS: Resource = {
  name: 'event',
  plural: 'events',
  short: ['ev'],
  head: ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'],
  named: false,
  entries: (cluster) =>
    cluster.events().map((one, index) => ({
      namespace: one.namespace,
      name: `${one.object.replace('/', '.')}.${index}`,
      labels: {},
      cells: [age(Date.parse(one.time)), one.type, one.reason, one.object, one.message],
      document: () => eventDocument(one),
    })),
};

const kept = (kind: 'ConfigMap' | 'Secret', short: readonly string[]): Resource => ({
  name: RESOURCES[kind].name,
  plural: RESOURCES[kind].plural,
  short,
  head: ['DATA', 'AGE'],
  named: true,
  entries: (cluster) =>
    ofKind(cluster, kind).map((one) => {
      const { data = {}, stringData = {} } = one as { data?: object; stringData?: object };
      return applied(cluster, one, [String(Object.keys({ ...data, ...stringData }).length), sinceOf(cluster, one)]);
    }),
});

const ALL: readonly Resource[] = [
  PODS,
  SERVICES,
  DEPLOYMENTS,
  SETS,
  NAMESPACES,
  EVENTS,
  kept('ConfigMap', ['cm']),
  kept('Secret', []),
];

/** What `get all` shows: upstream's category of that name, as far as it is here. */
const CATEGORY_ALL: readonly Resource[] = [PODS, SERVICES, DEPLOYMENTS, SETS];

/** By its name, its plural or a short one, with or without its group; undefined = nothing here is called so. */
export const resourceOf = (word: string): Resource | undefined =>
  ALL.find(({ name, plural, short }) =>
    [
      name,
      plural,
      ...short,
      ...(name.endsWith('.apps') ? [`${plural}.apps`, ...short.map((one) => `${one}.apps`)] : []),
    ].includes(word.toLowerCase()),
  );

/** `pods,svc`, `all`; undefined for a word that is none. */
export function resourcesOf(words: string): readonly Resource[] | undefined {
  const all = words
    .split(',')
    .flatMap((word): readonly (Resource | undefined)[] => (word === 'all' ? CATEGORY_ALL : [resourceOf(word)]));
  return all.includes(undefined) ? undefined : (all as Resource[]);
}
