/** A manifest under a policy: every object in it that holds a pod, what the API server would say of it, and where each offending field stands. */
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { type Path, pathText } from '../text/yaml/path.ts';
import {
  isMapping,
  type KubernetesObject,
  objectsOfFile,
  problemAtField,
  spanNearField,
} from '../workload/formats/kubernetes/objects.ts';
import { exemptionOf } from './admission.ts';
import type { Exemptions } from './configuration.ts';
import type { Offender } from './control.ts';
import { evaluate, policyMessage, type Violation } from './evaluate.ts';
import type { LevelVersion } from './level.ts';
import { type HeldPod, podIn } from './pod-template.ts';
import { policyOfLabels } from './policy.ts';
import { readPod } from './read-pod.ts';
import { servedPod } from './served-pod.ts';
import { titleOf, unknownFieldProblems } from './unknown-field-problems.ts';

/** A place as people count. */
export interface Position {
  readonly line: number;
  readonly column: number;
  /** Another one than the manifest: what was made of several files. */
  readonly file?: string;
}

/** One of the fields that make an object fail, found in the file. */
export interface PlacedOffender extends Offender, Position {
  /** From the top of the object: `spec.template.spec.containers[0].securityContext.privileged`. */
  readonly field: string;
  /** As it is written; undefined when it is not. */
  readonly value: unknown;
}

export interface PlacedViolation extends Omit<Violation, 'offenders'> {
  readonly offenders: readonly PlacedOffender[];
}

export interface CheckedObject extends Position {
  readonly kind: string;
  /** `metadata.name`, else `metadata.generateName`; empty when there is neither. */
  readonly name: string;
  readonly namespace?: string;
  /** A pod is refused; of a controller the API server only warns, and its pods are refused later. */
  readonly enforced: boolean;
  /** undecodable: a field has a type that the API server does not take; it says so instead of asking Pod Security. */
  readonly outcome: 'allowed' | 'violates' | 'exempt' | 'undecodable';
  readonly exempt?: 'namespace' | 'user' | 'runtimeClass';
  /** The API server's sentence. */
  readonly message?: string;
  readonly violations: readonly PlacedViolation[];
}

export interface CheckedManifest {
  readonly objects: readonly CheckedObject[];
  /** `Service/web`: what holds no pod. */
  readonly skipped: readonly string[];
  readonly problems: readonly TextProblem[];
}

export interface ManifestPolicy {
  readonly policy: LevelVersion;
  readonly exemptions: Exemptions;
  /** Of objects that name none. */
  readonly namespace: string;
  /** Who creates them. */
  readonly userName?: string;
}

/** Checks all documents; one that cannot be read is a problem and does not touch the others. */
export function checkManifest(file: SourceFile, options: ManifestPolicy): CheckedManifest {
  const read = objectsOfFile(file);
  const objects: CheckedObject[] = [];
  const skipped: string[] = [];
  const problems: TextProblem[] = [...read.problems];
  for (const object of read.objects) {
    const held = podIn(object.value);
    if (held === undefined) {
      skipped.push(titleOf(object));
      problems.push(...labelProblems(object));
    } else {
      const checked = checkObject(object, held, options);
      objects.push(checked.object);
      problems.push(...checked.problems, ...unknownFieldProblems(object));
    }
  }
  if (read.others > 0)
    skipped.push(
      `${read.others === 1 ? 'a document' : `${read.others} documents`} without a Kubernetes object (a text, a list, or no apiVersion and kind)`,
    );
  return { objects, skipped, problems };
}

const placeOf = (object: KubernetesObject, path: Path): Position => {
  const { line, column, file } = spanNearField(object, path, 'key');
  return { line, column, ...(file === object.source.path ? {} : { file }) };
};

function checkObject(
  object: KubernetesObject,
  held: HeldPod,
  { policy, exemptions, namespace: otherwise, userName }: ManifestPolicy,
): { readonly object: CheckedObject; readonly problems: readonly TextProblem[] } {
  const { pod, problems } = readPod(held.pod);
  const { kind, name, namespace } = object;
  const head = {
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...placeOf(object, []),
    enforced: held.enforced,
    violations: [],
  };
  if (problems.length > 0)
    return {
      object: { ...head, outcome: 'undecodable' },
      problems: problems.map((one) => {
        const below = [...held.path, ...one.path];
        const field = pathText(below) || 'the pod';
        return problemAtField(object, below, `${titleOf(object)}: ${field} ${one.message}; the API server refuses it`);
      }),
    };
  const user = userName === undefined ? {} : { userName };
  const exempt = exemptionOf({ namespace: namespace ?? otherwise, pod, ...user }, exemptions);
  if (exempt !== undefined) return { object: { ...head, outcome: 'exempt', exempt }, problems: [] };
  const violations = evaluate(servedPod(pod, !held.enforced), policy);
  if (violations.length === 0) return { object: { ...head, outcome: 'allowed' }, problems: [] };
  const placed = (offender: Offender): PlacedOffender => {
    const below = [...held.path, ...offender.path];
    return { ...offender, field: pathText(below), value: valueAt(object.value, below), ...placeOf(object, below) };
  };
  return {
    object: {
      ...head,
      outcome: 'violates',
      message: policyMessage(policy, violations, held.enforced),
      violations: violations.map((one) => ({ ...one, offenders: one.offenders.map(placed) })),
    },
    problems: [],
  };
}

function valueAt(object: unknown, path: Path): unknown {
  let at: unknown = object;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[step];
  }
  return at;
}

/** Labels of a namespace that the API server refuses to take. */
function labelProblems(object: KubernetesObject): readonly TextProblem[] {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return [];
  const { metadata } = object.value;
  const labels = isMapping(metadata) && isMapping(metadata.labels) ? metadata.labels : {};
  return Object.entries(labels).flatMap(([name, value]) =>
    typeof value === 'string'
      ? policyOfLabels({ [name]: value }).errors.map((message) =>
          problemAtField(object, ['metadata', 'labels', name], message, 'warning'),
        )
      : [],
  );
}
