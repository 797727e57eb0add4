/** What the API server refuses to store of a pod, as far as identity, access and volumes go, in its words (kubernetes pkg/apis/core/validation/validation.go). */
import { listOf, objectOf, objectsOf, textOf } from '../workload/formats/kubernetes/json-value.ts';
import type { Pod, PodContainer, PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';
import { contextErrors, podContextErrors } from './context-validation.ts';
import { unsupported } from './field-errors.ts';
import { mountErrors, volumeErrors } from './volume-validation.ts';
import { hostProcessErrors, linuxErrors, windowsErrors } from './windows-pod.ts';

/** Each as `field: kind: detail`, in the order in which the API server finds them. */
export function podErrors(pod: Pod): readonly string[] {
  const spec = objectOf(pod.spec) ?? {};
  const onHostUsers = spec.hostUsers !== false;
  const volumes = volumeErrors(spec);
  return [
    ...volumes.errors,
    ...containersOf(spec).flatMap(([container, path]) => [
      ...environmentErrors(container, `${path}.env`),
      ...mountErrors(container, volumes.known, `${path}.volumeMounts`),
      ...contextErrors(objectOf(container.securityContext), `${path}.securityContext`, onHostUsers),
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

/** With their paths; validation goes through the kinds in this order. */
function containersOf(spec: PodSpec): readonly (readonly [PodContainer, string])[] {
  const kinds = ['containers', 'initContainers', 'ephemeralContainers'] as const;
  return kinds.flatMap((kind) =>
    objectsOf<PodContainer>(spec[kind]).map((container, at) => [container, `spec.${kind}[${at}]`] as const),
  );
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
