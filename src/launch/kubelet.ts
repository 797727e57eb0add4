/** The kubelet's own check before it asks for a container: verifyRunAsNonRoot (kubernetes pkg/kubelet/kuberuntime/security_context_others.go). */
import { atoi } from '../linux/go-text.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';

const MAX_UID = 2147483647;
const WHERE = 'kubelet verifyRunAsNonRoot';

/** The error the kubelet reports, or undefined: seven branches, first match wins. Groups are never looked at. */
export function verifyRunAsNonRoot(imageUser: string, settings: ContainerSettings, container: string): Stopped | undefined {
  if (settings.runAsNonRoot !== true) return undefined;
  const place = `(pod: ${quoted(podName(settings, container))}, container: ${container})`;
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
