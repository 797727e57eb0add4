/** A pod against a level and a version: which controls apply there, which the pod fails, and upstream's sentence about it. Source: policy/registry.go. */
import type { Pod } from '../workload/formats/kubernetes/pod-spec.ts';
import type { Control, Offence, Revision, Rule } from './control.ts';
import { controls } from './controls/index.ts';
import { type LevelVersion, levelVersionText } from './level.ts';

/** The newest version with rules of its own; what is newer, and `latest`, means this one. */
export const NEWEST_VERSION: number = Math.max(...controls.flatMap(({ revisions }) => revisions.map(({ since }) => since)));

export interface Violation extends Offence {
  readonly control: Control;
}

interface Applied {
  readonly control: Control;
  readonly rule: Rule;
}

/** The last revision that has begun at this version. */
const revisionAt = ({ revisions }: Control, minor: number): Revision | undefined =>
  revisions.findLast(({ since }) => since <= minor);

/** The controls at a level and minor, in the order of the messages; restricted leaves out those of baseline that its own replace. */
function applied(level: LevelVersion['level'], minor: number): readonly Applied[] {
  if (level === 'privileged') return [];
  const there = controls
    .filter((control) => level === 'restricted' || control.level === 'baseline')
    .flatMap((control) => {
      const revision = revisionAt(control, minor);
      return revision === undefined ? [] : [{ control, revision }];
    });
  const replaced = new Set(there.flatMap(({ revision }) => revision.overrides ?? []));
  return there
    .filter(({ control }) => !replaced.has(control.id))
    .map(({ control, revision }) => ({ control, rule: revision.rule }));
}

const byPolicy = new Map<string, readonly Applied[]>();

/** The controls that are asked under a policy. */
export function controlsAt({ level, version }: LevelVersion): readonly Applied[] {
  const minor = version === 'latest' ? NEWEST_VERSION : Math.min(version, NEWEST_VERSION);
  const key = `${level} ${minor}`;
  const known = byPolicy.get(key) ?? applied(level, minor);
  byPolicy.set(key, known);
  return known;
}

/** What the pod fails, in the order of the message; empty = allowed. The pod must have been read by `readPod`. */
export const evaluate = (pod: Pod, policy: LevelVersion): readonly Violation[] =>
  controlsAt(policy).flatMap(({ control, rule }) => {
    const offence = rule(pod);
    return offence === undefined ? [] : [{ control, ...offence }];
  });

/** `runAsUser=0 (pod must not set runAsUser=0)`. */
export const violationText = ({ reason, detail }: Offence): string => (detail === '' ? reason : `${reason} (${detail})`);

/** All of them, as upstream strings them together. */
export const violationsText = (violations: readonly Offence[]): string => violations.map(violationText).join(', ');

/** What the API server answers: enforced it `violates`, for warnings and audit it `would violate`. */
export const policyMessage = (policy: LevelVersion, violations: readonly Offence[], enforced: boolean): string =>
  `${enforced ? 'violates' : 'would violate'} PodSecurity "${levelVersionText(policy)}": ${violationsText(violations)}`;
