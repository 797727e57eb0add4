/** The containers of a pod as they are to be started: each with its image, or why it has none, and what a kubelet makes of both. */
import { withDeviceNodes } from '../engine/host-devices.ts';
import { processStatus } from '../engine/proc.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Member } from '../pod/member.ts';
import { launchOf, readSubject } from '../prove/subject.ts';
import type { PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';
import type { ContainerImages } from './container-images.ts';
import { imageOf, type ManifestContainer } from './manifest-containers.ts';
import type { PodDevices } from './pod-devices.ts';

/** `devices`: those of the node that it is handed. */
export async function podMembers(
  chosen: readonly ManifestContainer[],
  {
    profile,
    images,
    hostPid,
  }: { readonly profile: PlatformProfile; readonly images: ContainerImages; readonly hostPid?: boolean },
  { found: devices }: PodDevices,
): Promise<Member[]> {
  const members: Member[] = [];
  // As containerd: no container is given what this process does not have itself.
  const bounding = processStatus(process.pid)?.capabilities.bounding;
  const host = {
    ...(bounding === undefined ? {} : { bounding }),
    devices: Object.fromEntries([...devices].map(([path, { inode }]) => [path, inode])),
  };
  const pid = hostPid === true && chosen[0]?.workload.pod.spec?.hostPID === true ? { hostPid: true as const } : {};
  const specs = new Map<string, PodContainer>();
  const spec = chosen[0]?.workload.pod.spec;
  for (const one of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) specs.set(one.name, one);
  for (const one of chosen) {
    const { container } = one;
    const own = specs.get(container.name) ?? { name: container.name };
    const local = own.imagePullPolicy === 'Never';
    const found = await imageOf(one, images, async (image) => ({ image, subject: await readSubject(image) }), { local });
    if ('missing' in found) members.push({ container, spec: own, image: found });
    else {
      const launch = launchOf(found.value.subject, { ...container.settings, name: container.name }, profile, host);
      members.push({
        container,
        spec: own,
        image: found.value.image,
        launch: launch.kind === 'launch' ? { ...withDeviceNodes(launch, devices), ...pid } : launch,
      });
    }
  }
  return members;
}
