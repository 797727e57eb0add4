/** Lays one compose file, or an extending service, over another: mappings by key, lists joined, and the exceptions (compose-go override/merge.go). */
import { type ListValue, type MapValue, type Place, type ScalarValue, textOf, type Value, type ValuePath } from './value.ts';

/** What cannot be laid over each other, and where. */
export interface MergeFault {
  readonly at: Value;
  readonly message: string;
}

type Rule = 'replace' | 'key-values' | 'sequence' | 'mapping' | 'build';

/** Below `services.NAME`. */
const RULES: Readonly<Record<string, Rule>> = {
  annotations: 'key-values',
  build: 'build',
  'build.args': 'key-values',
  'build.additional_contexts': 'key-values',
  'build.labels': 'key-values',
  command: 'replace',
  depends_on: 'mapping',
  dns: 'sequence',
  dns_opt: 'sequence',
  dns_search: 'sequence',
  entrypoint: 'replace',
  env_file: 'sequence',
  label_file: 'sequence',
  environment: 'key-values',
  extra_hosts: 'sequence',
  'healthcheck.test': 'replace',
  labels: 'key-values',
  models: 'mapping',
  networks: 'mapping',
  sysctls: 'key-values',
  tmpfs: 'sequence',
};

/** `over` laid over `base`. */
export function mergeValues(base: Value, over: Value, path: ValuePath, faults: MergeFault[]): Value {
  const [section, , ...rest] = path;
  const rule = section === 'services' || section === 'jobs' ? RULES[rest.join('.')] : undefined;
  switch (rule) {
    case 'replace':
      return over;
    case 'key-values':
      return keyValues([...entriesOf(base), ...entriesOf(over)], over.at);
    case 'sequence':
      return joined(asList(base), asList(over), path);
    case 'mapping':
      return merged(asMapping(base, rest[0] === 'depends_on'), asMapping(over, rest[0] === 'depends_on'), path, faults);
    case 'build':
      return merged(asBuild(base), asBuild(over), path, faults);
    default:
  }
  if (isNull(over)) return base;
  if (base.kind === 'scalar') return over;
  if (base.kind === 'map' && over.kind === 'map') return merged(base, over, path, faults);
  if (base.kind === 'list' && over.kind === 'list') return joined(base, over, path);
  faults.push({
    at: over,
    message: `cannot override ${path.join('.')}: a ${base.kind === 'map' ? 'mapping' : 'list'} stands there`,
  });
  return base;
}

const isNull = (value: Value): boolean => value.kind === 'scalar' && value.value === null;

function merged(base: MapValue, over: MapValue, path: ValuePath, faults: MergeFault[]): MapValue {
  const entries = new Map(base.entries);
  for (const [key, value] of over.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? value : mergeValues(before, value, [...path, key], faults));
  }
  return { kind: 'map', entries, at: over.at };
}

function joined(base: ListValue, over: ListValue, path: ValuePath): ListValue {
  const items = [...base.items];
  // The same words in another folder are another path.
  const ofPaths = /^(?:env_file|label_file|volumes)$/.test(path.at(-1) ?? '');
  const keyOf = (item: Value): string => `${ofPaths ? item.at.dir : ''} ${fingerprint(item)}`;
  const known = new Set(items.map(keyOf));
  for (const item of over.items) {
    const print = keyOf(item);
    if (!known.has(print)) items.push(item);
    known.add(print);
  }
  return { kind: 'list', items, at: over.at };
}

/** Equal values have equal ones. */
export function fingerprint(value: Value): string {
  if (value.kind === 'scalar') return JSON.stringify(value.value);
  if (value.kind === 'list') return `[${value.items.map(fingerprint).join(',')}]`;
  const entries = [...value.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${fingerprint(one)}`).join(',')}}`;
}

function asList(value: Value): ListValue {
  if (value.kind === 'list') return value;
  return { kind: 'list', items: isNull(value) ? [] : [value], at: value.at };
}

function asBuild(value: Value): MapValue {
  if (value.kind === 'map') return value;
  const context: readonly (readonly [string, Value])[] = value.kind === 'scalar' && !isNull(value) ? [['context', value]] : [];
  return { kind: 'map', entries: new Map(context), at: value.at };
}

/** `[db, cache]` and `db` as a mapping; dependencies get what the short form means. */
export function asMapping(value: Value, dependencies: boolean): MapValue {
  if (value.kind === 'map') return value;
  const scalar = (text: string | boolean, at: Place): ScalarValue => ({ kind: 'scalar', value: text, at });
  const entries = new Map<string, Value>();
  for (const item of asList(value).items) {
    const name = textOf(item);
    if (name === undefined) continue;
    const long = new Map<string, Value>([
      ['condition', scalar('service_started', item.at)],
      ['required', scalar(true, item.at)],
    ]);
    entries.set(name, dependencies ? { kind: 'map', entries: long, at: item.at } : { kind: 'scalar', value: null, at: item.at });
  }
  return { kind: 'map', entries, at: value.at };
}

/** One of `NAME=value`, `NAME` or a mapping's pair. */
export interface Entry {
  readonly key: string;
  /** Null: the name alone. */
  readonly value: ScalarValue;
}

/** The pairs of a mapping, or of a list of `NAME=value`, in order. What is neither is left out; whoever reads the field says so. */
export function entriesOf(value: Value): readonly Entry[] {
  if (value.kind === 'map')
    return [...value.entries].flatMap(([key, one]) => (one.kind === 'scalar' ? [{ key, value: one }] : []));
  return asList(value).items.flatMap((item): readonly Entry[] => {
    const text = textOf(item);
    if (text === undefined || item.kind !== 'scalar') return [];
    const cut = text.indexOf('=');
    if (cut < 0) return [{ key: text, value: { ...item, value: null } }];
    return [{ key: text.slice(0, cut), value: { ...item, value: text.slice(cut + 1) } }];
  });
}

/** The last of equal names counts, at the place of the first. */
function keyValues(entries: readonly Entry[], at: Place): MapValue {
  return { kind: 'map', entries: new Map(entries.map(({ key, value }) => [key, value])), at };
}

/** Without what stands at the given places: `!reset` and `!override` of a later file. Items of lists stay, as in compose. */
export function without(value: Value, paths: readonly ValuePath[]): Value {
  if (paths.length === 0 || value.kind !== 'map') return value;
  const entries = new Map<string, Value>();
  for (const [key, one] of value.entries) {
    const below = paths.filter(([first]) => first === key);
    if (below.some((path) => path.length === 1)) continue;
    entries.set(
      key,
      without(
        one,
        below.map((path) => path.slice(1)),
      ),
    );
  }
  return { ...value, entries };
}
