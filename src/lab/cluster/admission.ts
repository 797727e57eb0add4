/**
 * Pod Security at the cluster's door: the product's own engine, asked as an API server asks its admission plugin, in the words of both. What
 * was refused is written down where `unroot run` writes its starts.
 */
import { appendFileSync } from 'node:fs';
import { admit } from '../../pod-security/admission.ts';
import { evaluate } from '../../pod-security/evaluate.ts';
import { compareLevels, type LevelVersion, levelVersionText } from '../../pod-security/level.ts';
import { podIn } from '../../pod-security/pod-template.ts';
import { policyOfLabels } from '../../pod-security/policy.ts';
import { readPod } from '../../pod-security/read-pod.ts';
import { servedPod } from '../../pod-security/served-pod.ts';
import { compareBytes } from '../../pod-security/words.ts';
import { pathText } from '../../text/yaml/path.ts';
import { type ClusterObject, namespaceOf } from './objects.ts';

export interface Door {
  /** `Forbidden`, and the server's sentence. */
  readonly refusal?: { readonly reason: 'Forbidden' | 'BadRequest' | 'Invalid'; readonly message: string };
  readonly warnings: readonly string[];
}

const OPEN: Door = { warnings: [] };

/** What is said of an object that wants in. `namespace`: the one it goes to. */
export function atDoor(object: ClusterObject, namespace: ClusterObject | undefined): Door {
  if (object.kind === 'Namespace') return ofLabels(object);
  const held = podIn(object);
  if (held === undefined) return OPEN;
  const { pod, problems } = readPod(held.pod);
  const [problem] = problems;
  if (problem !== undefined) {
    const where = pathText([...held.path, ...problem.path]);
    const message = `${object.kind} in version ${JSON.stringify(object.apiVersion)} cannot be handled as a ${object.kind}: ${where} ${problem.message}`;
    return { refusal: { reason: 'BadRequest', message }, warnings: [] };
  }
  const { message, warnings } = admit({
    pod: servedPod(pod, !held.enforced),
    enforced: held.enforced,
    namespace: namespaceOf(object),
    labels: namespace?.metadata.labels ?? {},
  });
  if (message === undefined) return { warnings };
  return {
    refusal: { reason: 'Forbidden', message: `pods ${JSON.stringify(object.metadata.name)} is forbidden: ${message}` },
    warnings,
  };
}

/** Labels that the server does not take. */
function ofLabels({ metadata }: ClusterObject): Door {
  const [error] = policyOfLabels(metadata.labels ?? {}).errors;
  if (error === undefined) return OPEN;
  return {
    refusal: { reason: 'Invalid', message: `The Namespace ${JSON.stringify(metadata.name)} is invalid: ${error}` },
    warnings: [],
  };
}

/**
 * What is said of pods that are in already, when the labels of their namespace become stricter. Source: admission/admission.go ValidateNamespace,
 * EvaluatePodsInNamespace: they stay.
 */
export function alreadyIn(
  namespace: ClusterObject,
  before: ClusterObject | undefined,
  pods: readonly ClusterObject[],
): readonly string[] {
  const enforced = (one: ClusterObject | undefined): LevelVersion => policyOfLabels(one?.metadata.labels ?? {}).policy.enforce;
  const [now, then] = [enforced(namespace), enforced(before)];
  if (now.level === 'privileged' || levelVersionText(now) === levelVersionText(then)) return [];
  if (now.version === then.version && compareLevels(now.level, then.level) < 1) return [];
  const offenders = new Map<string, string[]>();
  for (const { metadata, spec } of pods) {
    const found = evaluate(servedPod(readPod({ metadata, spec }).pod, false), now);
    const words = found.map(({ reason }) => reason).join(', ');
    if (found.length > 0) offenders.set(words, [...(offenders.get(words) ?? []), metadata.name]);
  }
  if (offenders.size === 0) return [];
  const { name } = namespace.metadata;
  const lines = [...offenders].map(([words, [first = '', ...others]]) => {
    const more = others.length === 0 ? '' : ` (and ${others.length} other pod${others.length === 1 ? '' : 's'})`;
    return `${first}${more}: ${words}`;
  });
  return [
    `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${JSON.stringify(levelVersionText(now))}`,
    ...lines.sort(compareBytes),
  ];
}

/** Of a controller's pod: why it does not get in; empty when that was said before, however often it is tried. */
export function turnedAway(
  set: { refused?: string },
  object: ClusterObject,
  namespace: ClusterObject | undefined,
): string | undefined {
  const { refusal } = atDoor(object, namespace);
  if (refusal === undefined) return undefined;
  const words = refusal.message.replace(object.metadata.name, '');
  const known = set.refused === words;
  set.refused = words;
  if (known) return '';
  recordRefusal(object, refusal.message);
  return refusal.message;
}

/** One line where `UNROOT_RUN_RECORD` says, as of a start that was refused. */
export function recordRefusal({ kind, metadata: { namespace = 'default', name } }: ClusterObject, message: string): void {
  const file = process.env.UNROOT_RUN_RECORD;
  if (!file) return;
  const line = {
    event: 'refused',
    run: `door-${Date.now()}`,
    time: new Date().toISOString(),
    target: `${kind} ${namespace}/${name}`,
    refused: message,
  };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
