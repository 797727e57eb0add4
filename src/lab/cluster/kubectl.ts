/** The commands of kubectl that this cluster answers, in its words. Whatever else is asked gets the list of them. */
import { stringify } from 'yaml';
import { unifiedDiff } from '../../text/unified-diff.ts';
import { type ApplyFlags, applyAll, createNamespace, label } from './apply.ts';
import type { Cluster } from './cluster.ts';
import { type ClusterObject, keyOf, nameOf, namespaceOf, RESOURCES, readObjects, refused, sorted } from './objects.ts';
import type { ClusterPod } from './pod.ts';
import type { Reply } from './reply.ts';
import { describePod, EVENT_HEAD, eventRow, POD_HEAD, podRow, rowsOf, table } from './tables.ts';

export interface Question {
  /** What stands behind `kubectl`. */
  readonly words: readonly string[];
  /** Text of the file that -f names. */
  readonly text?: string;
}

interface Flags extends ApplyFlags {
  readonly namespace: string | undefined;
  readonly file: string | undefined;
  readonly watch: boolean;
  readonly words: readonly string[];
}

const KNOWN = `This is no kubectl: a stand-in for a cluster of one node that knows
  apply -f FILE [--dry-run=server], diff -f FILE, delete -f FILE, delete pod NAME
  create namespace NAME, label namespace NAME KEY=VALUE [--overwrite] [--dry-run=server]
  get pods|deployments|replicasets|services|namespaces|events [-w]
  describe pod NAME, logs POD, rollout status deployment/NAME
with -n NAMESPACE or -A. A shell in a pod: enter WORD.`;

/** The exit code. */
export async function kubectl(question: Question, cluster: Cluster, reply: Reply): Promise<number> {
  const flags = readFlags(question.words);
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
      return get(rest[0] ?? '', flags, cluster, reply);
    case 'describe': {
      if (!/^po(ds?)?$/.test(rest[0] ?? '')) throw refused('only pods are described here: describe pod NAME');
      for (const pod of found(rest[1], flags, cluster)) reply.out(describePod(pod, cluster));
      return 0;
    }
    case 'logs': {
      for (const pod of found(rest[0], flags, cluster)) reply.out(pod.logs());
      return 0;
    }
    case 'rollout':
      if (rest[0] !== 'status') throw refused(KNOWN);
      return rolloutStatus(rest.slice(1), flags, cluster, reply);
    default:
      throw refused(KNOWN);
  }
}

function readFlags(words: readonly string[]): Flags {
  const rest: string[] = [];
  let [namespace, file, watch]: [string | undefined, string | undefined, boolean] = ['default', undefined, false];
  let [dryRun, overwrite] = [false, false];
  for (let at = 0; at < words.length; at += 1) {
    const [name = '', inline] = words[at]!.startsWith('--') ? words[at]!.split(/=(.*)/s) : [words[at]!];
    const value = (): string => {
      if (inline === undefined) at += 1;
      const text = inline ?? words[at];
      if (text === undefined) throw refused(`error: flag needs an argument: ${name}`);
      return text;
    };
    if (name === '-n' || name === '--namespace') namespace = value();
    else if (name === '-f' || name === '--filename') file = value();
    else if (name === '-A' || name === '--all-namespaces') namespace = undefined;
    else if (name === '-w' || name === '--watch') watch = true;
    else if (words[at] === '--dry-run=server') dryRun = true;
    else if (words[at] === '--overwrite') overwrite = true;
    else if (name.startsWith('-') && name !== '-') throw refused(`error: unknown flag here: ${name}\n${KNOWN}`);
    else rest.push(words[at]!);
  }
  return { namespace, file, watch, dryRun, overwrite, words: rest };
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

function named(words: readonly string[], { namespace }: Flags): readonly (readonly [string, string])[] {
  const [resource = '', ...names] = words;
  const kind = Object.entries(RESOURCES).find(([, { name, plural }]) =>
    [name, name.replace('.apps', ''), plural].includes(resource),
  )?.[0];
  if (kind === undefined || names.length === 0) throw refused('error: delete KIND NAME, or delete -f FILE');
  return names.map((name) => [`${kind}/${kind === 'Namespace' ? '' : (namespace ?? 'default')}/${name}`, `${resource}/${name}`]);
}

function found(name: string | undefined, { namespace }: Flags, cluster: Cluster): readonly ClusterPod[] {
  const plain = name?.replace(/^pods?\//, '');
  const pods = cluster.pods.filter(
    ({ object }) =>
      (namespace === undefined || namespaceOf(object) === namespace) &&
      (plain === undefined || object.metadata.name.startsWith(plain)),
  );
  if (pods.length === 0) throw refused(`Error from server (NotFound): pods "${plain ?? ''}" not found`);
  return pods;
}

async function get(resource: string, flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const rows = rowsOf(resource, cluster, flags.namespace);
  if (rows === undefined) throw refused(`error: the server doesn't have a resource type "${resource}" here\n${KNOWN}`);
  if (rows.length > 1) reply.out(table(rows));
  else if (!flags.watch)
    reply.error(`No resources found${flags.namespace === undefined ? '' : ` in ${flags.namespace} namespace`}.\n`);
  if (flags.watch) await watch(resource, flags, cluster, reply);
  return 0;
}

/** A line whenever one becomes another, until whoever asked has seen enough. */
async function watch(resource: string, { namespace }: Flags, cluster: Cluster, reply: Reply): Promise<void> {
  const events = resource.startsWith('ev');
  if (!events && !/^po(ds?)?$/.test(resource)) throw refused('only pods and events are watched here');
  const key = (row: readonly string[]): string => row.slice(0, 4).join(' ');
  const now = (): readonly (readonly string[])[] =>
    events
      ? cluster
          .events()
          .filter((one) => namespace === undefined || one.namespace === namespace)
          .map(eventRow)
      : cluster.pods.filter(({ object }) => namespace === undefined || namespaceOf(object) === namespace).map(podRow);
  const said = new Map(now().map((row) => [row[0]!, key(row)]));
  let known = now().length;
  const widths = (events ? EVENT_HEAD : POD_HEAD).map((head, column) =>
    Math.max(head.length, ...now().map((row) => row[column]!.length)),
  );
  const say = (row: readonly string[]): void =>
    reply.out(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd()}\n`,
    );
  while (!reply.signal.aborted) {
    await cluster.changed(500);
    const rows = now();
    if (events) {
      for (const row of rows.slice(known)) say(row);
      known = rows.length;
      continue;
    }
    for (const row of rows) {
      if (said.get(row[0]!) !== key(row)) say(row);
      said.set(row[0]!, key(row));
    }
  }
}

const STATUS_MS = 120_000;

async function rolloutStatus(words: readonly string[], { namespace }: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const name = words.join('/').replace(/^(?:deploy(?:ment)?(?:\.apps)?|deployments)\//, '');
  let said = '';
  for (const end = Date.now() + STATUS_MS; Date.now() < end && !reply.signal.aborted; ) {
    const deployment = cluster.objects.get(`Deployment/${namespace ?? 'default'}/${name}`);
    if (deployment === undefined) throw refused(`Error from server (NotFound): deployments.apps "${name}" not found`);
    const { done, words: standing } = cluster.rollout(deployment);
    if (standing !== said) reply.out(`${standing}\n`);
    said = standing;
    if (done) return 0;
    await cluster.changed(500);
  }
  reply.error('error: timed out waiting for the condition\n');
  return 1;
}
