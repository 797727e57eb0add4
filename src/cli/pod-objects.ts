/** The ConfigMaps and Secrets that a pod's variables come from: started here, it has those of its files and no others. */
import { missingObject } from '../workload/formats/kubernetes/pod-environment.ts';
import type { PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';
import type { KubernetesWorkload, Manifests } from '../workload/formats/kubernetes/read.ts';
import { surroundingsOf } from '../workload/formats/kubernetes/surroundings-of-objects.ts';
import type { ManifestContainer } from './manifest-containers.ts';

/** A container that needs an object that is in none of the files cannot be made: the kubelet says CreateContainerConfigError. */
export function withObjects(
  chosen: readonly ManifestContainer<KubernetesWorkload>[],
  others: Manifests['others'],
): readonly ManifestContainer<KubernetesWorkload>[] {
  return chosen.map((one) => {
    const { container, workload } = one;
    const { initContainers = [], containers = [] } = workload.pod.spec ?? {};
    const spec = [...initContainers, ...containers].find(({ name }: PodContainer) => name === container.name);
    const missing = spec && missingObject(spec, surroundingsOf(others)(workload.namespace));
    if (missing === undefined || container.settings.configError !== undefined) return one;
    return { ...one, container: { ...container, settings: { ...container.settings, configError: missing } } };
  });
}
