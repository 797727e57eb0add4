/** Values of the wrong type, which the API server cannot even read into a pod (encoding/json's words, as the server passes them on). */
import { listOf, objectOf, objectsOf } from '../workload/formats/kubernetes/json-value.ts';
import type { Pod, PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';

type Kind = 'int64' | 'bool' | 'string';

const POD_CONTEXT: readonly (readonly [string, Kind])[] = [
  ['runAsUser', 'int64'],
  ['runAsGroup', 'int64'],
  ['runAsNonRoot', 'bool'],
  ['fsGroup', 'int64'],
  ['fsGroupChangePolicy', 'string'],
  ['supplementalGroupsPolicy', 'string'],
];
const CONTEXT: readonly (readonly [string, Kind])[] = [
  ['privileged', 'bool'],
  ['runAsUser', 'int64'],
  ['runAsGroup', 'int64'],
  ['runAsNonRoot', 'bool'],
  ['readOnlyRootFilesystem', 'bool'],
  ['allowPrivilegeEscalation', 'bool'],
  ['procMount', 'string'],
];
const SPEC: readonly (readonly [string, Kind])[] = [
  ['hostNetwork', 'bool'],
  ['hostPID', 'bool'],
  ['hostIPC', 'bool'],
  ['hostUsers', 'bool'],
];

/** The first one; the server stops there. */
export function undecodable(pod: Pod): string | undefined {
  const spec = objectOf(pod.spec) ?? {};
  const context = objectOf(spec.securityContext);
  const found =
    (['initContainers', 'containers', 'ephemeralContainers'] as const)
      .flatMap((kind) =>
        objectsOf<PodContainer>(spec[kind]).map((container) =>
          firstOf(objectOf(container.securityContext), CONTEXT, 'SecurityContext', `spec.${kind}.securityContext`),
        ),
      )
      .find((one) => one !== undefined) ??
    firstOf(spec, SPEC, 'PodSpec', 'spec') ??
    firstOf(context, POD_CONTEXT, 'PodSecurityContext', 'spec.securityContext') ??
    listOf(context?.supplementalGroups as readonly unknown[])
      .map((gid) => wrong(gid, 'int64', 'PodSecurityContext', 'spec.securityContext.supplementalGroups'))
      .find((one) => one !== undefined);
  return found === undefined ? undefined : `Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal ${found}`;
}

function firstOf(
  object: object | undefined,
  fields: readonly (readonly [string, Kind])[],
  type: string,
  path: string,
): string | undefined {
  const values = object as Readonly<Record<string, unknown>> | undefined;
  for (const [field, kind] of fields) {
    const found = wrong(values?.[field], kind, type, `${path}.${field}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function wrong(value: unknown, kind: Kind, type: string, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  const right =
    kind === 'int64' ? Number.isInteger(value) : kind === 'bool' ? typeof value === 'boolean' : typeof value === 'string';
  if (right) return undefined;
  const what =
    typeof value === 'number'
      ? kind === 'int64'
        ? `number ${value}`
        : 'number'
      : typeof value === 'boolean'
        ? 'bool'
        : Array.isArray(value)
          ? 'array'
          : typeof value;
  return `${what} into Go struct field ${type}.${path} of type ${kind}`;
}
