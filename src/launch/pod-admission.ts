/** Where a pod ends before the kubelet looks at a container: its own admission, and the sandbox (kubernetes pkg/kubelet/lifecycle/predicate.go, kuberuntime_sandbox.go). */
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { objectOf } from '../workload/formats/kubernetes/json-value.ts';
import { type Stopped, stopped } from './input.ts';

/** The pod is Failed with the first reason, or stays in ContainerCreating with an event of the second kind. */
export function podStopped(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  return notAdmitted(settings, profile) ?? noSandbox(settings, profile);
}

function notAdmitted(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  if (settings.supplementalGroupsPolicy !== 'Strict' || profile.pods?.supplementalGroupsPolicy !== false) return undefined;
  return stopped(
    'kubelet',
    'SupplementalGroupsPolicyNotSupported',
    'SupplementalGroupsPolicy=Strict is not supported in this node',
    [
      {
        field: 'supplementalGroupsPolicy',
        value: 'Strict',
        source: `kubelet pkg/kubelet/lifecycle/predicate.go: ${profile.name} does not offer it (${profile.sources.pods ?? profile.versions})`,
      },
    ],
  );
}

const EVENT = 'Failed to create pod sandbox: %s';

function noSandbox(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  const { pods } = profile;
  const where = 'the event FailedCreatePodSandBox; the containers stay in ContainerCreating';
  if (settings.hostUsers === false && pods?.userNamespaces === false) {
    const handler = objectOf(settings.pod?.object?.spec)?.runtimeClassName;
    const who = handler === undefined ? 'runtime' : `RuntimeClass handler ${JSON.stringify(handler)}`;
    const words = `can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`;
    const source = `kubelet pkg/kubelet/userns/userns_manager.go, in ${where}`;
    return stopped('kubelet', 'FailedCreatePodSandBox', words, [{ field: 'hostUsers', value: 'false', source }], EVENT);
  }
  // The pod's group goes to the sandbox even when no user does; a container always has one.
  const context = objectOf(objectOf(settings.pod?.object?.spec)?.securityContext);
  const { runAsGroup, runAsUser } = context ?? {};
  if (typeof runAsGroup === 'number' && runAsUser === undefined && pods?.groupWithoutUser !== undefined) {
    const source = `a pod's runAsGroup without its runAsUser fails the sandbox (CRI: "runtime must error"), in ${where}`;
    const because = [{ field: 'gid', value: String(runAsGroup), source }];
    const words = pods.groupWithoutUser.replace(
      '%s',
      `user group ${JSON.stringify(String(runAsGroup))} is specified without user`,
    );
    return stopped('runtime', 'FailedCreatePodSandBox', `rpc error: code = Unknown desc = ${words}`, because, EVENT);
  }
  return undefined;
}
