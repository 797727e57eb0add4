/** `kubectl get`: tables, documents, and lines as things change. */
import { stringify } from 'yaml';
import type { Cluster } from './contract.ts';
import type { Flags } from './flags.ts';
import { jsonPath } from './json-path.ts';
import { matches, refused, sorted } from './objects.ts';
import type { Reply } from './reply.ts';
import { type Entry, type Resource, resourceOf, resourcesOf } from './resources.ts';
import { table } from './tables.ts';

const FORMATS = 'json,yaml,name,wide,jsonpath=…';

/** One resource with what was asked of it. */
interface Asked {
  readonly resource: Resource;
  /** None = all of them. */
  readonly names: readonly string[];
}

/** The exit code. */
export async function get(
  words: readonly string[],
  flags: Flags,
  cluster: Cluster,
  reply: Reply,
  known: string,
): Promise<number> {
  const asked = readAsked(words, known);
  const { output = '' } = flags;
  if (!['', 'wide', 'name', 'json', 'yaml'].includes(output) && !output.startsWith('jsonpath='))
    throw refused(
      `error: unable to match a printer suitable for the output format ${JSON.stringify(output)}, here there are: ${FORMATS}`,
    );
  let code = 0;
  const found = asked.map(({ resource, names }) => {
    const all = entriesOf(resource, flags, cluster);
    for (const name of names)
      if (!all.some((one) => one.name === name)) {
        reply.error(`Error from server (NotFound): ${resource.plural}${groupOf(resource)} ${JSON.stringify(name)} not found\n`);
        code = 1;
      }
    return { resource, entries: names.length === 0 ? all : all.filter(({ name }) => names.includes(name)) };
  });
  const count = found.reduce((sum, { entries }) => sum + entries.length, 0);
  if (output === '' || output === 'wide') {
    const shown = found.filter(({ entries }) => entries.length > 0);
    const many = asked.length > 1;
    reply.out(shown.map(({ resource, entries }) => table(rowsOf(resource, entries, flags, many))).join('\n'));
    if (count === 0 && code === 0 && !flags.watch)
      reply.error(`No resources found${flags.namespace === undefined ? '' : ` in ${flags.namespace} namespace`}.\n`);
  } else if (output === 'name')
    for (const { resource, entries } of found) for (const { name } of entries) reply.out(`${resource.name}/${name}\n`);
  else if (count > 0 || code === 0) {
    const documents = found.flatMap(({ entries }) => entries.map((one) => one.document()));
    const one = asked.length === 1 && asked[0]!.names.length === 1 ? documents[0] : undefined;
    reply.out(printed(sorted(one ?? { apiVersion: 'v1', kind: 'List', items: documents }), output));
  }
  if (flags.watch) await watch(asked, flags, cluster, reply);
  return code;
}

const groupOf = ({ name }: Resource): string => (name.endsWith('.apps') ? '.apps' : '');

function printed(document: unknown, output: string): string {
  if (output === 'json') return `${JSON.stringify(document, null, 4)}\n`;
  if (output === 'yaml') return stringify(document, { lineWidth: 0 });
  return jsonPath(output.slice('jsonpath='.length), document);
}

/** `pods`, `pods,svc`, `pod NAME…`, `pod/NAME svc/NAME`. */
function readAsked(words: readonly string[], known: string): readonly Asked[] {
  const [first = '', ...names] = words;
  const unknown = (word: string): never => {
    throw refused(`error: the server doesn't have a resource type ${JSON.stringify(word)} here\n${known}`);
  };
  if (first === '') throw refused(`You must specify the type of resource to get.\n${known}`);
  if (first.includes('/'))
    return words.map((word) => {
      const [kind = '', name = ''] = word.split(/\/(.*)/s);
      const resource = resourceOf(kind) ?? unknown(kind);
      return { resource, names: [name] };
    });
  const resources = resourcesOf(first) ?? unknown(first);
  if (resources.length > 1 && names.length > 0) throw refused('error: you may only specify a single resource type with names');
  return resources.map((resource) => ({ resource, names }));
}

/** Of the namespace and with the labels that are meant. */
export function entriesOf(resource: Resource, { namespace, selector }: Flags, cluster: Cluster): readonly Entry[] {
  const wanted = selector === undefined ? [] : readSelector(selector);
  return resource
    .entries(cluster)
    .filter(
      (one) =>
        (namespace === undefined || one.namespace === '' || one.namespace === namespace) &&
        wanted.every((fits) => fits(one.labels)),
    );
}

type Labels = Readonly<Record<string, string>>;

/** `app=web,tier!=db,owner,!old`. */
function readSelector(text: string): readonly ((labels: Labels) => boolean)[] {
  return text.split(',').map((part) => {
    const found = /^\s*(!?)([\w./-]+)\s*(?:(==?|!=)\s*([\w.-]*))?\s*$/.exec(part);
    if (found === null || (found[1] === '!' && found[3] !== undefined))
      throw refused(
        `error: unable to parse requirement ${JSON.stringify(part)}: here there are KEY=VALUE, KEY!=VALUE, KEY and !KEY`,
      );
    const [, not, key = '', operator, value = ''] = found;
    if (operator === undefined) return (labels: Labels) => (labels[key] !== undefined) === (not === '');
    return operator === '!=' ? (labels: Labels) => labels[key] !== value : (labels: Labels) => matches({ [key]: value }, labels);
  });
}

function headOf(resource: Resource, { namespace, output }: Flags): readonly string[] {
  return [
    ...(namespace === undefined && resource.plural !== 'namespaces' ? ['NAMESPACE'] : []),
    ...(resource.named ? ['NAME'] : []),
    ...resource.head,
    ...(output === 'wide' ? (resource.wide ?? []) : []),
  ];
}

function rowOf(resource: Resource, one: Entry, { namespace, output }: Flags, many: boolean): readonly string[] {
  return [
    ...(namespace === undefined && resource.plural !== 'namespaces' ? [one.namespace] : []),
    ...(resource.named ? [many ? `${resource.name}/${one.name}` : one.name] : []),
    ...one.cells,
    ...(output === 'wide' ? (one.wide ?? []) : []),
  ];
}

const rowsOf = (resource: Resource, entries: readonly Entry[], flags: Flags, many: boolean): readonly (readonly string[])[] => [
  ...(flags.headers ? [headOf(resource, flags)] : []),
  ...entries.map((one) => rowOf(resource, one, flags, many)),
];

/** A line whenever one becomes another, until whoever asked has seen enough. */
async function watch(asked: readonly Asked[], flags: Flags, cluster: Cluster, reply: Reply): Promise<void> {
  const [first, ...more] = asked;
  if (first === undefined || more.length > 0) throw refused('error: you may only specify a single resource type to watch');
  if (!['', 'wide'].includes(flags.output ?? '')) throw refused('only tables are watched here');
  const { resource, names } = first;
  const now = (): readonly Entry[] =>
    entriesOf(resource, flags, cluster).filter(({ name }) => names.length === 0 || names.includes(name));
  // How long ago is no news; of events the name tells which it is.
  const old = resource.head.findIndex((head) => head === 'AGE' || head === 'LAST SEEN');
  const key = (one: Entry): string => one.cells.filter((_, column) => column !== old).join('\0');
  const nameOf = (one: Entry): string => (resource.named ? `${one.namespace}/${one.name}` : `${one.namespace} ${key(one)}`);
  const said = new Map(now().map((one) => [nameOf(one), key(one)]));
  const rows = [headOf(resource, flags), ...now().map((one) => rowOf(resource, one, flags, false))];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const say = (row: readonly string[]): void =>
    reply.out(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd()}\n`,
    );
  let headed = said.size > 0;
  while (!reply.signal.aborted) {
    await cluster.changed(500);
    for (const one of now()) {
      if (said.get(nameOf(one)) === key(one)) continue;
      if (!headed && flags.headers) say(headOf(resource, flags));
      headed = true;
      say(rowOf(resource, one, flags, false));
      said.set(nameOf(one), key(one));
    }
  }
}
