/** What the API server refuses to store of a pod, as far as identity, access and volumes go, in its words (kubernetes pkg/apis/core/validation/validation.go). */
import { listOf, objectOf, objectsOf, textOf } from '../workload/formats/kubernetes/json-value.ts';
import type { Pod, PodContainer, PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';
import { contextErrors, podContextErrors } from './context-validation.ts';
import { invalid, unsupported } from './field-errors.ts';
import { mountErrors, volumeErrors } from './volume-validation.ts';
import { hostProcessErrors, linuxErrors, windowsErrors } from './windows-pod.ts';

/** Each as `field: kind: detail`, in the order in which the API server finds them. */
export function podErrors(pod: Pod): readonly string[] {
  const spec = objectOf(pod.spec) ?? {};
  const onHostUsers = spec.hostUsers !== false;
  const volumes = volumeErrors(spec);
  return [
    ...volumes.errors,
    ...containersOf(spec).flatMap(([container, path, taken]) => [
      ...nameErrors(container.name, `${path}.name`),
      ...environmentErrors(container, `${path}.env`),
      ...mountErrors(container, volumes.known, `${path}.volumeMounts`),
      ...contextErrors(objectOf(container.securityContext), `${path}.securityContext`, onHostUsers),
      ...(taken ? [`${path}.name: Duplicate value: ${JSON.stringify(container.name)}`] : []),
    ]),
    ...ephemeralErrors(spec),
    ...podContextErrors(spec),
    ...hostProcessErrors(spec),
    ...hostUsersErrors(spec),
    ...(spec.os?.name === 'windows' ? windowsErrors(spec) : spec.os?.name === 'linux' ? linuxErrors(spec) : []),
  ];
}

/** As the API server's answer reads. */
export function invalidPod(pod: Pod, errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  const name = textOf(objectOf(pod.metadata)?.name) ?? '';
  return `Pod ${JSON.stringify(name)} is invalid: ${unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`}`;
}

/** With their paths, and whether another one has the name already; validation goes through the kinds in this order. */
function containersOf(spec: PodSpec): readonly (readonly [PodContainer, string, boolean])[] {
  const kinds = ['containers', 'initContainers', 'ephemeralContainers'] as const;
  const names = new Set<string>();
  return kinds.flatMap((kind) =>
    objectsOf<PodContainer>(spec[kind]).map((container, at) => {
      const name = textOf(container.name) ?? '';
      const taken = names.has(name);
      if (name !== '') names.add(name);
      return [container, `spec.${kind}[${at}]`, taken] as const;
    }),
  );
}

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LONGEST_LABEL = 63;

/** A container without a name or an image may be a part of one: a patch, or a kind whose controller adds them. */
function nameErrors(name: unknown, path: string): readonly string[] {
  if (typeof name !== 'string' || name === '') return [];
  return [
    ...(name.length > LONGEST_LABEL ? [invalid(name, path, `must be no more than ${LONGEST_LABEL} characters`)] : []),
    ...(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name) ? [] : [invalid(name, path, LABEL)]),
  ];
}

const FIELDS = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'].concat([
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

/** Of the pod's fields a variable may hold a few; all labels together only a volume. */
function environmentErrors(container: PodContainer, path: string): readonly string[] {
  return objectsOf(container.env).flatMap((entry, at) => {
    const field = objectOf(objectOf(entry.valueFrom)?.fieldRef)?.fieldPath;
    if (field === undefined || /^metadata\.(?:labels|annotations)\['.*'\]$/.test(field)) return [];
    return unsupported(field, `${path}[${at}].valueFrom.fieldRef.fieldPath`, FIELDS);
  });
}

const NOT_EPHEMERAL = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resources'] as const;

/** Ephemeral containers have fewer fields; their security context is among those they have. */
function ephemeralErrors(spec: PodSpec): string[] {
  return objectsOf<PodContainer>(spec.ephemeralContainers).flatMap((container, at) =>
    NOT_EPHEMERAL.filter((field) => field in container).map(
      (field) => `spec.ephemeralContainers[${at}].${field}: Forbidden: cannot be set for an Ephemeral Container`,
    ),
  );
}

/** A pod with a user namespace of its own has no part in the host's other namespaces. */
function hostUsersErrors(spec: PodSpec): string[] {
  if (spec.hostUsers !== false) return [];
  const why = 'Forbidden: when `hostUsers` is false';
  const kinds = ['initContainers', 'containers', 'ephemeralContainers'] as const;
  return [
    ...(spec.hostNetwork === true ? [`spec.hostNetwork: ${why}`] : []),
    ...(spec.hostPID === true ? [`spec.HostPID: ${why}`] : []),
    ...(spec.hostIPC === true ? [`spec.HostIPC: ${why}`] : []),
    ...kinds.flatMap((kind) =>
      objectsOf<PodContainer>(spec[kind]).flatMap((container, at) =>
        listOf(container.volumeDevices).length > 0 ? [`spec.${kind}[${at}].volumeDevices: ${why}`] : [],
      ),
    ),
  ];
}
