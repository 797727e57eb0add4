/** Which pods a word means: `web-1`, `pod/web-1`, `deployment/web`, `svc/web`, or the beginning of a name, which the real kubectl does not take. */
import type { Cluster } from './contract.ts';
import { endpoints } from './node-ports.ts';
import { keyOf, namespaceOf, refused } from './objects.ts';
import type { ClusterPod } from './pod.ts';
import { resourceOf } from './resources.ts';

/** Throws when there is none. */
export function podsNamed(word: string | undefined, namespace: string | undefined, cluster: Cluster): readonly ClusterPod[] {
  const here = cluster.pods.filter(({ object }) => namespace === undefined || namespaceOf(object) === namespace);
  const [kind, name] = word?.includes('/') === true ? (word.split(/\/(.*)/s) as [string, string]) : [undefined, word];
  const resource = kind === undefined ? undefined : resourceOf(kind);
  if (kind !== undefined && resource === undefined)
    throw refused(`error: the server doesn't have a resource type ${JSON.stringify(kind)} here`);
  const notFound = (plural: string): never => {
    throw refused(`Error from server (NotFound): ${plural} ${JSON.stringify(name ?? '')} not found`);
  };
  const key = `${namespace ?? 'default'}/${name}`;
  let found: readonly ClusterPod[] = here;
  switch (resource?.plural) {
    case 'deployments': {
      const object = cluster.objects.get(`Deployment/${key}`) ?? notFound('deployments.apps');
      const sets = cluster.sets.filter(({ owner }) => owner === keyOf(object)).map((set) => set.name);
      found = here.filter(({ owner }) => owner !== undefined && sets.includes(owner));
      break;
    }
    case 'replicasets':
      found = here.filter(({ owner }) => owner === name);
      break;
    case 'services':
      found = endpoints(cluster.objects.get(`Service/${key}`) ?? notFound('services'), here);
      break;
    case undefined:
    case 'pods': {
      const exact = here.filter(({ object }) => object.metadata.name === name);
      found = exact.length > 0 ? exact : here.filter(({ object }) => name === undefined || object.metadata.name.startsWith(name));
      if (found.length === 0) notFound('pods');
      break;
    }
    default:
      throw refused(`error: cannot attach to ${resource?.plural}: name a pod, or a deployment, replicaset or service of pods`);
  }
  if (found.length === 0) throw refused(`error: ${word} has no pods`);
  // Those that serve first, and the youngest of them.
  return [...found].sort((a, b) => Number(b.state().ready) - Number(a.state().ready) || b.since - a.since);
}
