/** `kubectl scale`, `set image`, `rollout restart` and `undo`: a Deployment as it is, with one thing changed, applied. */
import type { Cluster, ReplicaSet } from './contract.ts';
import type { Flags } from './flags.ts';
import {
  type ClusterObject,
  checked,
  type DeploymentSpec,
  deploymentSpec,
  keyOf,
  nameOf,
  refused,
  templateHash,
} from './objects.ts';
import type { Reply } from './reply.ts';
import { resourceOf } from './resources.ts';

/** `deployment/web`, `deployment web`; and what stands behind it. */
export function deploymentNamed(
  words: readonly string[],
  { namespace }: Flags,
  cluster: Cluster,
): { readonly object: ClusterObject; readonly rest: readonly string[] } {
  const [first = '', second = ''] = words;
  const [kind = '', name = '', rest] = first.includes('/')
    ? [...first.split(/\/(.*)/s).slice(0, 2), words.slice(1)]
    : [first, second, words.slice(2)];
  if (resourceOf(kind as string)?.plural !== 'deployments')
    throw refused('error: only deployments are changed here: deployment/NAME');
  const object = cluster.objects.get(`Deployment/${namespace ?? 'default'}/${name as string}`);
  if (object === undefined) throw refused(`Error from server (NotFound): deployments.apps ${JSON.stringify(name)} not found`);
  return { object, rest: rest as readonly string[] };
}

async function change(
  object: ClusterObject,
  spec: Partial<DeploymentSpec>,
  said: string,
  cluster: Cluster,
  reply: Reply,
): Promise<number> {
  await cluster.apply(checked({ ...object, spec: { ...object.spec, ...spec } as Readonly<Record<string, unknown>> }));
  reply.out(`${nameOf(object)} ${said}\n`);
  return 0;
}

export async function scale(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const { object } = deploymentNamed(words, flags, cluster);
  if (flags.replicas === undefined || !/^\d{1,5}$/.test(flags.replicas))
    throw refused('error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0');
  return change(object, { replicas: Number(flags.replicas) }, 'scaled', cluster, reply);
}

/** `set image deployment/web web=IMAGE`; `*` = all its containers. */
export async function setImage(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const { object, rest } = deploymentNamed(words, flags, cluster);
  const { template } = deploymentSpec(object);
  const changes = rest.map((word) => {
    const [name = '', image = ''] = word.split(/=(.*)/s);
    if (name === '' || image === '') throw refused(`error: ${JSON.stringify(word)} is no CONTAINER=IMAGE`);
    return { name, image };
  });
  if (changes.length === 0) throw refused('error: at least one image update is required: CONTAINER=IMAGE');
  const lists = ['containers', 'initContainers'] as const;
  const of = (list: (typeof lists)[number]): readonly { readonly name: string }[] =>
    (template.spec as Readonly<Record<string, readonly { readonly name: string }[] | undefined>>)[list] ?? [];
  for (const { name } of changes)
    if (name !== '*' && !lists.some((list) => of(list).some((one) => one.name === name)))
      throw refused(`error: unable to find container named ${JSON.stringify(name)}`);
  const changed = (list: (typeof lists)[number]): readonly object[] =>
    of(list).map((one) => ({
      ...one,
      ...changes.filter(({ name }) => name === '*' || name === one.name).map(({ image }) => ({ image }))[0],
    }));
  const spec = {
    ...template.spec,
    ...Object.fromEntries(lists.filter((list) => of(list).length > 0).map((list) => [list, changed(list)])),
  };
  return change(object, { template: { ...template, spec } }, 'image updated', cluster, reply);
}

export async function restart(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const { object } = deploymentNamed(words, flags, cluster);
  const { template } = deploymentSpec(object);
  // What kubectl writes to make the template another one.
  const annotations = { ...template.metadata?.annotations, 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
  return change(
    object,
    { template: { ...template, metadata: { ...template.metadata, annotations } } },
    'restarted',
    cluster,
    reply,
  );
}

/** Back to the template before this one. */
export async function undo(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const { object } = deploymentNamed(words, flags, cluster);
  const now = templateHash(deploymentSpec(object).template);
  const before = cluster.sets
    .filter(({ owner, hash }) => owner === keyOf(object) && hash !== now)
    .reduce<ReplicaSet | undefined>((last, one) => (last === undefined || one.since > last.since ? one : last), undefined);
  if (before === undefined)
    throw refused(`error: no rollout history found for deployment ${JSON.stringify(object.metadata.name)}`);
  return change(object, { template: before.template }, 'rolled back', cluster, reply);
}
