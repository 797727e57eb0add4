/** The device nodes that the containers of a pod are handed, as this machine has them. */
import { type HostDevice, hostDevice } from '../engine/host-devices.ts';
import { listOf } from '../workload/formats/kubernetes/json-value.ts';
import type { PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';
import type { WorkloadContainer } from '../workload/workload.ts';

export interface PodDevices {
  /** By the path on the node. */
  readonly found: ReadonlyMap<string, HostDevice>;
  /** Why a kubelet would wait, in its words where it has some. */
  readonly failures: readonly string[];
}

/** `hostRoot`: what / of the node is; without it the node has no devices. */
export function podDevices(
  spec: PodSpec | undefined,
  containers: readonly WorkloadContainer[],
  hostRoot: string | undefined,
): PodDevices {
  const found = new Map<string, HostDevice>();
  const failures = new Set<string>();
  const specs = [...listOf(spec?.initContainers), ...listOf(spec?.containers)];
  for (const { name, settings } of containers) {
    const asked = listOf(specs.find((one) => one.name === name)?.volumeDevices);
    for (const { name: volume, devicePath } of asked) {
      const source = settings.devices?.find(({ target }) => target === devicePath)?.source;
      if (source === undefined) {
        failures.add(
          `volume ${volume}: nothing is known of the device behind its claim (write the PersistentVolume into the same file: volumeMode: Block, local: { path: /dev/… }, claimRef)`,
        );
        continue;
      }
      const device = hostRoot === undefined ? undefined : hostDevice(hostRoot, source);
      if (device === undefined)
        failures.add(
          `MapVolume.MapPodDevice failed for volume "${volume}" : ${source} is no device${hostRoot === undefined ? ' (the node is an empty folder; --host-root says where it is)' : ''}`,
        );
      else found.set(source, device);
    }
  }
  return { found, failures: [...failures] };
}
