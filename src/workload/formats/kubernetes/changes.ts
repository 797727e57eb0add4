/** From what fixes ask of containers to changes of the objects: each in the object, the level and the style in which it belongs. */
import type { TextProblem } from '../../../text/span.ts';
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { Path } from '../../../text/yaml/path.ts';
import type { ContainerChange } from '../../change.ts';
import { configFileChanges } from './config-files.ts';
import { containerChanges } from './container-changes.ts';
import { BEFORE_CONTAINERS, type ChangedContainer, identityChanges } from './identity-changes.ts';
import { objectOf, objectsOf, textOf } from './json-value.ts';
import { type Moved, movedPorts } from './moved-ports.ts';
import { AT_END, type ObjectChange, type PlannedChanges } from './object-change.ts';
import { isMapping, type KubernetesObject, problemAtField } from './objects.ts';
import type { PodContainer } from './pod-spec.ts';
import { portFollowers, portsInConfigMaps } from './port-followers.ts';
import type { KubernetesWorkload } from './read.ts';

export interface WorkloadChange {
  readonly workload: KubernetesWorkload;
  readonly changes: readonly ContainerChange[];
}

/** Of everything in `read`, which may be spread over many files. */
export interface ReadObjects {
  readonly workloads: Iterable<KubernetesWorkload>;
  readonly others: readonly KubernetesObject[];
}

/** The changes of all objects that the fixes touch. */
export function planChanges(wanted: readonly WorkloadChange[], read: ReadObjects): PlannedChanges {
  const objects = new Map<KubernetesObject, YamlChange[]>();
  const problems: TextProblem[] = [];
  const add = ({ object, changes }: ObjectChange): void => {
    if (changes.length > 0) objects.set(object, [...(objects.get(object) ?? []), ...changes]);
  };
  const movers = wanted.map(({ workload, changes }) => {
    const planned = workloadChanges(workload, changes);
    add({ object: workload.object, changes: planned.changes });
    for (const { path, message } of planned.problems) problems.push(problemAtField(workload.object, path, message, 'warning'));
    return { workload, moved: planned.moved };
  });
  for (const one of configFileChanges(wanted, read.others)) add(one);
  const followers = portFollowers(movers, read.workloads, read.others);
  for (const one of followers.objects) add(one);
  problems.push(
    ...followers.problems,
    ...movers.flatMap((one) => portsInConfigMaps(one, read.others, writtenFiles(wanted, one.workload))),
  );
  return { objects: [...objects].map(([object, changes]) => ({ object, changes })), problems };
}

const writtenFiles = (wanted: readonly WorkloadChange[], of: KubernetesWorkload): ReadonlySet<string> =>
  new Set(
    wanted
      .filter(({ workload }) => workload === of)
      .flatMap(({ changes }) => changes.flatMap(({ configFiles = [] }) => configFiles.map(({ name, key }) => `${name}/${key}`))),
  );

const LISTS = ['initContainers', 'containers'] as const;

interface Planned {
  readonly changes: readonly YamlChange[];
  readonly problems: readonly { readonly path: Path; readonly message: string }[];
  readonly moved: readonly Moved[];
}

function workloadChanges({ pod, podPath }: KubernetesWorkload, wanted: readonly ContainerChange[]): Planned {
  const spec: Path = [...podPath, 'spec'];
  const own = objectOf(pod.spec) ?? {};
  const all = LISTS.flatMap((list) =>
    (Array.isArray(own[list]) ? (own[list] as readonly unknown[]) : []).flatMap((container, index): ChangedContainer[] => {
      if (!isMapping(container)) return [];
      const name = textOf(container.name) || `${list}[${index}]`;
      const change = wanted.find((one) => one.container === name);
      return [
        {
          path: [...spec, list, index],
          container: container as unknown as PodContainer,
          ...(change === undefined ? {} : { change }),
        },
      ];
    }),
  );
  const problems: { path: Path; message: string }[] = [];
  const moved: Moved[] = [];
  const taken = new Set(objectsOf(own.volumes).flatMap(({ name }) => textOf(name) ?? []));
  const changes: YamlChange[] = [...podChanges(spec, own.securityContext, wanted, problems), ...identityChanges(spec, own, all)];
  const volumes: Readonly<Record<string, unknown>>[] = [];
  for (const one of all) {
    const made = containerChanges(one, own, taken);
    const ports = movedPorts(one, own);
    changes.push(...made.changes, ...ports.changes);
    problems.push(...made.problems, ...ports.problems);
    moved.push(...ports.moved);
    volumes.push(...made.volumes);
  }
  for (const value of volumes) changes.push({ op: 'insert', path: [...spec, 'volumes', AT_END], value });
  const annotation = isMapping(pod.metadata?.annotations) ? pod.metadata.annotations['prometheus.io/port'] : undefined;
  for (const { from, to } of moved)
    if (annotation === String(from))
      changes.push({ op: 'set', path: [...podPath, 'metadata', 'annotations', 'prometheus.io/port'], value: String(to) });
  return { changes, problems, moved };
}

/** Fields that only pods have: every container gets them. */
function podChanges(
  spec: Path,
  context: unknown,
  wanted: readonly ContainerChange[],
  problems: { path: Path; message: string }[],
): readonly YamlChange[] {
  const shared = isMapping(context) ? context : {};
  const path: Path = [...spec, 'securityContext'];
  const changes: YamlChange[] = [];
  const set = (field: readonly (string | number)[], value: unknown): void => {
    changes.push({ op: 'set', path: [...path, ...field], value, before: BEFORE_CONTAINERS });
  };
  const groups = [...new Set(wanted.flatMap(({ fsGroup }) => fsGroup ?? []))];
  const [group] = groups;
  if (group !== undefined && (shared.fsGroup ?? undefined) === undefined) set(['fsGroup'], group);
  const others = groups.filter((one) => one !== (shared.fsGroup ?? group));
  if (others.length > 0)
    problems.push({
      path: [...path, 'fsGroup'],
      message: `a pod has one fsGroup: its volumes cannot belong to ${others.join(' and ')} as well`,
    });

  const known = Array.isArray(shared.supplementalGroups) ? (shared.supplementalGroups as readonly unknown[]) : [];
  for (const gid of new Set(wanted.flatMap(({ supplementalGroups }) => supplementalGroups ?? [])))
    if (!known.includes(gid))
      changes.push({ op: 'insert', path: [...path, 'supplementalGroups', AT_END], value: gid, before: BEFORE_CONTAINERS });

  const sysctls = Array.isArray(shared.sysctls) ? (shared.sysctls as readonly unknown[]) : [];
  for (const [name, value] of new Map(wanted.flatMap((one) => Object.entries(one.sysctls ?? {})))) {
    const at = sysctls.findIndex((one) => isMapping(one) && one.name === name);
    if (at < 0)
      changes.push({ op: 'insert', path: [...path, 'sysctls', AT_END], value: { name, value }, before: BEFORE_CONTAINERS });
    else set(['sysctls', at, 'value'], value);
  }
  return changes;
}
