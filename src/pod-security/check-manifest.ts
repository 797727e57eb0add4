/** A manifest under a policy: every object in it that holds a pod, what the API server would say of it, and where each offending field stands. */
import { positionAt, type SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import type { YamlNode } from '../text/yaml/node.ts';
import { locateNearest, type Path, pathText } from '../text/yaml/path.ts';
import { readYaml } from '../text/yaml/read.ts';
import { exemptionOf } from './admission.ts';
import type { Exemptions } from './configuration.ts';
import type { Offender } from './control.ts';
import { evaluate, policyMessage, type Violation } from './evaluate.ts';
import type { LevelVersion } from './level.ts';
import { listedObjects } from './listed-objects.ts';
import { podIn } from './pod-template.ts';
import { policyOfLabels } from './policy.ts';
import { readPod } from './read-pod.ts';
import { servedPod } from './served-pod.ts';

/** A place as people count. */
export interface Position {
  readonly line: number;
  readonly column: number;
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
  const { documents, problems, broken } = readYaml(file);
  const objects: CheckedObject[] = [];
  const skipped: string[] = [];
  const found: TextProblem[] = [...broken.map(({ problem }) => problem), ...problems];
  for (const { root, value } of documents) {
    const place = (path: Path): Position => {
      const { node, key } = locateNearest(root, path);
      return positionAt(file, (key ?? node).start);
    };
    for (const { object, path } of listedObjects(value)) {
      const held = podIn(object);
      if (held === undefined) {
        skipped.push(titleOf(object));
        found.push(...labelProblems(file, root, object, path));
        continue;
      }
      const checked = checkObject(object, path, held, place, options);
      objects.push(checked.object);
      for (const { at, message } of checked.problems)
        found.push({ severity: 'error', message, where: { file: file.path, ...place(at) } });
    }
  }
  return { objects, skipped, problems: found };
}

type Mapping = Readonly<Record<string, unknown>>;
const mappingAt = (value: unknown, name: string): Mapping => {
  const found = isMapping(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return isMapping(found) ? found : {};
};
const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null && !Array.isArray(value);
const textAt = (value: Mapping, name: string): string =>
  Object.hasOwn(value, name) && typeof value[name] === 'string' ? value[name] : '';

const nameOf = (object: unknown): string => {
  const metadata = mappingAt(object, 'metadata');
  return textAt(metadata, 'name') || textAt(metadata, 'generateName');
};

function titleOf(object: unknown): string {
  const kind = isMapping(object) ? textAt(object, 'kind') : '';
  if (kind === '') return 'something that is no Kubernetes object';
  const title = nameOf(object) === '' ? kind : `${kind}/${nameOf(object)}`;
  return isMapping(object) && textAt(object, 'apiVersion') === '' ? `${title}, which has no apiVersion` : title;
}

function checkObject(
  object: unknown,
  path: Path,
  held: NonNullable<ReturnType<typeof podIn>>,
  place: (path: Path) => Position,
  { policy, exemptions, namespace: otherwise, userName }: ManifestPolicy,
): { readonly object: CheckedObject; readonly problems: readonly { readonly at: Path; readonly message: string }[] } {
  const { pod, problems } = readPod(held.pod);
  const written = textAt(mappingAt(object, 'metadata'), 'namespace');
  const head = {
    kind: isMapping(object) ? textAt(object, 'kind') : '',
    name: nameOf(object),
    ...(written === '' ? {} : { namespace: written }),
    ...place(path),
    enforced: held.enforced,
    violations: [],
  };
  const title = titleOf(object);
  if (problems.length > 0)
    return {
      object: { ...head, outcome: 'undecodable' },
      problems: problems.map((one) => {
        const below = [...held.path, ...one.path];
        return {
          at: [...path, ...below],
          message: `${title}: ${pathText(below) || 'the pod'} ${one.message}; the API server refuses it`,
        };
      }),
    };
  const user = userName === undefined ? {} : { userName };
  const exempt = exemptionOf({ namespace: written || otherwise, pod, ...user }, exemptions);
  if (exempt !== undefined) return { object: { ...head, outcome: 'exempt', exempt }, problems: [] };
  const violations = evaluate(servedPod(pod, !held.enforced), policy);
  if (violations.length === 0) return { object: { ...head, outcome: 'allowed' }, problems: [] };
  const placed = (offender: Offender): PlacedOffender => {
    const below = [...held.path, ...offender.path];
    return { ...offender, field: pathText(below), value: valueAt(object, below), ...place([...path, ...below]) };
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
function labelProblems(file: SourceFile, root: YamlNode, object: unknown, path: Path): readonly TextProblem[] {
  if (!isMapping(object) || object.kind !== 'Namespace' || object.apiVersion !== 'v1') return [];
  const labels = Object.entries(mappingAt(mappingAt(object, 'metadata'), 'labels')).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  return labels.flatMap(([name, value]) =>
    policyOfLabels({ [name]: value }).errors.map((message): TextProblem => {
      const { node, key } = locateNearest(root, [...path, 'metadata', 'labels', name]);
      return { severity: 'warning', message, where: { file: file.path, ...positionAt(file, (key ?? node).start) } };
    }),
  );
}
