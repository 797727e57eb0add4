/** Who owns the pod's tokens: the one user that all its containers name (kubernetes pkg/volume/util FsUserFrom). */
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { objectOf, objectsOf } from '../workload/formats/kubernetes/json-value.ts';
import { effectiveSecurityContext } from '../workload/formats/kubernetes/security-context.ts';

/**
 * Undefined when one container names nobody or they differ; the image's USER does not count. What a constraint fills in does, and so does
 * the user that the settings name: asked about as somebody else, the container would say so in its manifest.
 */
export function fsUserOf(settings: ContainerSettings, profile: PlatformProfile): number | undefined {
  const pod = settings.pod?.object;
  if (pod === undefined) return settings.runAsUser;
  const spec = objectOf(pod.spec) ?? {};
  const containers = [...objectsOf(spec.initContainers), ...objectsOf(spec.containers), ...objectsOf(spec.ephemeralContainers)];
  const assigned = profile.scc === undefined ? undefined : profile.arbitraryUid?.first;
  const own = ({ name }: { readonly name?: string }): number | undefined =>
    name !== undefined && name === settings.name ? settings.runAsUser : undefined;
  const users = new Set(
    containers.map((container) => own(container) ?? effectiveSecurityContext(pod, container).runAsUser ?? assigned),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
