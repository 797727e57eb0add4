/** From manifests to workloads: every object that makes pods, with its containers' settings and the place of each. */
import { type SourceFile, spanAt } from '../../../text/source-file.ts';
import type { Span, TextProblem } from '../../../text/span.ts';
import type { YamlNode } from '../../../text/yaml/node.ts';
import { locate, type Path, pathText } from '../../../text/yaml/path.ts';
import type { Workload, WorkloadContainer } from '../../workload.ts';
import { isTemplateProblem } from './chart-template.ts';
import { fieldSpans } from './field-spans.ts';
import { wrongMetadata, wrongType } from './field-types.ts';
import { isMapping, type KubernetesObject, objectsOfFile, problemAtField, spanNearField } from './objects.ts';
import { podNameOf, podOfTemplate } from './pod-of-template.ts';
import { settingsOfPod } from './pod-settings.ts';
import type { Pod } from './pod-spec.ts';
import type { Surroundings } from './surroundings.ts';
import { surroundingsOf } from './surroundings-of-objects.ts';
import { podPlaces } from './template-places.ts';

export interface KubernetesWorkload extends Workload {
  readonly format: 'kubernetes';
  readonly pod: Pod;
  /** What it was read from: for fields' places, and for whoever looks at the rest of it. */
  readonly object: KubernetesObject;
  /** From the object to the pod: `spec`, `template`; empty for a Pod. */
  readonly podPath: Path;
  /** The API server would not store the object: its words, and where the cause stands. */
  readonly rejected?: { readonly reason: string; readonly message: string; readonly path: Path; readonly span: Span };
}

export interface Manifests {
  readonly workloads: readonly KubernetesWorkload[];
  /** Objects that make no pods: Service, ConfigMap, Secret, Namespace … */
  readonly others: readonly KubernetesObject[];
  /** Documents that are no Kubernetes objects. */
  readonly foreign: number;
  readonly problems: readonly TextProblem[];
}

/** What holds a pod, not yet looked into. */
export interface PodHolder {
  readonly object: KubernetesObject;
  readonly path: Path;
}

export interface ScannedManifests extends Omit<Manifests, 'workloads'> {
  readonly holders: readonly PodHolder[];
  /** The workload of one of them: worked out when it is its turn, so that thousands of files need not be held in full. */
  readonly workload: (holder: PodHolder) => KubernetesWorkload;
}

/** Reads files together, and works out everything at once. */
export function readManifests(sources: Iterable<SourceFile>): Manifests {
  const { holders, workload, ...rest } = scanManifests(sources);
  return { ...rest, workloads: holders.map(workload) };
}

/** Reads files together: what one of them says of a ConfigMap counts for the pods of another. */
export function scanManifests(sources: Iterable<SourceFile>): ScannedManifests {
  const objects: KubernetesObject[] = [];
  const problems: TextProblem[] = [];
  let foreign = 0;
  for (const source of sources) {
    const read = objectsOfFile(source);
    for (const object of read.objects) objects.push(object);
    for (const problem of read.problems) problems.push(problem);
    foreign += read.others;
  }
  const around = surroundingsByWorld(objects);
  const holders: PodHolder[] = [];
  const others: KubernetesObject[] = [];
  for (const object of objects) {
    const places = podPlaces(object.apiVersion, object.kind, object.value);
    if (places.length === 0) others.push(object);
    for (const { path, remark } of places) {
      if (remark !== undefined) problems.push(problemAtField(object, 'apiVersion', remark.message, remark.severity));
      holders.push({ object, path });
      if (!hasContainers(object, path))
        problems.push(problemAtField(object, [...path, 'spec', 'containers'], `${nameOf(object)} has no containers`, 'warning'));
    }
  }
  return {
    holders,
    workload: ({ object, path }) => workloadOf(object, path, around(object)),
    others,
    foreign,
    problems: onceEachChart(problems),
  };
}

/** What was made together does not see what was not. */
function surroundingsByWorld(objects: readonly KubernetesObject[]): (object: KubernetesObject) => Surroundings {
  const worlds = new Map<string | undefined, KubernetesObject[]>();
  for (const object of objects) {
    const { world } = object.source;
    const known = worlds.get(world);
    if (known === undefined) worlds.set(world, [object]);
    else known.push(object);
  }
  const around = new Map([...worlds].map(([world, own]) => [world, surroundingsOf(own)]));
  return ({ source: { world }, namespace }) => around.get(world)!(namespace);
}

const templateAt = (object: KubernetesObject, path: Path): unknown =>
  path.reduce<unknown>((at, part) => (at as Readonly<Record<string | number, unknown>> | undefined | null)?.[part], object.value);

function hasContainers(object: KubernetesObject, path: Path): boolean {
  const template = templateAt(object, path);
  const spec = isMapping(template) ? template.spec : undefined;
  return isMapping(spec) && Array.isArray(spec.containers) && spec.containers.some(isMapping);
}

/** A chart has many templates; one word about it is enough. */
function onceEachChart(problems: readonly TextProblem[]): readonly TextProblem[] {
  const count = new Map<string, number>();
  for (const { message } of problems) if (isTemplateProblem(message)) count.set(message, (count.get(message) ?? 0) + 1);
  const told = new Set<string>();
  return problems.flatMap((problem) => {
    const times = count.get(problem.message);
    if (times === undefined || times === 1) return [problem];
    if (told.has(problem.message)) return [];
    told.add(problem.message);
    return [{ ...problem, message: `${problem.message} (and ${times - 1} more like it)` }];
  });
}

/** `Deployment web`. */
const nameOf = ({ kind, name }: KubernetesObject): string => (name === '' ? kind : `${kind} ${name}`);

/** Where a field of the workload's pod was written, `spec.containers[0].image`, or what is nearest to it. */
export const spanNearPodField = (workload: KubernetesWorkload, path: Path, part: 'value' | 'key' = 'value'): Span =>
  spanNearField(workload.object, [...workload.podPath, ...path], part);

function workloadOf(object: KubernetesObject, path: Path, around: Surroundings): KubernetesWorkload {
  const pod = podOfTemplate(object, templateAt(object, path));
  const wrong = wrongType(pod, path);
  const ofObject = wrong === undefined ? wrongMetadata(object.value.metadata, []) : undefined;
  return {
    format: 'kubernetes',
    kind: object.kind,
    name: object.name,
    ...(object.namespace === undefined ? {} : { namespace: object.namespace }),
    span: object.span,
    containers: containersOf(object, path, pod, around),
    pod,
    object,
    podPath: path,
    ...(wrong === undefined ? {} : { rejected: rejection(object, path, wrong.path, wrong.message) }),
    ...(ofObject === undefined ? {} : { rejected: rejection(object, [], ofObject.path, ofObject.message) }),
  };
}

function rejection(
  object: KubernetesObject,
  podPath: Path,
  path: Path,
  message: string,
): NonNullable<KubernetesWorkload['rejected']> {
  const { kind, apiVersion } = object;
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return {
    reason: 'BadRequest',
    message: `${kind} in version "${version}" cannot be handled as a ${kind}: ${message}`,
    path,
    span: spanNearField(object, [...podPath, ...path]),
  };
}

const LIST_OF_ROLE = {
  init: 'initContainers',
  sidecar: 'initContainers',
  container: 'containers',
  ephemeral: 'ephemeralContainers',
} as const;

function containersOf(object: KubernetesObject, path: Path, pod: Pod, around: Surroundings): readonly WorkloadContainer[] {
  const { source, node } = object;
  const spec = locate(node, [...path, 'spec'])?.node;
  const next: Record<string, number> = {};
  return settingsOfPod(pod, around).map((container): WorkloadContainer => {
    const list = LIST_OF_ROLE[container.role];
    const at = nextMapping(pod, list, next[list] ?? 0);
    next[list] = at + 1;
    const mapping: YamlNode | undefined = spec && locate(spec, [list, at])?.node;
    const settings =
      container.settings.pod === undefined || path.length === 0 || object.name === ''
        ? container.settings
        : { ...container.settings, pod: { ...container.settings.pod, name: podNameOf(object.kind, object.name) } };
    return {
      ...container,
      name: container.name === '' ? `${pathText([list, at])}` : container.name,
      settings,
      ...(mapping === undefined ? {} : { span: spanAt(source, mapping.start, mapping.end) }),
      spans: fieldSpans(source, mapping, spec),
    };
  });
}

/** settingsOfPod leaves out what is no mapping; the places must not shift. */
function nextMapping(pod: Pod, list: 'initContainers' | 'containers' | 'ephemeralContainers', from: number): number {
  const items: readonly unknown[] = Array.isArray(pod.spec?.[list]) ? pod.spec[list] : [];
  let at = from;
  while (at < items.length && !isMapping(items[at])) at += 1;
  return at;
}
