/** What `kubectl get` and `kubectl describe` print, with the columns and words people know. Pure but for the time. */
import type { Cluster } from './contract.ts';
import { type ClusterObject, deploymentSpec, keyOf, namespaceOf } from './objects.ts';
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

/** `1/2`. */
export const readyCount = (pod: ClusterPod): string => {
  const own = ((pod.object.spec ?? {}) as { containers?: readonly unknown[] }).containers?.length ?? 0;
  const states = pod.state().containers.filter(({ role }) => role === 'container');
  return `${states.filter((one) => one.ready).length}/${own}`;
};

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

/** The page on a Deployment, as far as there is something to say. */
export function describeDeployment(object: ClusterObject, cluster: Cluster): string {
  const { metadata } = object;
  const { replicas = 1, selector, strategy, template } = deploymentSpec(object);
  const pairs = (labels: Readonly<Record<string, string>> = {}): string =>
    Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(',') || '<none>';
  const sets = cluster.sets.filter(({ owner }) => owner === keyOf(object));
  const pods = cluster.pods.filter((pod) => sets.some(({ name }) => name === pod.owner));
  const containers = ((template.spec ?? {}) as { containers?: readonly { name: string; image?: string }[] }).containers ?? [];
  const events = cluster
    .events()
    .filter((one) => one.object === `deployment/${metadata.name}` && one.namespace === namespaceOf(object));
  const rows = [
    ['Type', 'Reason', 'Age', 'Message'],
    ...events.map(({ type, reason, time, message }) => [type, reason, age(Date.parse(time)), message]),
  ];
  return `${[
    `Name:             ${metadata.name}`,
    `Namespace:        ${namespaceOf(object)}`,
    `Labels:           ${pairs(metadata.labels)}`,
    `Selector:         ${pairs(selector.matchLabels)}`,
    `Replicas:         ${replicas} desired | ${pods.length} total | ${pods.filter((pod) => pod.state().ready).length} ready`,
    `StrategyType:     ${strategy?.type ?? 'RollingUpdate'}`,
    `ReplicaSets:      ${sets.map((set) => `${set.name} (${set.replicas} replicas)`).join(', ') || '<none>'}`,
    'Pod Template:',
    ...containers.flatMap(({ name, image }) => [`  ${name}:`, `    Image:          ${image ?? ''}`]),
    'Events:',
  ].join('\n')}\n${table(rows).replace(/^(?=.)/gm, '  ')}`;
}
