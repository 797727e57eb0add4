/** One project as one value: its files read, variables put in, includes and extends taken in, later files laid over earlier ones. */
import { problemAt, type SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import { readYaml } from '../../../text/yaml/read.ts';
import { parseDotenv } from './dotenv.ts';
import { applyExtends } from './extends.ts';
import { type ComposeFiles, folderOf, pathFrom, tidy } from './files.ts';
import { interpolate } from './interpolate.ts';
import { type MergeFault, mergeValues, without } from './merge.ts';
import type { Lookup } from './substitute.ts';
import { childOf, composeDocument, type MapValue, problemOf, textOf, type Value, type ValuePath, writtenChild } from './value.ts';

/** Includes in each other. */
const DEEPEST = 16;
const SECTIONS = ['services', 'jobs', 'volumes', 'networks', 'secrets', 'configs', 'models'];

export interface Model {
  readonly value: MapValue;
  readonly problems: readonly TextProblem[];
}

export interface ModelInput {
  readonly files: ComposeFiles;
  /** In the order in which they are laid over each other. */
  readonly sources: readonly SourceFile[];
  /** Where relative paths start. */
  readonly dir: string;
  readonly lookup: Lookup;
  /** Files that are being included already. */
  readonly including?: readonly string[];
}

export function composeModel(input: ModelInput): Model | { readonly problems: readonly TextProblem[] } {
  const { files, sources, dir, lookup, including = [] } = input;
  const problems: TextProblem[] = [];
  let model: Value | undefined;
  for (const source of sources) {
    const read = readYaml(source, '1.2');
    for (const { problem } of read.broken) problems.push(problem);
    for (const { root } of read.documents) {
      const document = composeDocument(source, root, dir);
      problems.push(...document.problems);
      if (document.value.kind !== 'map') {
        problems.push(problemAt(source, root.start, 'top-level object must be a mapping', 'error'));
        continue;
      }
      const filled = interpolate(document.value, lookup);
      problems.push(...filled.problems);
      let own = included(filled.value as MapValue, { ...input, including: [...including, source.path] }, problems);
      if (model !== undefined) model = without(model, document.forgotten);
      own = applyExtends(own, { files, source, dir, lookup, forgotten: document.forgotten, problems });
      model = model === undefined ? own : laid(model, own, [], problems);
    }
  }
  return model?.kind === 'map' ? { value: model, problems } : { problems };
}

/** `over` laid over `base`, faults told. */
export function laid(base: Value, over: Value, path: ValuePath, problems: TextProblem[]): Value {
  const faults: MergeFault[] = [];
  const value = mergeValues(base, over, path, faults);
  for (const { at, message } of faults) problems.push(problemOf(at, message, 'error'));
  return value;
}

/** Takes in what `include` names: each file is a project of its own, in its folder, with its .env. */
function included(model: MapValue, input: ModelInput, problems: TextProblem[]): MapValue {
  const list = writtenChild(model, 'include');
  if (list === undefined) return model;
  if (list.kind !== 'list') {
    problems.push(problemOf(list, '`include` must be a list', 'error'));
    return model;
  }
  let out = model;
  for (const item of list.items) {
    const part = includedProject(item, input, problems);
    if (part !== undefined) out = withSections(out, part, problems);
  }
  const entries = new Map(out.entries);
  entries.delete('include');
  return { ...out, entries };
}

function includedProject(item: Value, input: ModelInput, problems: TextProblem[]): MapValue | undefined {
  const { files, dir, lookup, including = [] } = input;
  const home = files.environment.HOME;
  const paths = textsOf(item.kind === 'map' ? childOf(item, 'path') : item).map((path) => pathFrom(dir, path, home));
  const [main] = paths;
  const tell = (message: string, severity: TextProblem['severity'] = 'error'): undefined => {
    problems.push(problemOf(item, message, severity));
    return undefined;
  };
  if (main === undefined) return tell('this include names no file');
  if (isRemote(main)) return tell(`${main} is not on this machine: it is not read`, 'warning');
  if (including.some((path) => tidy(path) === main))
    return tell(`include cycle detected: ${[...including, main].join(' includes ')}`);
  if (including.length > DEEPEST) return tell(`includes are nested more than ${DEEPEST} deep`);
  const sources = paths.flatMap((path) => {
    const read = files.read(path);
    if (!('missing' in read)) return [read];
    tell(`cannot read ${path}: ${read.missing}`);
    return [];
  });
  if (sources.length < paths.length) return undefined;
  const said = textOf(childOf(item, 'project_directory'));
  const inside = said === undefined ? folderOf(main) : pathFrom(dir, said, home);
  const named = textsOf(childOf(item, 'env_file')).filter((path) => path !== '/dev/null');
  const envFiles = named.length > 0 ? named.map((path) => pathFrom(dir, path, home)) : [`${inside}/.env`];
  const own = environmentFrom(envFiles, files, lookup, named.length > 0, (message) => tell(message));
  const made = composeModel({
    files,
    sources,
    dir: inside,
    // What surrounds it comes first.
    lookup: (name) => lookup(name) ?? own.get(name),
    including: [...including, ...paths.slice(1)],
  });
  problems.push(...made.problems);
  return 'value' in made ? made.value : undefined;
}

/** What stands in the including file is laid over what is included. */
function withSections(model: MapValue, part: MapValue, problems: TextProblem[]): MapValue {
  const entries = new Map(model.entries);
  for (const section of SECTIONS) {
    const from = childOf(part, section);
    if (from?.kind !== 'map') continue;
    const into = entries.get(section);
    const names = new Map(into?.kind === 'map' ? into.entries : []);
    for (const [name, value] of from.entries) {
      const own = names.get(name);
      names.set(name, own === undefined ? value : laid(value, own, [section, name], problems));
    }
    entries.set(section, { kind: 'map', entries: names, at: into?.at ?? from.at });
  }
  return { ...model, entries };
}

/** The variables of `.env` files; `lookup` comes before them. One that is not there matters only when somebody named it. */
export function environmentFrom(
  paths: readonly string[],
  files: ComposeFiles,
  lookup: Lookup,
  named: boolean,
  tell: (message: string) => void,
): ReadonlyMap<string, string> {
  let values: ReadonlyMap<string, string> = new Map();
  for (const path of paths) {
    const read = files.read(path);
    if ('missing' in read) {
      if (named || !read.absent) tell(`cannot read ${path}: ${read.missing}`);
      continue;
    }
    const parsed = parseDotenv(read.text, lookup, values);
    if (parsed.problem !== undefined) tell(`${path}:${parsed.problem.line}: ${parsed.problem.message}`);
    values = parsed.values;
  }
  return values;
}

/** A text, or a list of them. */
export function textsOf(value: Value | undefined): readonly string[] {
  if (value === undefined) return [];
  return (value.kind === 'list' ? value.items : [value]).flatMap((one) => textOf(one) ?? []);
}

/** Git repositories and OCI artifacts, which compose fetches. */
export const isRemote = (path: string): boolean => /^(?:oci|https?|ssh|git):\/\/|^git@|^github\.com\//.test(path);
