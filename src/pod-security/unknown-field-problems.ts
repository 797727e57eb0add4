/** Misspelt fields of a pod, told where they stand: what is written there protects nothing. */
import type { TextProblem } from '../text/span.ts';
import { pathText } from '../text/yaml/path.ts';
import { type KubernetesObject, problemAtField } from '../workload/formats/kubernetes/objects.ts';
import { podIn } from './pod-template.ts';
import { unknownFields } from './unknown-fields.ts';

/** `Deployment/web`. */
export const titleOf = ({ kind, name }: KubernetesObject): string => (name === '' ? kind : `${kind}/${name}`);

/**
 * Of an object that holds a pod of Kubernetes' own types, in the words of strict decoding (k8s.io/apimachinery
 * pkg/runtime/serializer/json), which kubectl asks for since 1.27 (`--validate=true`, KEP-2885); asked for less, the server drops the field.
 */
export function unknownFieldProblems(object: KubernetesObject): readonly TextProblem[] {
  const held = podIn(object.value);
  if (held === undefined) return [];
  return unknownFields(held.pod).map((path) => {
    const below = [...held.path, ...path];
    const field = JSON.stringify(pathText(below));
    const message = `${titleOf(object)}: unknown field ${field}, which kubectl refuses and the API server itself ignores`;
    return problemAtField(object, below, message, 'warning');
  });
}
