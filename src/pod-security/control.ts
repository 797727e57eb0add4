/** What a control is: one question to a pod, with the versions of the policy at which its answer changed. */
import type { Pod, PodContainer, PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';
import type { Level } from './level.ts';

/** Steps from the pod down to a field: `['spec', 'containers', 0, 'ports', 1, 'hostPort']`. It may not be written there: then it is missing. */
export type FieldPath = readonly (string | number)[];

/** One of the fields that make the pod fail. */
export interface Offender {
  readonly path: FieldPath;
  /** Absent: a field of the pod. */
  readonly container?: string;
}

/** A pod fails a control. */
export interface Offence {
  /** Upstream's words: the short ones, and what stands behind them in parentheses (may be empty). */
  readonly reason: string;
  readonly detail: string;
  /** At least one, in the order of the pod. */
  readonly offenders: readonly Offender[];
}

/** Undefined = the pod passes. */
export type Rule = (pod: Pod) => Offence | undefined;

export interface Revision {
  /** First minor of `v1.` that it applies to. */
  readonly since: number;
  readonly rule: Rule;
  /** Controls of baseline that this one takes the place of under restricted. */
  readonly overrides?: readonly string[];
}

export interface Control {
  /** Upstream's, which also orders the messages. */
  readonly id: string;
  readonly level: Exclude<Level, 'privileged'>;
  readonly summary: string;
  /** Rising `since`. */
  readonly revisions: readonly Revision[];
}

/** A container of any kind, with the way to it. */
export interface PlacedContainer {
  readonly container: PodContainer;
  readonly path: FieldPath;
}

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Init, regular, ephemeral: the order of the messages. Source: policy/visitor.go. */
export const containersOf = ({ spec }: Pod): readonly PlacedContainer[] =>
  LISTS.flatMap((list) => (spec?.[list] ?? []).map((container, index) => ({ container, path: ['spec', list, index] as const })));

/** The field under the container. */
export const under = ({ container, path }: PlacedContainer, ...steps: FieldPath): Offender => ({
  path: [...path, ...steps],
  container: container.name,
});

/** The field of the pod. */
export const ofPod = (...steps: FieldPath): Offender => ({ path: ['spec', ...steps] });

/** The containers' names, each once per container: two of one name are named twice. */
export const namesOf = (placed: readonly PlacedContainer[]): readonly string[] => placed.map(({ container }) => container.name);

/** `hostUsers: false`: root inside is nobody outside. Source: policy/helpers.go relaxPolicyForUserNamespacePod. */
export const hasOwnUserNamespace = (spec: PodSpec | undefined): boolean => spec?.hostUsers === false;

/** From 1.25 on, what only Linux knows is not asked of a pod that says it is for Windows. */
export const exceptWindows =
  (rule: Rule): Rule =>
  (pod) =>
    pod.spec?.os?.name === 'windows' ? undefined : rule(pod);

/** From 1.35 on, a pod in its own user namespace may. */
export const exceptUserNamespace =
  (rule: Rule): Rule =>
  (pod) =>
    hasOwnUserNamespace(pod.spec) ? undefined : rule(pod);
