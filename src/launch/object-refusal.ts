/** What the API server answers when somebody sends it the object that holds a pod: for a Deployment it is not the pod that is invalid. */
import { type Path, pathText } from '../text/yaml/path.ts';
import type { KubernetesWorkload } from '../workload/formats/kubernetes/read.ts';
import type { Derivation, Refusal } from './launch.ts';
import { podErrors } from './pod-validation.ts';

export type ObjectRefusal = Pick<Refusal, 'by' | 'reason' | 'message' | 'because'> & {
  /** The field of the pod that is to blame. */
  readonly field: Path;
};

const SOURCE = 'kubernetes pkg/apis/core/validation/validation.go';

/** Undefined: it would be stored. Kinds of others are not validated like this; their pods are, when they are made. */
export function objectRefusal(workload: KubernetesWorkload): ObjectRefusal | undefined {
  const { rejected, pod, podPath, object } = workload;
  if (rejected !== undefined) {
    const because: Derivation[] = [
      { field: pathText(rejected.path), value: '', source: 'the API server cannot decode the object' },
    ];
    return { by: 'api-server', reason: rejected.reason, message: rejected.message, because, field: rejected.path };
  }
  const errors = podErrors(pod);
  if (errors.length === 0) return undefined;
  const prefix = podPath.length === 0 ? '' : `${pathText(podPath)}.`;
  const placed = [...new Set(errors)].map((error) => `${prefix}${error}`);
  const group = object.apiVersion.includes('/') ? `.${object.apiVersion.slice(0, object.apiVersion.indexOf('/'))}` : '';
  const words = placed.length === 1 ? placed[0] : `[${placed.join(', ')}]`;
  const fieldOf = (error: string): string => error.slice(0, error.indexOf(':'));
  return {
    by: 'api-server',
    reason: 'Invalid',
    message: `${object.kind}${group} ${JSON.stringify(object.name)} is invalid: ${words}`,
    because: placed.map((error) => ({ field: fieldOf(error), value: '', source: `${SOURCE}: ${error}` })),
    field: partsOf(fieldOf(errors[0]!)),
  };
}

/** `spec.containers[0].name` as its parts; the texts are ours, so nothing in them is quoted. */
const partsOf = (field: string): Path =>
  [...field.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) => (index === undefined ? text : Number(index)));
