/** Folders that the kubelet makes in a volume it writes, because another volume is mounted below it (pkg/volume/util/nested_volumes.go). */
import { objectOf, objectsOf, textOf } from './json-value.ts';
import type { Pod } from './pod-spec.ts';

/** Of every container of the pod, relative to the volume's root; what lies below another one is left to that one. */
export function nestedMountpoints(pod: Pod, name: string): readonly string[] {
  const spec = objectOf(pod.spec) ?? {};
  const containers = [...objectsOf(spec.initContainers), ...objectsOf(spec.containers), ...objectsOf(spec.ephemeralContainers)];
  const found = new Set<string>();
  for (const container of containers) {
    const mounts = objectsOf(container.volumeMounts).flatMap((mount) => {
      const path = textOf(mount.mountPath);
      return path === undefined ? [] : [{ name: mount.name, path: path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1') }];
    });
    const all = mounts.map(({ path }) => path).sort();
    for (const { name: mounted, path } of mounts) {
      if (mounted !== name) continue;
      const before: string[] = [];
      for (const other of all) {
        if (!other.startsWith(`${path}/`) || before.some((prefix) => other.startsWith(prefix))) continue;
        before.push(`${other}/`);
        found.add(other.slice(path.length + 1));
      }
    }
  }
  return [...found];
}
