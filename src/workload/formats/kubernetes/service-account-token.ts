/** The token volume that the API server's ServiceAccount admission adds to every pod (plugin/pkg/admission/serviceaccount). */
import { listOf, objectOf, objectsOf, textOf } from './json-value.ts';
import type { Pod, PodContainer, PodVolume, VolumeMount } from './pod-spec.ts';
import type { Surroundings } from './surroundings.ts';

const PLACE = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Real names end in five random characters. */
const NAME = 'kube-api-access';

const VOLUME: PodVolume = {
  name: NAME,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace' }] } },
    ],
  },
};

/** The pod as it is after that admission. Ephemeral containers get no token, nor does one that has something at that path already. */
export function withServiceAccountToken(pod: Pod, around: Surroundings): Pod {
  const spec = objectOf(pod.spec);
  if (spec === undefined || around.mountsServiceAccountToken === false) return pod;
  const account = around.serviceAccounts?.get(textOf(spec.serviceAccountName) ?? 'default');
  if ((spec.automountServiceAccountToken ?? account?.automountServiceAccountToken) === false) return pod;
  const lacks = (container: PodContainer): boolean =>
    !objectsOf(container.volumeMounts).some(({ mountPath }) => mountPath === PLACE);
  const containers = [...objectsOf(spec.initContainers), ...objectsOf(spec.containers)];
  if (!containers.some(lacks)) return pod;
  const mount: VolumeMount = { name: NAME, mountPath: PLACE, readOnly: true };
  const mounted = (container: PodContainer): PodContainer =>
    lacks(container) ? { ...container, volumeMounts: [...listOf(container.volumeMounts), mount] } : container;
  return {
    ...pod,
    spec: {
      ...spec,
      volumes: [...listOf(spec.volumes), VOLUME],
      ...(spec.initContainers === undefined ? {} : { initContainers: objectsOf(spec.initContainers).map(mounted) }),
      containers: objectsOf(spec.containers).map(mounted),
    },
  };
}
