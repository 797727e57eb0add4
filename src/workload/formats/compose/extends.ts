/** `extends`: a service that begins as another one, of the same file or of one elsewhere (compose-go loader/extends.go). */
import type { SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import { readYaml } from '../../../text/yaml/read.ts';
import { type ComposeFiles, folderOf, pathFrom } from './files.ts';
import { interpolate } from './interpolate.ts';
import { type MergeFault, mergeValues, without } from './merge.ts';
import type { Lookup } from './substitute.ts';
import { childOf, composeDocument, type MapValue, problemOf, textOf, type Value, type ValuePath, writtenChild } from './value.ts';

export interface ExtendsInput {
  readonly files: ComposeFiles;
  readonly source: SourceFile;
  readonly dir: string;
  readonly lookup: Lookup;
  readonly forgotten: readonly ValuePath[];
  /** Told here. */
  readonly problems: TextProblem[];
}

/** Services of one file, and what its `!reset`s are. */
interface Scope {
  readonly path: string;
  readonly dir: string;
  readonly services: ReadonlyMap<string, Value>;
  readonly forgotten: readonly ValuePath[];
}

/** The model with every service and job complete. */
export function applyExtends(model: MapValue, input: ExtendsInput): MapValue {
  let out = model;
  const loaded = new Map<string, Scope | string>();
  for (const section of ['services', 'jobs']) {
    const holder = childOf(out, section);
    if (holder?.kind !== 'map') continue;
    const scope = { path: input.source.path, dir: input.dir, services: holder.entries, forgotten: input.forgotten };
    const entries = new Map([...holder.entries].map(([name, value]) => [name, extended(name, value, scope, [], section)]));
    out = { ...out, entries: new Map(out.entries).set(section, { ...holder, entries }) };
  }
  return out;

  function extended(name: string, service: Value, scope: Scope, way: readonly string[], section: string): Value {
    const said = writtenChild(service, 'extends');
    if (said === undefined || service.kind !== 'map') return service;
    const own: MapValue = { ...service, entries: new Map([...service.entries].filter(([key]) => key !== 'extends')) };
    const tell = (message: string): Value => {
      input.problems.push(problemOf(said, message, 'error'));
      return own;
    };
    const wanted = textOf(said.kind === 'map' ? childOf(said, 'service') : said);
    if (wanted === undefined) return tell(`extends.${name}.service is required`);
    const file = textOf(said.kind === 'map' ? childOf(said, 'file') : undefined);
    const from = file === undefined ? scope : scopeOf(pathFrom(scope.dir, file, input.files.environment.HOME));
    if (typeof from === 'string') return tell(from);
    const base = from.services.get(wanted);
    if (base === undefined)
      return tell(
        `cannot extend service "${name}" in ${scope.path}: service "${wanted}" not found${file === undefined ? '' : ` in ${from.path}`}`,
      );
    const here = `${scope.path}:${name}`;
    if (way.includes(here)) return tell(`circular reference: ${[...way.slice(way.indexOf(here)), here].join(' extends ')}`);
    const complete = extended(wanted, base, from, [...way, here], section);
    const prefix = (paths: readonly ValuePath[]): readonly ValuePath[] =>
      paths.flatMap(([first, second, ...rest]) => (first === section && second === name && rest.length > 0 ? [rest] : []));
    const faults: MergeFault[] = [];
    const merged = mergeValues(without(complete, prefix(scope.forgotten)), own, [section, name], faults);
    for (const { at, message } of faults) input.problems.push(problemOf(at, message, 'error'));
    return { ...merged, at: service.at };
  }

  /** The services of another file, read once; or why there are none. */
  function scopeOf(path: string): Scope | string {
    const known = loaded.get(path);
    if (known !== undefined) return known;
    const made = load(path);
    loaded.set(path, made);
    return made;
  }

  function load(path: string): Scope | string {
    const source = input.files.read(path);
    if ('missing' in source) return `cannot read ${path}: ${source.missing}`;
    const dir = folderOf(path);
    const read = readYaml(source, '1.2');
    for (const { problem } of read.broken) input.problems.push(problem);
    const [first] = read.documents;
    if (first === undefined) return `${path} cannot be extended: it holds no services`;
    const document = composeDocument(source, first.root, dir);
    const filled = interpolate(document.value, input.lookup);
    // Of the other services of that file nothing matters here.
    input.problems.push(...document.problems);
    const services = childOf(filled.value, 'services');
    if (services?.kind !== 'map') return `${path} cannot be extended: it has no services`;
    return { path, dir, services: services.entries, forgotten: document.forgotten };
  }
}
