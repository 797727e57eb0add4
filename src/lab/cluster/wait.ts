/** `kubectl wait --for=condition=NAME|delete|jsonpath=… WHAT`. */
import type { Cluster } from './contract.ts';
import { conditionOf } from './documents.ts';
import type { Flags } from './flags.ts';
import { entriesOf } from './get.ts';
import { jsonPath } from './json-path.ts';
import { refused } from './objects.ts';
import type { Reply } from './reply.ts';
import { type Entry, type Resource, resourceOf } from './resources.ts';

/** As kubectl's own. */
const USUAL_MS = 30_000;

type Holds = (entry: Entry | undefined) => boolean;

export async function wait(words: readonly string[], flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const { holds, what } = readFor(flags.for);
  const end = Date.now() + (flags.timeout === undefined ? USUAL_MS : duration(flags.timeout));
  const { resource, names } = readWhat(words, flags, cluster);
  let code = 0;
  for (const name of names) {
    const now = (): Entry | undefined => entriesOf(resource, flags, cluster).find((one) => one.name === name);
    let met = holds(now());
    while (!met && Date.now() < end && !reply.signal.aborted) {
      await cluster.changed(Math.min(200, Math.max(1, end - Date.now())));
      met = holds(now());
    }
    if (met) reply.out(`${resource.name}/${name} ${what === 'deleted' ? 'deleted' : 'condition met'}\n`);
    else {
      reply.error(`error: timed out waiting for the condition on ${resource.plural}/${name}\n`);
      code = 1;
    }
  }
  return code;
}

function readFor(text: string | undefined): { readonly holds: Holds; readonly what: 'met' | 'deleted' } {
  const known = 'condition=NAME[=VALUE], delete, jsonpath={…}=VALUE';
  if (text === undefined) throw refused(`error: --for is needed: ${known}`);
  if (text === 'delete') return { holds: (entry) => entry === undefined, what: 'deleted' };
  const condition = /^condition=(\w+)(?:=(\w+))?$/i.exec(text);
  if (condition !== null) {
    const [, name = '', value = 'true'] = condition;
    const holds: Holds = (entry) =>
      entry !== undefined && conditionOf(entry.document(), name)?.toLowerCase() === value.toLowerCase();
    return { holds, what: 'met' };
  }
  const path = /^jsonpath=['"]?(\{.*\})['"]?(?:=['"]?(.*?)['"]?)?$/s.exec(text);
  if (path === null) throw refused(`error: unrecognized condition: ${JSON.stringify(text)}: here there are ${known}`);
  const [, template = '', value] = path;
  jsonPath(template, {});
  const holds: Holds = (entry) => {
    const found = entry === undefined ? '' : jsonPath(template, entry.document());
    return value === undefined ? found !== '' : found === value;
  };
  return { holds, what: 'met' };
}

function readWhat(
  words: readonly string[],
  flags: Flags,
  cluster: Cluster,
): { readonly resource: Resource; readonly names: readonly string[] } {
  const [first = '', ...more] = words;
  const [kind = '', name] = first.split(/\/(.*)/s);
  const resource = resourceOf(kind);
  if (resource === undefined) throw refused(`error: the server doesn't have a resource type ${JSON.stringify(kind)} here`);
  const there = entriesOf(resource, flags, cluster).map((one) => one.name);
  const named = name === undefined ? more : [name, ...more.map((word) => word.replace(/^.*\//, ''))];
  if (named.length === 0 && !flags.all && flags.selector === undefined)
    throw refused('error: resource(s) were provided, but no name was specified: KIND/NAME, --all or -l');
  const names = named.length === 0 ? there : named;
  if (names.length === 0) {
    if (flags.for === 'delete') return { resource, names };
    throw refused('error: no matching resources found');
  }
  const missing = names.find((one) => !there.includes(one));
  if (missing !== undefined && flags.for !== 'delete')
    throw refused(`Error from server (NotFound): ${resource.plural} ${JSON.stringify(missing)} not found`);
  return { resource, names };
}

/** `90s`, `1m30s`, `1h`; a bare number is seconds. Less than none is a week, as upstream has it. */
function duration(text: string): number {
  if (/^-/.test(text)) return 7 * 24 * 3600_000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|$)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text)
    throw refused(`error: invalid argument ${JSON.stringify(text)} for "--timeout": a time as 30s or 2m`);
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3600_000, '': 1000 };
  return parts.reduce((sum, [, count = '0', unit = '']) => sum + Number(count) * units[unit]!, 0);
}
