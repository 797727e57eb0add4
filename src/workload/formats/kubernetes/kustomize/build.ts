/** `kustomize build`, done here: the objects that come out, and for each of their fields the file in which it was written. */
import { problemAt, type SourceFile } from '../../../../text/source-file.ts';
import type { TextProblem } from '../../../../text/span.ts';
import { readYaml } from '../../../../text/yaml/read.ts';
import { isMapping } from '../objects.ts';
import { nameHash } from './name-hash.ts';
import { fixReferences } from './name-references.ts';
import type { PatchTools } from './patches.ts';
import { type Kustomization, offsetOf, readKustomization } from './read-kustomization.ts';
import { currentId, type Resource, rememberId, sameId, setText } from './resource.ts';
import { runGenerators } from './run-generators.ts';
import { entryOf, nodeAt, type Origin, type OriginDocument, plainValue, type Traced, textAt, traced } from './traced.ts';
import { transform } from './transform.ts';

/** The files around a kustomization; paths as they are shown. */
export interface KustomizeFiles {
  /** The kustomization of a folder; undefined when it has none; several are said. */
  readonly kustomizationOf: (folder: string) => SourceFile | 'several' | undefined;
  readonly kindOf: (path: string) => 'file' | 'folder' | undefined;
  /** Throws what is wrong. `base64`: it is no text. */
  readonly read: (path: string) => { readonly source: SourceFile; readonly base64?: string };
  readonly join: (folder: string, name: string) => string;
  /** kustomize reads no files above the kustomization, unless --load-restrictor says so. */
  readonly isBelow: (folder: string, path: string) => boolean;
}

export interface KustomizeBuild {
  readonly folder: string;
  readonly resources: readonly Resource[];
  readonly problems: readonly TextProblem[];
  /** What is not understood, each told in `problems` too: the objects are those without it. */
  readonly strange: readonly string[];
  /** Every file that was read, in order. */
  readonly sources: readonly SourceFile[];
  /** The folder's own. */
  readonly kustomization?: Kustomization;
}

interface State {
  readonly files: KustomizeFiles;
  readonly problems: TextProblem[];
  readonly strange: string[];
  readonly sources: Map<string, SourceFile>;
  readonly open: string[];
  /** Folders that were built: each of them may name others several times. */
  built: number;
}

const DEEPEST = 32;
const MOST_BUILT = 1000;
const REMOTE =
  /^(?:https?:|ssh:|git@|git::|github\.com[:/]|gitlab\.com[:/]|bitbucket\.org[:/]|s3::|oci:)|\.git(?:\/\/|\?|$)|\?ref=/;

export function buildKustomization(folder: string, files: KustomizeFiles): KustomizeBuild {
  const state: State = { files, problems: [], strange: [], sources: new Map(), open: [], built: 0 };
  const resources: Resource[] = [];
  const kustomization = accumulate(folder, resources, state, undefined);
  for (const resource of resources) {
    if (!resource.hashed) continue;
    const origin = resource.object.origins[0]!;
    const { name } = currentId(resource);
    rememberId(resource);
    setText(resource, 'name', `${name}-${nameHash(plainValue(resource.object) as Record<string, unknown>)}`, origin);
  }
  for (const fault of fixReferences(resources))
    state.problems.push({ severity: 'warning', message: fault, where: { file: folder } });
  const local = (resource: Resource): boolean =>
    textAt(resource.object, 'metadata', 'annotations', 'config.kubernetes.io/local-config') === 'true';
  return {
    folder,
    resources: resources.filter((one) => !local(one)),
    problems: state.problems,
    strange: state.strange,
    sources: [...state.sources.values()],
    ...(kustomization === undefined ? {} : { kustomization }),
  };
}

function accumulate(folder: string, into: Resource[], state: State, from: Origin | undefined): Kustomization | undefined {
  const { files } = state;
  const fail = (origin: Origin | undefined, message: string): void => {
    state.problems.push(problemOf(origin, folder, message, 'error'));
  };
  const source = files.kustomizationOf(folder);
  if (source === undefined) fail(from, `there is no kustomization in ${folder}`);
  else if (source === 'several') fail(from, `there is more than one kustomization in ${folder}`);
  if (source === undefined || source === 'several') return undefined;
  if (state.open.includes(source.path) || state.open.length >= DEEPEST) {
    fail(from, `${source.path} leads back to itself: ${[...state.open, source.path].join(' -> ')}`);
    return undefined;
  }
  state.built += 1;
  if (state.built > MOST_BUILT) {
    if (state.built === MOST_BUILT + 1)
      fail(from, `more than ${MOST_BUILT} kustomizations are built on: the others are left out`);
    return undefined;
  }
  state.sources.set(source.path, source);
  const read = readKustomization(source);
  state.problems.push(...read.problems);
  for (const { text, origin } of read.strange) strangeIn(state, origin, text);
  const { kustomization } = read;
  if (kustomization === undefined) return undefined;
  state.open.push(source.path);
  if (kustomization.component) work(folder, kustomization, into, state);
  else {
    const own: Resource[] = [];
    work(folder, kustomization, own, state);
    for (const one of own) {
      if (into.some((other) => sameId(currentId(other), currentId(one))))
        fail(from, `${currentId(one).kind} ${currentId(one).name} is there already: two objects would have one name`);
      else into.push(one);
    }
  }
  state.open.pop();
  return kustomization;
}

const problemOf = (
  origin: Origin | undefined,
  folder: string,
  message: string,
  severity: TextProblem['severity'],
): TextProblem => {
  if (origin === undefined) return { severity, message, where: { file: folder } };
  const { within } = origin.document;
  // An inline patch is told where it stands.
  return within === undefined
    ? problemAt(origin.document.source, offsetOf(origin), message, severity)
    : problemOf(within, folder, message, severity);
};

function strangeIn(state: State, origin: Origin, text: string): void {
  state.strange.push(text);
  const { file, line } = problemOf(origin, '', '', 'warning').where;
  if (!state.problems.some(({ message, where }) => message.includes(text) && where.file === file && where.line === line))
    state.problems.push(problemOf(origin, '', `${text}: not understood here, what it does is left out`, 'warning'));
}

function work(folder: string, { map }: Kustomization, resources: Resource[], state: State): void {
  const { files } = state;
  const fail = (origin: Origin, message: string): void => {
    state.problems.push(problemOf(origin, folder, message, 'error'));
  };
  const read = (name: string, at: Origin): { readonly source: SourceFile; readonly base64?: string } | undefined => {
    if (REMOTE.test(name)) {
      strangeIn(state, at, `${name} lies elsewhere and is not fetched`);
      return undefined;
    }
    const path = files.join(folder, name);
    try {
      const found = files.read(path);
      state.sources.set(found.source.path, found.source);
      if (!files.isBelow(folder, path))
        state.problems.push(
          problemOf(
            at,
            folder,
            `${name} lies above the kustomization: kustomize reads it with --load-restrictor LoadRestrictionsNone only`,
            'warning',
          ),
        );
      return found;
    } catch (error) {
      fail(at, `cannot read ${name}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const names = (field: string): readonly { readonly name: string; readonly at: Origin }[] => {
    const list = entryOf(map, field);
    return list?.kind === 'list'
      ? list.items.flatMap((item) =>
          item.kind === 'scalar' && item.value !== null ? [{ name: String(item.value), at: item.origins[0]! }] : [],
        )
      : [];
  };
  for (const { name, at } of [...names('resources'), ...names('bases')]) {
    const path = files.join(folder, name);
    if (!REMOTE.test(name) && files.kindOf(path) === 'folder') accumulate(path, resources, state, at);
    else if (REMOTE.test(name) && files.kindOf(path) === undefined)
      strangeIn(state, at, `${name} lies elsewhere and is not fetched`);
    else {
      const file = read(name, at);
      if (file !== undefined) addFile(file.source, resources, state, at, folder);
    }
  }
  runGenerators(map, resources, { read }, fail);
  for (const { name, at } of names('components')) {
    if (REMOTE.test(name) && files.kindOf(files.join(folder, name)) === undefined)
      strangeIn(state, at, `${name} lies elsewhere and is not fetched`);
    else accumulate(files.join(folder, name), resources, state, at);
  }
  const tools: PatchTools = {
    resources,
    read: (name, at) => read(name, at)?.source,
    fail,
    strange: (origin, message) => strangeIn(state, origin, message),
  };
  transform(map, tools, fail);
}

/** Objects of a file; lists are taken apart. */
function addFile(source: SourceFile, into: Resource[], state: State, at: Origin, folder: string): void {
  const { documents, broken, problems } = readYaml(source);
  state.problems.push(...broken.map(({ problem }) => problem), ...problems);
  const add = (node: Traced): void => {
    const [kind, items] = [textAt(node, 'kind'), entryOf(node, 'items')];
    if (node.kind !== 'map') return;
    if (kind !== undefined && /List$/.test(kind) && items?.kind === 'list') {
      for (const item of items.items) add(item);
      return;
    }
    const resource: Resource = { object: node, before: [], prefixes: [], suffixes: [], hashed: false };
    const id = currentId(resource);
    if (id.kind === '' || (id.name === '' && nodeAt(node, ['metadata', 'generateName']) === undefined))
      state.problems.push(problemOf(node.origins[0], folder, 'an object of a kustomization needs a kind and a name', 'error'));
    else if (into.some((one) => sameId(currentId(one), id)))
      state.problems.push(
        problemOf(node.origins[0], folder, `${id.kind} ${id.name} is there already: two objects would have one name`, 'error'),
      );
    else into.push(resource);
  };
  if (documents.length === 0 && broken.length === 0)
    state.problems.push(problemOf(at, folder, `${source.path} holds no object`, 'warning'));
  for (const { root, value } of documents) {
    if (!isMapping(value)) continue;
    const document: OriginDocument = { source, root, role: 'resource' };
    add(traced(value, document, []));
  }
}
