/**
 * The pod that admission gets to see: the API server fills in defaults and brings old annotations over to fields before it asks. Sources:
 * Kubernetes 1.36 pkg/apis/core/v1/defaults.go SetDefaults_Volume and SetDefaults_Pod, pkg/registry/core/pod/strategy.go applyAppArmorVersionSkew
 * (validating admission comes after both).
 */
import type { Pod, PodContainer, PodSpec, PodVolume } from '../workload/formats/kubernetes/pod-spec.ts';
import { VOLUME_KINDS } from './read-pod.ts';

const KINDS = [...VOLUME_KINDS.allowed, ...VOLUME_KINDS.restricted];

/** A volume of no kind is an empty folder. */
const volume = (one: PodVolume): PodVolume => (KINDS.some((kind) => one[kind] !== undefined) ? one : { ...one, emptyDir: {} });

/** Under the host's network every port of the container is a port of the node. */
const withHostPorts = (one: PodContainer): PodContainer =>
  one.ports === undefined
    ? one
    : {
        ...one,
        ports: one.ports.map((port) => ({
          ...port,
          hostPort: (port.hostPort ?? 0) === 0 ? (port.containerPort ?? 0) : (port.hostPort ?? 0),
        })),
      };

const ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/** Of the three values that the annotation can have, only `unconfined` makes a difference to a control. */
function withAppArmorField({ metadata, spec }: Pod): (one: PodContainer) => PodContainer {
  const annotations = metadata?.annotations ?? {};
  const known = spec?.os?.name === 'windows' || spec?.securityContext?.appArmorProfile?.type === 'Unconfined';
  return (one) => {
    const key = ANNOTATION + one.name;
    const says = Object.hasOwn(annotations, key) && annotations[key] === 'unconfined';
    if (known || !says || one.securityContext?.appArmorProfile !== undefined) return one;
    return { ...one, securityContext: { ...one.securityContext, appArmorProfile: { type: 'Unconfined' } } };
  };
}

type Lists = Pick<PodSpec, 'initContainers' | 'containers' | 'ephemeralContainers'>;

const mapped = (spec: PodSpec, names: readonly (keyof Lists)[], change: (one: PodContainer) => PodContainer): Lists =>
  Object.fromEntries(names.flatMap((name) => (spec[name] === undefined ? [] : [[name, spec[name].map(change)]])));

/** The pod, or with `template` the one inside a controller: there only volumes get a default. What `readPod` made goes in. */
export function servedPod(pod: Pod, template: boolean): Pod {
  const { spec } = pod;
  if (spec === undefined) return pod;
  const filled: PodSpec = spec.volumes === undefined ? spec : { ...spec, volumes: spec.volumes.map(volume) };
  if (template) return { ...pod, spec: filled };
  const ported: PodSpec =
    spec.hostNetwork === true ? { ...filled, ...mapped(filled, ['initContainers', 'containers'], withHostPorts) } : filled;
  return {
    ...pod,
    spec: { ...ported, ...mapped(ported, ['initContainers', 'containers', 'ephemeralContainers'], withAppArmorField(pod)) },
  };
}
