/** Which objects hold a pod that Pod Security looks at, and where in them it stands. Source: admission/admission.go defaultPodSpecResources. */
import type { FieldPath } from './control.ts';

interface Holder {
  /** API group; '' is the core. */
  readonly group: string;
  readonly path: FieldPath;
}

const TEMPLATE: FieldPath = ['spec', 'template'];

/** A Map, because kinds are user input. */
const HOLDERS: ReadonlyMap<string, Holder> = new Map([
  ['Pod', { group: '', path: [] }],
  ['PodTemplate', { group: '', path: ['template'] }],
  ['ReplicationController', { group: '', path: TEMPLATE }],
  ['ReplicaSet', { group: 'apps', path: TEMPLATE }],
  ['Deployment', { group: 'apps', path: TEMPLATE }],
  ['StatefulSet', { group: 'apps', path: TEMPLATE }],
  ['DaemonSet', { group: 'apps', path: TEMPLATE }],
  ['Job', { group: 'batch', path: TEMPLATE }],
  ['CronJob', { group: 'batch', path: ['spec', 'jobTemplate', 'spec', 'template'] }],
]);

/** Where the kinds of `apps` lived before Kubernetes 1.16; manifests of that age are still about. */
const OLD_GROUPS: Readonly<Record<string, string>> = { extensions: 'apps' };

export interface HeldPod {
  /** As in the object: it may be anything. */
  readonly pod: unknown;
  /** From the object down to the pod. */
  readonly path: FieldPath;
  /** Pods are refused; of their controllers the API server only warns, and refuses their pods afterwards. */
  readonly enforced: boolean;
}

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The pod of an object; undefined when its kind holds none, or it is a controller without a template. */
export function podIn(object: unknown): HeldPod | undefined {
  if (!isMapping(object)) return undefined;
  const { apiVersion, kind } = object;
  const holder = typeof kind === 'string' ? HOLDERS.get(kind) : undefined;
  if (holder === undefined || typeof apiVersion !== 'string') return undefined;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  if ((OLD_GROUPS[group] ?? group) !== holder.group) return undefined;
  let pod: unknown = object;
  for (const step of holder.path) pod = isMapping(pod) && Object.hasOwn(pod, step) ? pod[step] : undefined;
  return pod === undefined || pod === null ? undefined : { pod, path: holder.path, enforced: kind === 'Pod' };
}
