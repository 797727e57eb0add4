/** Pods for Windows nodes: what the API server forbids them, and the kubelet's idea of root there (security_context_windows.go). */
import { listOf, objectOf, objectsOf } from '../workload/formats/kubernetes/json-value.ts';
import type { PodContainer, PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';

const ROOT = 'containeradministrator';

const POD_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'shareProcessNamespace',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
/** Those of them that stand beside the security context; the first two of these are simply false when not asked for. */
const BESIDE: ReadonlySet<string> = new Set(['hostPID', 'hostIPC', 'hostUsers', 'shareProcessNamespace']);

const CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** validateWindows: every field that only Linux knows. */
export function windowsErrors(spec: PodSpec): readonly string[] {
  const context: Readonly<Record<string, unknown>> = { ...objectOf(spec.securityContext) };
  const beside: Readonly<Record<string, unknown>> = { ...spec };
  const errors: string[] = [];
  const forbid = (path: string): void => {
    errors.push(`${path}: Forbidden: cannot be set for a windows pod`);
  };
  for (const field of POD_FIELDS) {
    const value = BESIDE.has(field) ? beside[field] : context[field];
    if (value === undefined || value === null) continue;
    if ((field === 'hostPID' || field === 'hostIPC') && value !== true) continue;
    if (field === 'sysctls' && listOf(value as readonly unknown[]).length === 0) continue;
    forbid(BESIDE.has(field) ? `spec.${field}` : `spec.securityContext.${field}`);
  }
  for (const [container, path] of visited(spec)) {
    const own = objectOf(container.securityContext) ?? {};
    for (const field of CONTAINER_FIELDS) {
      if (own[field] !== undefined && own[field] !== null) forbid(`${path}.securityContext.${field}`);
    }
  }
  return errors;
}

/** validateLinux, when the pod says that it is for Linux. */
export function linuxErrors(spec: PodSpec): readonly string[] {
  const why = 'Forbidden: windows options cannot be set for a linux pod';
  const errors =
    objectOf(spec.securityContext)?.windowsOptions === undefined ? [] : [`spec.securityContext.windowsOptions: ${why}`];
  for (const [container, path] of visited(spec)) {
    if (objectOf(container.securityContext)?.windowsOptions !== undefined)
      errors.push(`${path}.securityContext.windowsOptions: ${why}`);
  }
  return errors;
}

/** validateWindowsHostProcessPod: all containers of a pod or none, and with the host's network. */
export function hostProcessErrors(spec: PodSpec): readonly string[] {
  const shared = objectOf(spec.securityContext)?.windowsOptions?.hostProcess;
  const containers = visited(spec);
  const errors: string[] = [];
  let found = 0;
  for (const [container, path] of containers) {
    const own = objectOf(container.securityContext)?.windowsOptions?.hostProcess;
    if (shared !== undefined && own !== undefined && shared !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${shared}`;
      errors.push(`${path}.securityContext.windowsOptions.hostProcess: Invalid value: ${own}: ${why}`);
    }
    if (own ?? shared ?? false) found += 1;
  }
  if (found === 0) return errors;
  if (found !== containers.length)
    errors.push(
      'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
    );
  if (spec.hostNetwork !== true)
    errors.push('spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers');
  return errors;
}

/** In the order in which upstream visits them. */
function visited(spec: PodSpec): readonly (readonly [PodContainer, string])[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((kind) =>
    objectsOf<PodContainer>(spec[kind]).map((container, at) => [container, `spec.${kind}[${at}]`] as const),
  );
}

/** runAsNonRoot there: only one name is root, and the image's user counts when the pod names none. */
export function windowsRoot(runAsUserName: string | undefined, imageUser: string | undefined): string | undefined {
  const breaks = 'which will be regarded as root identity and will break non-root policy';
  if (runAsUserName !== undefined)
    return runAsUserName.toLowerCase() === ROOT ? `container's runAsUserName (${runAsUserName}) ${breaks}` : undefined;
  return imageUser?.toLowerCase() === ROOT ? `container's runAsUser (${imageUser}) ${breaks}` : undefined;
}
