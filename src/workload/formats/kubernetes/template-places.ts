/** Where in an object its pod stands: by kind for those of Kubernetes itself, by shape for all others. */
import type { Path } from '../../../text/yaml/path.ts';
import { isMapping } from './objects.ts';

interface Holder {
  readonly path: Path;
  /** Versions in which the API serves it today. */
  readonly versions: readonly string[];
  /** Versions that were removed, and by which release. */
  readonly removed?: Readonly<Record<string, string>>;
}

const TEMPLATE: Path = ['spec', 'template'];
const BEFORE_APPS = { 'extensions/v1beta1': '1.16', 'apps/v1beta1': '1.16', 'apps/v1beta2': '1.16' };

/** A Map, because kinds are user input. Source: kubernetes.io, Deprecated API Migration Guide. */
const HOLDERS: ReadonlyMap<string, Holder> = new Map<string, Holder>([
  ['Pod', { path: [], versions: ['v1'] }],
  ['PodTemplate', { path: ['template'], versions: ['v1'] }],
  ['ReplicationController', { path: TEMPLATE, versions: ['v1'] }],
  ['ReplicaSet', { path: TEMPLATE, versions: ['apps/v1'], removed: BEFORE_APPS }],
  ['Deployment', { path: TEMPLATE, versions: ['apps/v1'], removed: BEFORE_APPS }],
  ['StatefulSet', { path: TEMPLATE, versions: ['apps/v1'], removed: BEFORE_APPS }],
  ['DaemonSet', { path: TEMPLATE, versions: ['apps/v1'], removed: BEFORE_APPS }],
  ['Job', { path: TEMPLATE, versions: ['batch/v1'] }],
  [
    'CronJob',
    {
      path: ['spec', 'jobTemplate', 'spec', 'template'],
      versions: ['batch/v1'],
      removed: { 'batch/v1beta1': '1.25', 'batch/v2alpha1': '1.21' },
    },
  ],
]);

/** Groups that belong to Kubernetes: a kind of that name elsewhere is somebody's own. */
const OWN_GROUP = /^(?:v\d+\w*|(?:apps|batch|extensions)\/.*)$/;

export interface PodPlace {
  readonly path: Path;
  /** What to say about the version, and how bad it is. */
  readonly remark?: { readonly severity: 'error' | 'warning'; readonly message: string };
}

/** One for kinds of Kubernetes; of other kinds everything that looks like a pod template; none for objects without pods. */
export function podPlaces(apiVersion: string, kind: string, value: unknown): readonly PodPlace[] {
  const holder = OWN_GROUP.test(apiVersion) ? HOLDERS.get(kind) : undefined;
  if (holder !== undefined) {
    const remark = remarkOn(apiVersion, kind, holder);
    return [{ path: holder.path, ...(remark === undefined ? {} : { remark }) }];
  }
  // Its schema speaks of pods and holds none.
  if (kind === 'CustomResourceDefinition') return [];
  const found: PodPlace[] = [];
  search(value, [], found);
  return found;
}

function remarkOn(apiVersion: string, kind: string, { versions, removed }: Holder): PodPlace['remark'] {
  if (versions.includes(apiVersion)) return undefined;
  const since = removed?.[apiVersion];
  const now = versions[0];
  return since === undefined
    ? { severity: 'warning', message: `apiVersion ${apiVersion} has no kind ${kind} that is known here; read as ${now}` }
    : { severity: 'error', message: `${kind} of ${apiVersion} is not served since Kubernetes ${since}: write apiVersion ${now}` };
}

const MAX_DEPTH = 12;
const MAX_PLACES = 100;

/** A mapping whose `spec.containers` is a list of mappings with a name or an image. */
function search(value: unknown, path: Path, found: PodPlace[]): void {
  if (path.length > MAX_DEPTH || found.length >= MAX_PLACES) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) search(item, [...path, index], found);
    return;
  }
  if (!isMapping(value)) return;
  if (isMapping(value.spec) && isContainerList(value.spec.containers)) {
    found.push({ path });
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null) search(item, [...path, key], found);
  }
}

const isContainerList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => isMapping(one) && (typeof one.image === 'string' || typeof one.name === 'string'));
