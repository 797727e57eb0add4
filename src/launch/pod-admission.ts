/** Where a pod ends before the kubelet looks at a container: its own admission, and the sandbox (kubernetes pkg/kubelet/lifecycle/predicate.go, kuberuntime_sandbox.go). */
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { objectOf } from '../workload/formats/kubernetes/json-value.ts';
import type { PodSecurityContext } from '../workload/formats/kubernetes/pod-spec.ts';
import { type Stopped, stopped } from './input.ts';
import { unmappedId } from './user-namespace.ts';

/** The pod is Failed with the first reason, or stays in ContainerCreating with an event of the second kind. */
export function podStopped(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  return notAdmitted(settings, profile) ?? unsafeSysctl(settings) ?? noSandbox(settings, profile);
}

function notAdmitted(settings: ContainerSettings, profile: PlatformProfile): Stopped | undefined {
  if (settings.supplementalGroupsPolicy !== 'Strict' || profile.pods?.supplementalGroupsPolicy !== false) return undefined;
  return stopped(
    'kubelet',
    'SupplementalGroupsPolicyNotSupported',
    'Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node',
    [
      {
        field: 'supplementalGroupsPolicy',
        value: 'Strict',
        source: `kubelet pkg/kubelet/lifecycle/predicate.go: ${profile.name} does not offer it (${profile.sources.pods ?? profile.versions})`,
      },
    ],
  );
}

/** kubernetes pkg/kubelet/sysctl/safe_sysctls.go of 1.36; a kubelet may be told to allow more (allowedUnsafeSysctls). */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function unsafeSysctl(settings: ContainerSettings): Stopped | undefined {
  if (settings.pod?.object === undefined) return undefined;
  const name = Object.keys(settings.sysctls ?? {}).find((one) => !SAFE_SYSCTLS.has(one.replaceAll('/', '.')));
  if (name === undefined) return undefined;
  const source = 'kubelet pkg/kubelet/sysctl/allowlist.go, unless its configuration has allowedUnsafeSysctls';
  const because = [{ field: `sysctls.${name}`, value: settings.sysctls?.[name] ?? '', source }];
  return stopped(
    'kubelet',
    'SysctlForbidden',
    `Pod was rejected: forbidden sysctl: ${JSON.stringify(name)} not allowlisted`,
    because,
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
  // The pod's user and group go to the sandbox, the group even when no user does; a container always has one.
  const context = objectOf(objectOf(settings.pod?.object?.spec)?.securityContext);
  if (context === undefined || pods?.sandbox === undefined) return undefined;
  const words = sandboxWords(context, settings.hostUsers === false, profile);
  if (words === undefined) return undefined;
  const because = [{ field: 'sandbox', value: '', source: `the sandbox's process has the pod's user and group: ${where}` }];
  const shape = EVENT.replace('%s', () => `rpc error: code = Unknown desc = ${pods.sandbox}`);
  return stopped('runtime', 'FailedCreatePodSandBox', words, because, shape);
}

function sandboxWords(
  { runAsUser, runAsGroup }: PodSecurityContext,
  ownUsers: boolean,
  profile: PlatformProfile,
): string | undefined {
  if (typeof runAsGroup === 'number' && runAsUser === undefined) {
    return profile.pods?.groupWithoutUser?.replace('%s', String(runAsGroup));
  }
  const unmapped = ownUsers && runAsUser !== undefined ? unmappedId(runAsUser, runAsGroup ?? 0, [], profile) : undefined;
  return unmapped === undefined ? undefined : (profile.refusals?.start ?? '%s').replace('%s', () => unmapped);
}
