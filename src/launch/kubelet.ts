/** The kubelet's own checks before it asks for a container, verifyRunAsNonRoot above all (kubernetes pkg/kubelet/kuberuntime/security_context_others.go). */
import { atoi } from '../linux/go-text.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { objectOf } from '../workload/formats/kubernetes/json-value.ts';
import { type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';
import { podStopped } from './pod-admission.ts';
import { windowsRoot } from './windows-pod.ts';

const MAX_UID = 2147483647;
const WHERE = 'kubelet verifyRunAsNonRoot';

/** Everything between admission and CRI CreateContainer, in the kubelet's order: the pod, its sandbox, variables and mounts, then the user. */
export function refusedByKubelet(
  imageUser: string,
  settings: ContainerSettings,
  profile: PlatformProfile,
  container: string,
): Stopped | undefined {
  const windows = objectOf(settings.pod?.object?.spec)?.os?.name === 'windows';
  const earlier = windows ? undefined : podStopped(settings, profile);
  if (earlier !== undefined) return earlier;
  if (settings.configError !== undefined) {
    const source =
      'kubelet GenerateRunContainerOptions: variables and mounts are worked out before anything is asked of the runtime';
    return stopped('kubelet', 'CreateContainerConfigError', settings.configError, [{ field: 'env', value: '', source }]);
  }
  return windows ? onWindows(imageUser, settings, container) : verifyRunAsNonRoot(imageUser, settings, container);
}

/** What a Windows node would say; any other says no to the whole pod. */
function onWindows(imageUser: string, settings: ContainerSettings, container: string): Stopped {
  const user = imageUser.split(':')[0] as string;
  const root = settings.runAsNonRoot === true ? windowsRoot(settings.windowsUserName, user) : undefined;
  const because = (source: string): Derivation[] => [{ field: 'runAsNonRoot', value: String(settings.runAsNonRoot), source }];
  if (root !== undefined)
    return stopped(
      'kubelet',
      'CreateContainerConfigError',
      `${root} ${placeOf(settings, container)}`,
      because('kubelet security_context_windows.go'),
    );
  return stopped(
    'kubelet',
    'PodOSNotSupported',
    "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    because('kubelet pkg/kubelet/lifecycle/predicate.go: the pod is for Windows, the platform looked at is Linux'),
  );
}

function placeOf(settings: ContainerSettings, container: string): string {
  return `(pod: ${quoted(podName(settings, container))}, container: ${container})`;
}

/** The error the kubelet reports, or undefined: seven branches, first match wins. Groups are never looked at. */
export function verifyRunAsNonRoot(imageUser: string, settings: ContainerSettings, container: string): Stopped | undefined {
  if (settings.runAsNonRoot !== true) return undefined;
  const place = placeOf(settings, container);
  const refuse = (message: string, source: string): Stopped => {
    const because: Derivation[] = [{ field: 'runAsNonRoot', value: 'true', source: `${WHERE}: ${source}` }];
    return stopped('kubelet', 'CreateContainerConfigError', message, because);
  };
  if (settings.runAsUser !== undefined) {
    if (settings.runAsUser !== 0) return undefined;
    return refuse(`container's runAsUser breaks non-root policy ${place}`, 'runAsUser is 0');
  }
  const text = imageUser.split(':')[0] as string;
  const uid = text === '' ? 0 : atoi(text);
  if (typeof uid !== 'number') {
    const message = `container has runAsNonRoot and image has non-numeric user (${text}), cannot verify user is non-root ${place}`;
    return refuse(
      message,
      `the image's USER "${imageUser}" is a name; the kubelet does not read the image's /etc/passwd, whatever uid it says`,
    );
  }
  if (uid === 0) {
    const why = text === '' ? 'the image sets no USER, which is uid 0' : `the image's USER "${imageUser}" is uid 0`;
    return refuse(`container has runAsNonRoot and image will run as root ${place}`, why);
  }
  if (uid < 0 || uid > MAX_UID) {
    const range = `must be between 0 and ${MAX_UID}, inclusive`;
    const message = `container has runAsNonRoot and image has an invalid user id (${uid}). (Must be 1-(${MAX_UID})): ${range} ${place}`;
    return refuse(message, `the image's USER "${imageUser}" is out of range`);
  }
  return undefined;
}

/** format.Pod: `name_namespace(uid)`. What is not known is shown as a placeholder. */
function podName(settings: ContainerSettings, container: string): string {
  const pod = settings.pod;
  return `${pod?.name ?? container}_${pod?.namespace ?? 'default'}(${pod?.uid ?? '<pod uid>'})`;
}

/** %q of Go, for the characters a pod's name may have. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
