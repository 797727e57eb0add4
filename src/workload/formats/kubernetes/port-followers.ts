/** Objects outside of the pod that name its ports: they follow when one moves. What the outside sees stays as it is. */
import type { TextProblem } from '../../../text/span.ts';
import type { YamlChange } from '../../../text/yaml/edit.ts';
import { type Path, pathText } from '../../../text/yaml/path.ts';
import { isPort, type Moved, namesPort, protocolOf } from './moved-ports.ts';
import { AT_END, type ObjectChange } from './object-change.ts';
import { isMapping, type KubernetesObject, problemAtField } from './objects.ts';
import type { KubernetesWorkload } from './read.ts';

/** A workload with the ports of its containers that move. */
export interface MovedWorkload {
  readonly workload: KubernetesWorkload;
  readonly moved: readonly Moved[];
}

type Labels = Readonly<Record<string, unknown>>;

const listAt = (value: unknown, ...keys: readonly string[]): readonly unknown[] => {
  const found = keys.reduce<unknown>((at, key) => (isMapping(at) ? at[key] : undefined), value);
  return Array.isArray(found) ? found : [];
};

const labelsOf = ({ pod }: KubernetesWorkload): Labels => (isMapping(pod.metadata?.labels) ? pod.metadata.labels : {});

const hasAll = (labels: Labels, wanted: Labels): boolean => Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** A LabelSelector (meta/v1); what it cannot be read for selects nothing. */
function selects(selector: unknown, labels: Labels): boolean {
  if (!isMapping(selector)) return false;
  if (isMapping(selector.matchLabels) && !hasAll(labels, selector.matchLabels)) return false;
  return listAt(selector, 'matchExpressions').every((one) => {
    if (!isMapping(one) || typeof one.key !== 'string') return false;
    const value = labels[one.key];
    const among = Array.isArray(one.values) && one.values.includes(value);
    switch (one.operator) {
      case 'In':
        return value !== undefined && among;
      case 'NotIn':
        return value === undefined || !among;
      case 'Exists':
        return value !== undefined;
      default:
        return one.operator === 'DoesNotExist' && value === undefined;
    }
  });
}

/** No namespace may be any. */
const sameSpace = (a: string | undefined, b: string | undefined): boolean => a === undefined || b === undefined || a === b;

/** `all`: every workload of the files; `others`: the objects without pods. */
export function portFollowers(
  movers: readonly MovedWorkload[],
  all: Iterable<KubernetesWorkload>,
  others: readonly KubernetesObject[],
): { readonly objects: readonly ObjectChange[]; readonly problems: readonly TextProblem[] } {
  const moving = movers.filter(({ moved }) => moved.length > 0);
  if (moving.length === 0) return { objects: [], problems: [] };
  const workloads = [...all];
  const objects: ObjectChange[] = [];
  const problems: TextProblem[] = [];
  for (const object of others) {
    const changes: YamlChange[] = [];
    const tell = (path: Path, message: string): void => {
      problems.push(problemAtField(object, path, message, 'warning'));
    };
    /** The ports that move of those a selector picks, when all that it picks move them the same way. */
    const picked = (picks: (labels: Labels) => boolean): { readonly moved: readonly Moved[]; readonly stay: boolean } => {
      const space = workloads

        .filter(
          ({ namespace, object: own }) => own.source.world === object.source.world && sameSpace(namespace, object.namespace),
        )
        .filter((one) => picks(labelsOf(one)));
      const ours = moving.filter(({ workload }) =>
        space.some((one) => one.object === workload.object && pathText(one.podPath) === pathText(workload.podPath)),
      );
      return { moved: ours.flatMap(({ moved }) => moved), stay: space.length > ours.length };
    };
    if (object.kind === 'Service' && object.apiVersion === 'v1') service(object, picked, changes, tell);
    else if (object.kind === 'NetworkPolicy') networkPolicy(object, picked, changes);
    else if (object.kind === 'PodMonitor' || object.kind === 'ServiceMonitor') monitor(object, picked, moving, changes);
    if (changes.length > 0) objects.push({ object, changes });
  }
  return { objects, problems };
}

type Picked = (picks: (labels: Labels) => boolean) => { readonly moved: readonly Moved[]; readonly stay: boolean };

function service(
  { value }: KubernetesObject,
  picked: Picked,
  changes: YamlChange[],
  tell: (path: Path, message: string) => void,
): void {
  const spec = isMapping(value.spec) ? value.spec : {};
  const { selector } = spec;
  if (!isMapping(selector) || Object.keys(selector).length === 0) return;
  const { moved, stay } = picked((labels) => hasAll(labels, selector));
  for (const { from, to, protocol, name } of moved)
    for (const [index, port] of listAt(spec, 'ports').entries()) {
      if (!isMapping(port) || protocolOf(port) !== protocol) continue;
      const target = port.targetPort ?? port.port;
      if (!isPort(target, from)) continue;
      const path: Path = ['spec', 'ports', index];
      if (stay)
        tell(
          path,
          `port ${from} of some of the pods behind it moves to ${to}, of others it does not: give the port a name in all of them`,
        );
      else if (spec.clusterIP === 'None')
        tell(
          path,
          `port ${from} of its pods moves to ${to}, and clients of a headless service reach them there${name === undefined ? '' : ` (${name})`}`,
        );
      else changes.push({ op: 'set', path: [...path, 'targetPort'], value: to });
    }
}

/** Policies are about the ports of pods, behind every service. */
function networkPolicy({ value }: KubernetesObject, picked: Picked, changes: YamlChange[]): void {
  const follow = (ports: readonly unknown[], path: Path, { moved, stay }: ReturnType<Picked>): void => {
    for (const { from, to, protocol } of moved) {
      if (ports.some((port) => isMapping(port) && isPort(port.port, to) && protocolOf(port) === protocol)) continue;
      for (const [index, port] of ports.entries()) {
        if (!isMapping(port) || !isPort(port.port, from) || protocolOf(port) !== protocol) continue;
        if (stay) changes.push({ op: 'insert', path: [...path, AT_END], value: { ...port, port: to } });
        else changes.push({ op: 'set', path: [...path, index, 'port'], value: to });
      }
    }
  };
  const spec = isMapping(value.spec) ? value.spec : {};
  const own = picked((labels) => selects(spec.podSelector, labels));
  for (const [index, rule] of listAt(spec, 'ingress').entries())
    follow(listAt(rule, 'ports'), ['spec', 'ingress', index, 'ports'], own);
  for (const [index, rule] of listAt(spec, 'egress').entries()) {
    const peers = listAt(rule, 'to');
    // Pods of other namespaces are none of those at hand.
    const near = peers.filter((peer) => isMapping(peer) && isMapping(peer.podSelector) && peer.namespaceSelector === undefined);
    const to = picked((labels) => near.some((peer) => isMapping(peer) && selects(peer.podSelector, labels)));
    follow(listAt(rule, 'ports'), ['spec', 'egress', index, 'ports'], { ...to, stay: to.stay || near.length < peers.length });
  }
}

/** Monitors of the Prometheus operator that name a number. */
function monitor(object: KubernetesObject, picked: Picked, moving: readonly MovedWorkload[], changes: YamlChange[]): void {
  const spec = isMapping(object.value.spec) ? object.value.spec : {};
  const list = object.kind === 'PodMonitor' ? 'podMetricsEndpoints' : 'endpoints';
  // A ServiceMonitor picks services; its target port is that of the pods behind them.
  const moved =
    object.kind === 'PodMonitor'
      ? picked((labels) => selects(spec.selector, labels)).moved
      : moving.length === 1 &&
          moving[0]!.workload.object.source.world === object.source.world &&
          sameSpace(moving[0]!.workload.namespace, object.namespace) &&
          selects(spec.selector, labelsOf(moving[0]!.workload))
        ? moving[0]!.moved
        : [];
  for (const { from, to } of moved)
    for (const [index, endpoint] of listAt(spec, list).entries()) {
      if (!isMapping(endpoint)) continue;
      for (const field of ['targetPort', 'portNumber'])
        if (isPort(endpoint[field], from)) changes.push({ op: 'set', path: ['spec', list, index, field], value: to });
    }
}

/** Lines of mounted ConfigMaps that name a port: the program reads them, and only its author knows what they mean. */
export function portsInConfigMaps(
  { workload, moved }: MovedWorkload,
  others: readonly KubernetesObject[],
  /** `name/key` of those that are written anew. */
  written: ReadonlySet<string> = new Set(),
): readonly TextProblem[] {
  const mounted = new Set(
    listAt(workload.pod.spec, 'volumes').flatMap((volume) => {
      const sources = isMapping(volume) ? [volume, ...listAt(volume, 'projected', 'sources')] : [];
      return sources.flatMap((one) =>
        isMapping(one) && isMapping(one.configMap) && typeof one.configMap.name === 'string' ? [one.configMap.name] : [],
      );
    }),
  );
  return others
    .filter(
      ({ kind, name, namespace, source }) =>
        kind === 'ConfigMap' &&
        mounted.has(name) &&
        source.world === workload.object.source.world &&
        sameSpace(namespace, workload.namespace),
    )
    .flatMap((object) =>
      Object.entries(isMapping(object.value.data) ? object.value.data : {}).flatMap(([key, text]) =>
        moved.flatMap(({ from, to }) => {
          const line =
            typeof text === 'string'
              ? text.split('\n').find((one) => /listen|port|bind|addr|:\d/i.test(one) && namesPort(one, from))
              : undefined;
          if (line === undefined || written.has(`${object.name}/${key}`)) return [];
          const message = `${key} is mounted in ${workload.kind} ${workload.name} and names port ${from} (${line.trim().slice(0, 60)}): the program must listen on ${to}, so change it there`;
          return [problemAtField(object, ['data', key], message)];
        }),
      ),
    );
}
