/** What the Kubernetes API server refuses to store (kubernetes pkg/apis/core/validation), as far as identity goes. */
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Pod } from '../workload/formats/kubernetes/pod-spec.ts';
import { type Stopped, stopped } from './input.ts';
import { undecodable } from './pod-decoding.ts';
import { invalidPod, podErrors } from './pod-validation.ts';

export function validateSettings(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  if (!profile.kubelet) return undefined;
  const pod = settings.pod?.object;
  // The whole pod says where each field stands; settings by hand have no such place.
  return pod === undefined ? (validateIds(settings) ?? validatePrivileges(settings)) : validatePod(pod);
}

function validatePod(pod: Pod): Stopped | undefined {
  const unread = undecodable(pod);
  if (unread !== undefined)
    return stopped('api-server', 'BadRequest', unread, [
      { field: 'pod', value: '', source: 'the API server decodes the pod before it looks at it' },
    ]);
  const errors = podErrors(pod);
  if (errors.length === 0) return undefined;
  const because = errors.map((error) => ({ field: error.split(':', 1)[0] as string, value: '', source: `${SOURCE}: ${error}` }));
  return stopped('api-server', 'Invalid', invalidPod(pod, errors), because);
}

const SOURCE = 'kubernetes pkg/apis/core/validation/validation.go';

function validateIds(settings: ContainerSettings): Stopped | undefined {
  const fields: [string, number | undefined][] = [
    ['runAsUser', settings.runAsUser],
    ['runAsGroup', settings.runAsGroup],
    ['fsGroup', settings.fsGroup],
    ...(settings.supplementalGroups ?? []).map((gid, i): [string, number] => [`supplementalGroups[${i}]`, gid]),
  ];
  for (const [field, value] of fields) {
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= 2147483647)) continue;
    const message = `${field}: Invalid value: ${value}: must be between 0 and 2147483647, inclusive`;
    return stopped('api-server', 'Invalid', message, [
      { field, value: String(value), source: `${SOURCE}: ids are 0 to 2147483647` },
    ]);
  }
  return undefined;
}

function validatePrivileges(settings: ContainerSettings): Stopped | undefined {
  if (settings.noNewPrivileges !== true) return undefined;
  const refuse = (message: string): Stopped =>
    stopped('api-server', 'Invalid', message, [{ field: 'noNewPrivileges', value: 'true', source: SOURCE }]);
  if (settings.privileged === true) return refuse('cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  // Only this spelling is compared; the usual SYS_ADMIN passes.
  if (settings.capAdd?.includes('CAP_SYS_ADMIN') === true) {
    return refuse('cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
  return undefined;
}
