/** What puts objects into the cluster: `kubectl apply`, `create namespace`, `label namespace`. Each asks at the door first. */
import { alreadyIn, atDoor, recordRefusal } from './admission.ts';
import type { Cluster } from './contract.ts';
import { type ClusterObject, keyOf, nameOf, namespaceOf, refused } from './objects.ts';
import type { Reply } from './reply.ts';

export interface ApplyFlags {
  /** `--dry-run=server`: asked, and not done. */
  readonly dryRun: boolean;
  readonly overwrite: boolean;
}

const DRY = ' (server dry run)';

/** All that can be; 1 when something was refused. `file`: as -f names it. */
export async function applyAll(
  objects: readonly ClusterObject[],
  file: string,
  { dryRun }: ApplyFlags,
  cluster: Cluster,
  reply: Reply,
): Promise<number> {
  let code = 0;
  for (const object of objects) {
    const namespace = cluster.objects.get(`Namespace//${namespaceOf(object)}`);
    const { refusal, warnings } = atDoor(object, namespace);
    warn([...warnings, ...(object.kind === 'Namespace' ? ofThose(object, cluster) : [])], reply);
    if (refusal !== undefined) {
      code = 1;
      if (!dryRun) recordRefusal(object, refusal.message);
      const name = file === '-' ? 'STDIN' : file;
      reply.error(
        refusal.reason === 'Invalid'
          ? `${refusal.message}\n`
          : `Error from server (${refusal.reason}): error when creating ${JSON.stringify(name)}: ${refusal.message}\n`,
      );
    } else if (dryRun) {
      const there = cluster.objects.has(keyOf(object));
      reply.out(`${nameOf(object)} ${there ? 'configured' : 'created'}${DRY}\n`);
    } else reply.out(`${nameOf(object)} ${await cluster.apply(object)}\n`);
  }
  return code;
}

/** `create namespace NAME`. */
export async function createNamespace(name: string | undefined, cluster: Cluster, reply: Reply): Promise<number> {
  if (name === undefined || !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw refused('error: exactly one NAME is required, got 0');
  const object: ClusterObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  if (cluster.objects.has(keyOf(object)))
    throw refused(`Error from server (AlreadyExists): namespaces ${JSON.stringify(name)} already exists`);
  await cluster.apply(object);
  reply.out(`namespace/${name} created\n`);
  return 0;
}

/** `label namespace NAME KEY=VALUE… KEY-`. */
export async function label(
  words: readonly string[],
  { dryRun, overwrite }: ApplyFlags,
  cluster: Cluster,
  reply: Reply,
): Promise<number> {
  const [resource = '', name = '', ...changes] = words[0]?.includes('/') ? [...words[0].split('/'), ...words.slice(1)] : words;
  if (!/^(ns|namespaces?)$/.test(resource) || changes.length === 0)
    throw refused('only namespaces are labelled here: label namespace NAME KEY=VALUE… KEY-');
  const before =
    cluster.objects.get(`Namespace//${name}`) ??
    (name === 'default' ? ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } } satisfies ClusterObject) : undefined);
  if (before === undefined) throw refused(`Error from server (NotFound): namespaces ${JSON.stringify(name)} not found`);
  const labels: Record<string, string> = { ...before.metadata.labels };
  for (const change of changes) {
    const [key = '', value] = change.split(/=(.*)/s);
    if (value === undefined) {
      if (!key.endsWith('-')) throw refused(`error: ${JSON.stringify(change)} is no KEY=VALUE and no KEY-`);
      delete labels[key.slice(0, -1)];
    } else if (!/^([a-z0-9.-]+\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(key) || !/^[\w.-]{0,63}$/.test(value))
      throw refused(`error: invalid label: ${JSON.stringify(change)}`);
    else if (!overwrite && labels[key] !== undefined && labels[key] !== value)
      throw refused(`error: '${key}' already has a value (${labels[key]}), and --overwrite is false`);
    else labels[key] = value;
  }
  const object: ClusterObject = { ...before, metadata: { ...before.metadata, labels } };
  const { refusal } = atDoor(object, undefined);
  if (refusal !== undefined) throw refused(refusal.message);
  warn(ofThose(object, cluster), reply);
  if (!dryRun) await cluster.apply(object);
  const same = JSON.stringify(labels) === JSON.stringify(before.metadata.labels ?? {});
  reply.out(`namespace/${name} ${same ? 'not labeled' : 'labeled'}${dryRun ? DRY : ''}\n`);
  return 0;
}

const ofThose = (namespace: ClusterObject, cluster: Cluster): readonly string[] =>
  alreadyIn(
    namespace,
    cluster.objects.get(keyOf(namespace)),
    cluster.pods
      .filter((pod) => pod.deleted() === undefined && namespaceOf(pod.object) === namespace.metadata.name)
      .map(({ object }) => object),
  );

const warn = (warnings: readonly string[], reply: Reply): void => {
  for (const warning of warnings) reply.error(`Warning: ${warning}\n`);
};
