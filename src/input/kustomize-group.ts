/** A folder with a kustomization as one group of objects: built here; by kustomize or kubectl where something of it is not understood here. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { sourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { isPlainObject } from '../text/yaml/dump.ts';
import { readYaml } from '../text/yaml/read.ts';
import { sameValue } from '../text/yaml/value-change.ts';
import { buildKustomization, type KustomizeBuild } from '../workload/formats/kubernetes/kustomize/build.ts';
import {
  type MadeChange,
  overlayChanges,
  PLACES,
  placesFor,
  withInner,
} from '../workload/formats/kubernetes/kustomize/overlay-changes.ts';
import { renderedSource } from '../workload/formats/kubernetes/kustomize/rendered.ts';
import { currentId, type Resource } from '../workload/formats/kubernetes/kustomize/resource.ts';
import {
  entryOf,
  type Origin,
  plainValue,
  type Traced,
  type TracedMap,
  traced,
} from '../workload/formats/kubernetes/kustomize/traced.ts';
import type { NoOrigin } from '../workload/formats/kubernetes/origin-change.ts';
import { kustomizeFiles } from './kustomize-files.ts';
import type { GroupChanges, RenderedGroup } from './rendered-group.ts';

/** Seconds; a build reads files. */
const LONGEST = 60;
const LARGEST = 64 * 1024 * 1024;

export function kustomizeGroup(folder: string): RenderedGroup {
  const build = buildKustomization(folder, kustomizeFiles());
  const asked = build.strange.length === 0 ? undefined : byProgram(build);
  const objects = asked !== undefined && 'objects' in asked ? asked.objects : undefined;
  const source = renderedSource(build, objects);
  return {
    name: folder,
    source,
    files: build.sources,
    problems: problemsOf(build, asked),
    attempts: PLACES.length,
    changesOf: (index, change, attempt): GroupChanges | NoOrigin => {
      const resource = resourceAt(build, objects, index);
      if (resource === undefined) return { fault: 'no file of the overlay holds the object' };
      const made = overlayChanges(build, resource, change, placesFor(build, resource)[attempt] ?? 'overlay');
      return 'fault' in made ? made : changed(made);
    },
    again: (texts) => {
      const next = buildKustomization(folder, kustomizeFiles(texts));
      // A program reads what is on disk: what it would make of other texts is only known as far as they are understood here.
      return renderedSource(next, objects === undefined ? undefined : carried(build, next, objects));
    },
  };
}

const changed = (made: readonly MadeChange[]): GroupChanges | NoOrigin => {
  const { changes, faults } = withInner(made);
  return faults.length > 0 ? { fault: faults[0]! } : { changes };
};

function resourceAt(build: KustomizeBuild, objects: readonly Traced[] | undefined, index: number): Resource | undefined {
  if (objects === undefined) return build.resources[index];
  const object = objects[index];
  const known = build.resources.find((one) => object?.kind === 'map' && sameName(one.object, object));
  return known === undefined || object?.kind !== 'map' ? undefined : { ...known, object };
}

const idText = (object: TracedMap): string =>
  JSON.stringify(currentId({ object, before: [], prefixes: [], suffixes: [], hashed: false }));
const sameName = (a: TracedMap, b: TracedMap): boolean => idText(a) === idText(b);

/** What the program made, with what changed of that which is understood here. */
function carried(before: KustomizeBuild, after: KustomizeBuild, objects: readonly Traced[]): readonly Traced[] {
  return objects.map((object) => {
    const at = before.resources.findIndex((one) => object.kind === 'map' && sameName(one.object, object));
    const [old, now] = [before.resources[at]?.object, after.resources[at]?.object];
    return old === undefined || now === undefined ? object : replay(object, old, now);
  });
}

/** The difference from old to now, made to something that is nearly old. */
function replay(object: Traced, old: Traced, now: Traced): Traced {
  if (sameValue(plainValue(old), plainValue(now))) return object;
  if (object.kind !== 'map' || old.kind !== 'map' || now.kind !== 'map') {
    const lists = object.kind === 'list' && old.kind === 'list' && now.kind === 'list';
    if (!lists || object.items.length !== old.items.length || old.items.length !== now.items.length) return now;
    return { ...object, items: object.items.map((item, index) => replay(item, old.items[index]!, now.items[index]!)) };
  }
  const entries = new Map(object.entries);
  for (const [key, value] of now.entries) {
    const [known, own] = [old.entries.get(key), object.entries.get(key)];
    if (known === undefined || own === undefined) {
      if (known === undefined || !sameValue(plainValue(known), plainValue(value))) entries.set(key, value);
    } else entries.set(key, replay(own, known, value));
  }
  for (const key of old.entries.keys()) if (!now.entries.has(key)) entries.delete(key);
  return { ...object, entries };
}

type Asked = { readonly objects: readonly Traced[]; readonly program: string } | { readonly fault: string };

const PROGRAMS = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
] as const;

/** Nothing is fetched on somebody's behalf, and no program of a kustomization is started: it must be asked for outside. */
const ASKABLE = /^(?:replacements|vars|configurations|crds|openapi|transformers|\$)/;

function byProgram(build: KustomizeBuild): Asked | undefined {
  if (!build.strange.every((text) => ASKABLE.test(text))) return undefined;
  for (const [program, verb] of PROGRAMS) {
    const { status, stdout, stderr, error } = spawnSync(program, [verb, resolve(build.folder)], {
      encoding: 'utf8',
      timeout: LONGEST * 1000,
      maxBuffer: LARGEST,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (error !== undefined) continue;
    if (status !== 0) return { fault: `${program} ${verb} says: ${stderr.trim().split('\n').at(-1) ?? ''}` };
    const read = readYaml(sourceFile(build.folder, stdout));
    return {
      program: `${program} ${verb}`,
      objects: read.documents.filter(({ value }) => isPlainObject(value)).map(({ value }) => tracedLike(value, build)),
    };
  }
  return undefined;
}

/** Values of the program with the origins of those that are the same here. */
function tracedLike(value: unknown, build: KustomizeBuild): Traced {
  const origin: Origin = build.kustomization?.map.origins[0] ?? {
    document: { source: sourceFile(build.folder, ''), role: 'kustomization' },
    path: [],
  };
  const plain = traced(value, { ...origin.document, role: 'kustomization' }, []) as TracedMap;
  const like = build.resources.find(({ object }) => sameName(object, plain))?.object;
  const walk = (node: Traced, known: Traced | undefined, around: Origin): Traced => {
    const origins = known === undefined || known.kind !== node.kind ? [around] : known.origins;
    const here = origins[0] ?? around;
    if (node.kind === 'scalar')
      return known?.kind === 'scalar' && known.value === node.value ? known : { ...node, origins: [around] };
    if (node.kind === 'list')
      return {
        ...node,
        origins,
        items: node.items.map((item, index) => walk(item, known?.kind === 'list' ? known.items[index] : undefined, here)),
      };
    return {
      ...node,
      origins,
      entries: new Map([...node.entries].map(([key, item]) => [key, walk(item, known && entryOf(known, key), here)])),
    };
  };
  return walk(plain, like, origin);
}

function problemsOf(build: KustomizeBuild, asked: Asked | undefined): readonly TextProblem[] {
  if (build.strange.length === 0) return build.problems;
  const hint =
    asked === undefined
      ? `; kustomize build ${build.folder} | unroot check - looks at what kustomize makes of it`
      : 'fault' in asked
        ? `; ${asked.fault}`
        : `; the objects are those of ${asked.program}`;
  return build.problems.map((problem) =>
    problem.message.endsWith('what it does is left out')
      ? {
          ...problem,
          ...(asked !== undefined && 'objects' in asked ? { severity: 'info' as const } : {}),
          message:
            asked !== undefined && 'objects' in asked
              ? problem.message.replace(/: not understood here.*$/, `: not understood here${hint}`)
              : problem.message + hint,
        }
      : problem,
  );
}
