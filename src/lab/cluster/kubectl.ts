/** The commands of kubectl that this cluster answers, in its words. Whatever else is asked gets the list of them. */
import { stringify } from 'yaml';
import { unifiedDiff } from '../../text/unified-diff.ts';
import { applyAll, createNamespace, label } from './apply.ts';
import { deploymentNamed, restart, scale, setImage, undo } from './change.ts';
import type { Cluster } from './contract.ts';
import { exec } from './exec.ts';
import { type Flags, readFlags } from './flags.ts';
import { get } from './get.ts';
import { logs } from './logs.ts';
import { type ClusterObject, keyOf, nameOf, namespaceOf, RESOURCES, readObjects, refused, sorted } from './objects.ts';
import { podsNamed } from './pods-named.ts';
import type { Reply } from './reply.ts';
import { resourceOf } from './resources.ts';
import { describeDeployment, describePod } from './tables.ts';
import { wait } from './wait.ts';

export interface Question {
  /** What stands behind `kubectl`. */
  readonly words: readonly string[];
  /** Text of the file that -f names. */
  readonly text?: string;
}

const KNOWN = `This is no kubectl: a stand-in for a cluster of one node that knows
  apply -f FILE [--dry-run=server], diff -f FILE, delete -f FILE, delete KIND NAME…
  create namespace NAME, label namespace NAME KEY=VALUE [--overwrite] [--dry-run=server]
  get all|pods|deployments|replicasets|services|configmaps|secrets|namespaces|events
      [NAME…] [-l KEY=VALUE] [-w] [--no-headers] [-o wide|name|yaml|json|jsonpath=…]
  describe pod|deployment NAME, logs [-f] POD [-c CONTAINER] [--tail N]
  exec [-it] POD [-c CONTAINER] -- COMMAND…
  rollout status|restart|undo deployment/NAME, scale deployment/NAME --replicas=N
  set image deployment/NAME CONTAINER=IMAGE
  wait --for=condition=NAME|delete|jsonpath={…}=VALUE KIND/NAME [--timeout=30s]
with -n NAMESPACE or -A. A shell in any container of the node: enter WORD.`;

/** The exit code. */
export async function kubectl(question: Question, cluster: Cluster, reply: Reply): Promise<number> {
  const flags = readFlags(question.words, KNOWN);
  const [command, ...rest] = flags.words;
  const given = (): readonly ClusterObject[] => {
    if (flags.file === undefined || question.text === undefined) throw refused('error: must specify -f FILE');
    return readObjects(flags.file, question.text).map((object) => placed(object, flags.namespace));
  };
  switch (command) {
    case 'apply': {
      const objects = given();
      const made = new Set(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name));
      for (const object of objects)
        if (object.kind !== 'Namespace' && !made.has(namespaceOf(object))) namespaceThere(object, cluster);
      return applyAll(objects, flags.file ?? '', flags, cluster, reply);
    }
    case 'create':
      if (!/^(ns|namespace)$/.test(rest[0] ?? '')) throw refused(KNOWN);
      return createNamespace(rest[1], cluster, reply);
    case 'label':
      return label(rest, flags, cluster, reply);
    case 'diff':
      return diff(given(), cluster, reply);
    case 'delete':
      return remove(
        flags.file === undefined ? named(rest, flags) : given().map((one) => [keyOf(one), nameOf(one)]),
        cluster,
        reply,
      );
    case 'get':
      return get(rest, flags, cluster, reply, KNOWN);
    case 'describe':
      return describe(rest, flags, cluster, reply);
    case 'logs':
      return logs(rest[0], flags, cluster, reply);
    case 'exec':
      return exec(flags, cluster, reply);
    case 'scale':
      return scale(rest, flags, cluster, reply);
    case 'set':
      if (rest[0] !== 'image') throw refused(KNOWN);
      return setImage(rest.slice(1), flags, cluster, reply);
    case 'wait':
      return wait(rest, flags, cluster, reply);
    case 'rollout':
      if (rest[0] === 'restart') return restart(rest.slice(1), flags, cluster, reply);
      if (rest[0] === 'undo') return undo(rest.slice(1), flags, cluster, reply);
      if (rest[0] !== 'status') throw refused(KNOWN);
      return rolloutStatus(rest.slice(1), flags, cluster, reply);
    default:
      throw refused(KNOWN);
  }
}

const placed = (object: ClusterObject, namespace: string | undefined): ClusterObject =>
  object.kind === 'Namespace' || object.metadata.namespace !== undefined || namespace === undefined
    ? object
    : { ...object, metadata: { ...object.metadata, namespace } };

function namespaceThere(object: ClusterObject, cluster: Cluster): void {
  const namespace = namespaceOf(object);
  if (namespace !== 'default' && !cluster.objects.has(`Namespace//${namespace}`))
    throw refused(`Error from server (NotFound): namespaces "${namespace}" not found`);
}

/** As `kubectl diff`: what apply would change, 1 when that is something. */
function diff(objects: readonly ClusterObject[], cluster: Cluster, reply: Reply): number {
  let differs = 0;
  for (const object of objects) {
    const live = cluster.objects.get(keyOf(object));
    const text = (one: ClusterObject | undefined): string | undefined =>
      one === undefined ? undefined : stringify(sorted(one), { lineWidth: 0 });
    const name = `${RESOURCES[object.kind].group.replace('/', '.')}.${object.kind}.${namespaceOf(object)}.${object.metadata.name}`;
    const lines = unifiedDiff(name, text(live), text(cluster.merged(object)));
    if (lines !== '') differs = 1;
    reply.out(lines);
  }
  return differs;
}

async function remove(keys: readonly (readonly [string, string])[], cluster: Cluster, reply: Reply): Promise<number> {
  let code = 0;
  for (const [key, name] of keys) {
    if (await cluster.delete(key)) reply.out(`${name.replace('/', ' "')}" deleted\n`);
    else {
      reply.error(`Error from server (NotFound): ${name.replace('/', ' "')}" not found\n`);
      code = 1;
    }
  }
  return code;
}

/** `pod NAME…`, `pod/NAME deploy/NAME`. */
function named(words: readonly string[], { namespace }: Flags): readonly (readonly [string, string])[] {
  const [first = '', ...more] = words;
  const pairs = first.includes('/')
    ? words.map((word) => word.split(/\/(.*)/s) as [string, string])
    : more.map((name) => [first, name] as const);
  if (pairs.length === 0) throw refused('error: delete KIND NAME, or delete -f FILE');
  return pairs.map(([word, name]) => {
    const resource = resourceOf(word);
    const kind = Object.entries(RESOURCES).find(([, one]) => one.plural === resource?.plural)?.[0];
    if (kind === undefined || name === undefined || name === '') throw refused('error: delete KIND NAME, or delete -f FILE');
    return [`${kind}/${kind === 'Namespace' ? '' : (namespace ?? 'default')}/${name}`, `${word}/${name}`];
  });
}

/** `pod NAME`, `deploy/NAME`; a lone word that is no kind is taken for a pod's name, as one of the tutorials does. */
function describe(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): number {
  const kind = resourceOf((words[0] ?? '').split('/')[0]!)?.plural;
  if (kind === 'deployments') {
    const bare = words.length === 1 && !words[0]!.includes('/');
    const all = [...cluster.objects.values()].filter(
      (one) => one.kind === 'Deployment' && (flags.namespace === undefined || namespaceOf(one) === flags.namespace),
    );
    for (const one of bare ? all : [deploymentNamed(words, flags, cluster).object]) reply.out(describeDeployment(one, cluster));
    return 0;
  }
  if (kind !== undefined && kind !== 'pods') throw refused('only pods and deployments are described here: describe pod NAME');
  const name = kind === undefined || words[0]!.includes('/') ? words[0] : words[1];
  for (const pod of podsNamed(name, flags.namespace, cluster)) reply.out(describePod(pod, cluster));
  return 0;
}

const STATUS_MS = 120_000;

async function rolloutStatus(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  // A name alone will do, though the real one asks for the kind.
  const named = words.length === 1 && !words[0]!.includes('/') ? [`deployment/${words[0]}`] : words;
  let said = '';
  for (const end = Date.now() + STATUS_MS; Date.now() < end && !reply.signal.aborted; ) {
    const { done, words: standing } = cluster.rollout(deploymentNamed(named, flags, cluster).object);
    if (standing !== said) reply.out(`${standing}\n`);
    said = standing;
    if (done) return 0;
    await cluster.changed(500);
  }
  reply.error('error: timed out waiting for the condition\n');
  return 1;
}
