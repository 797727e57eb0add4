/** What `kubectl get` and `kubectl describe` print, with the columns and words people know. Pure but for the time. */
import type { Cluster, ClusterEvent } from './cluster.ts';
import { endpoints } from './node-ports.ts';
import { type ClusterObject, deploymentSpec, keyOf, matches, namespaceOf, serviceSpec, templateHash } from './objects.ts';
import type { ClusterPod } from './pod.ts';

export type Rows = readonly (readonly string[])[];

/** Columns three blanks apart, as kubectl has them. */
export function table(rows: Rows): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** 8s, 3m, 2h. */
export function age(since: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  return seconds < 120 ? `${seconds}s` : seconds < 7200 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`;
}

/** As printers.go of kubernetes names it: the reason of whatever keeps it from running, else its phase. */
export function podStatus(pod: ClusterPod): string {
  if (pod.deleted() !== undefined) return 'Terminating';
  const { phase, containers } = pod.state();
  const init = containers.find(({ role, state, exitCode }) => role === 'init' && (state !== 'terminated' || exitCode !== 0));
  if (init !== undefined) return `Init:${init.reason ?? 'Running'}`;
  const held = containers.find(({ role, state }) => role === 'container' && state !== 'running');
  return held?.reason ?? (containers.length === 0 ? 'ContainerCreating' : phase);
}

const ready = (pod: ClusterPod): string => {
  const own = ((pod.object.spec ?? {}) as { containers?: readonly unknown[] }).containers?.length ?? 0;
  const states = pod.state().containers.filter(({ role }) => role === 'container');
  return `${states.filter((one) => one.ready).length}/${own}`;
};

export const podRow = (pod: ClusterPod): readonly string[] => [
  pod.object.metadata.name,
  ready(pod),
  podStatus(pod),
  String(pod.state().containers.reduce((all, { restarts }) => all + restarts, 0)),
  age(pod.since),
];
export const POD_HEAD: readonly string[] = ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'];

/** One table, or undefined for a word that is no resource here. */
export function rowsOf(resource: string, cluster: Cluster, namespace: string | undefined): Rows | undefined {
  const here = <T extends ClusterObject>(kind: string): readonly T[] =>
    [...cluster.objects.values()].filter(
      (one) => one.kind === kind && (namespace === undefined || namespaceOf(one) === namespace),
    ) as T[];
  switch (resource.replace(/^(.*)\.apps$/, '$1')) {
    case 'po':
    case 'pod':
    case 'pods':
      return [
        POD_HEAD,
        ...cluster.pods.filter(({ object }) => namespace === undefined || namespaceOf(object) === namespace).map(podRow),
      ];
    case 'deploy':
    case 'deployment':
    case 'deployments':
      return [
        ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE'],
        ...here('Deployment').map((one) => {
          const { replicas = 1 } = deploymentSpec(one);
          const available = podsOf(one, cluster.pods).filter((pod) => pod.state().ready && pod.deleted() === undefined).length;
          const hash = templateHash(deploymentSpec(one).template);
          const fresh = cluster.sets.find((set) => set.owner === keyOf(one) && set.hash === hash);
          return [one.metadata.name, `${available}/${replicas}`, String(fresh?.replicas ?? 0), String(available)];
        }),
      ];
    case 'rs':
    case 'replicaset':
    case 'replicasets':
      return [
        ['NAME', 'DESIRED', 'CURRENT', 'READY', 'AGE'],
        ...cluster.sets
          .filter((set) => namespace === undefined || set.namespace === namespace)
          .map((set) => {
            const pods = cluster.pods.filter((pod) => pod.owner === set.name && pod.deleted() === undefined);
            const up = pods.filter((pod) => pod.state().ready).length;
            return [set.name, String(set.replicas), String(pods.length), String(up), age(set.since)];
          }),
      ];
    case 'svc':
    case 'service':
    case 'services':
      return [
        ['NAME', 'TYPE', 'PORT(S)', 'TARGET', 'ENDPOINTS'],
        ...here('Service').map((one) => {
          const { type = 'ClusterIP', ports = [] } = serviceSpec(one);
          const numbers = ports
            .map(({ port, nodePort }) => `${port}${nodePort === undefined ? '' : `:${nodePort}`}/TCP`)
            .join(',');
          const targets = ports.map(({ port, targetPort = port }) => targetPort).join(',');
          return [
            one.metadata.name,
            type,
            numbers,
            targets,
            endpoints(one, cluster.pods)
              .map((pod) => pod.object.metadata.name)
              .join(',') || '<none>',
          ];
        }),
      ];
    case 'ev':
    case 'event':
    case 'events':
      return [
        EVENT_HEAD,
        ...cluster
          .events()
          .filter((one) => namespace === undefined || one.namespace === namespace)
          .map(eventRow),
      ];
    case 'ns':
    case 'namespace':
    case 'namespaces':
      return [
        ['NAME', 'STATUS', 'LABELS'],
        ...[
          ...(cluster.objects.has('Namespace//default') ? [] : [{ metadata: { name: 'default', labels: {} } }]),
          ...[...cluster.objects.values()].filter(({ kind }) => kind === 'Namespace'),
        ].map(({ metadata: { name, labels = {} } }) => [
          name,
          'Active',
          Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(',') || '<none>',
        ]),
      ];
    default:
      return undefined;
  }
}

export const EVENT_HEAD: readonly string[] = ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
export const eventRow = ({ time, type, reason, object, message }: ClusterEvent): readonly string[] => [
  age(Date.parse(time)),
  type,
  reason,
  object,
  message,
];

/** The page on one pod: whose it is, how its containers stand, and what happened. */
export function describePod(pod: ClusterPod, cluster: Cluster): string {
  const { metadata, spec } = pod.object;
  const containers = ((spec ?? {}) as { containers?: readonly { name: string; image?: string }[] }).containers ?? [];
  const lines = [
    `Name:             ${metadata.name}`,
    `Namespace:        ${namespaceOf(pod.object)}`,
    `Labels:           ${Object.entries(metadata.labels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join('\n                  ')}`,
    `Status:           ${pod.deleted() === undefined ? pod.state().phase : 'Terminating'}`,
    ...(pod.owner === undefined ? [] : [`Controlled By:    ReplicaSet/${pod.owner}`]),
    'Containers:',
  ];
  for (const { name, image } of containers) {
    const state = pod.state().containers.find((one) => one.name === name);
    const word = state?.state ?? 'waiting';
    lines.push(
      `  ${name}:`,
      `    Image:          ${image ?? ''}`,
      `    State:          ${word.slice(0, 1).toUpperCase()}${word.slice(1)}`,
    );
    if (state?.reason !== undefined) lines.push(`      Reason:       ${state.reason}`);
    if (state?.message !== undefined) lines.push(`      Message:      ${state.message}`);
    if (state?.exitCode !== undefined) lines.push(`      Exit Code:    ${state.exitCode}`);
    lines.push(`    Ready:          ${state?.ready === true ? 'True' : 'False'}`, `    Restart Count:  ${state?.restarts ?? 0}`);
  }
  const events = cluster.events().filter(({ object }) => object === `pod/${metadata.name}`);
  lines.push('Events:');
  const rows = [
    ['Type', 'Reason', 'Age', 'Message'],
    ...events.map(({ type, reason, time, message }) => [type, reason, age(Date.parse(time)), message]),
  ];
  return `${lines.join('\n')}\n${table(rows).replace(/^(?=.)/gm, '  ')}`;
}

/** Those of the objects that the labels of a Deployment's selector fit. */
const podsOf = (deployment: ClusterObject, pods: readonly ClusterPod[]): readonly ClusterPod[] =>
  pods.filter(
    ({ object }) =>
      namespaceOf(object) === namespaceOf(deployment) &&
      matches(deploymentSpec(deployment).selector.matchLabels ?? {}, object.metadata.labels ?? {}),
  );
