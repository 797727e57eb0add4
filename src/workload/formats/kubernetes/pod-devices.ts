/** The block volumes of a container (`volumeDevices`): device nodes of the node that the runtime makes inside, with no file system and no fsGroup. */
import type { Device } from '../../container.ts';
import { objectOf, objectsOf, textOf } from './json-value.ts';
import type { Pod, PodContainer } from './pod-spec.ts';
import type { Surroundings } from './surroundings.ts';

/** Those whose node is known: a claim on a PersistentVolume that names it (`local`, volumeMode Block). */
export function devicesOfContainer(pod: Pod, container: PodContainer, around: Surroundings): readonly Device[] {
  return objectsOf(container.volumeDevices).flatMap(({ name, devicePath }): Device[] => {
    const volume = claimed(pod, name, around);
    const target = textOf(devicePath);
    return volume?.block !== true || volume.path === undefined || target === undefined ? [] : [{ source: volume.path, target }];
  });
}

const claimed = (pod: Pod, name: string, around: Surroundings): ReturnType<NonNullable<Surroundings['claims']>['get']> => {
  const volume = objectsOf(objectOf(pod.spec)?.volumes).find((each) => each.name === name);
  return around.claims?.get(textOf(volume?.persistentVolumeClaim?.claimName) ?? '');
};
