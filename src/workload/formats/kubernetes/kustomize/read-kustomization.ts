/** A kustomization.yaml with the place of each of its entries, and what in it is not understood here. */
import { problemAt, type SourceFile } from '../../../../text/source-file.ts';
import type { TextProblem } from '../../../../text/span.ts';
import { locateNearest, type Path } from '../../../../text/yaml/path.ts';
import { readYaml, type YamlDocument } from '../../../../text/yaml/read.ts';
import { isMapping } from '../objects.ts';
import { entryOf, type Origin, type OriginDocument, type Traced, type TracedMap, traced } from './traced.ts';

export const KUSTOMIZATION_NAMES: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

export interface Kustomization {
  readonly document: OriginDocument;
  readonly map: TracedMap;
  readonly component: boolean;
}

/** Fields that change objects in ways that only the program knows. */
const NOT_UNDERSTOOD: Readonly<Record<string, string>> = {
  replacements: 'replacements copy values from one object to another',
  vars: 'vars put values of objects into others',
  transformers: 'transformers are programs or settings of their own',
  generators: 'generators are programs or settings of their own',
  validators: 'validators are programs of their own',
  helmCharts: 'helmCharts asks helm for objects',
  helmChartInflationGenerator: 'helmChartInflationGenerator asks helm for objects',
  configurations: 'configurations changes what the transformers work on',
  crds: 'crds changes what the transformers work on',
  openapi: 'openapi changes how patches are merged',
};

const KNOWN = new Set([
  ...Object.keys(NOT_UNDERSTOOD),
  ...[
    'apiVersion',
    'kind',
    'metadata',
    'resources',
    'bases',
    'components',
    'patches',
    'patchesStrategicMerge',
    'patchesJson6902',
  ],
  ...['images', 'namePrefix', 'nameSuffix', 'namespace', 'commonLabels', 'labels', 'commonAnnotations', 'replicas'],
  ...['configMapGenerator', 'secretGenerator', 'generatorOptions', 'buildMetadata', 'sortOptions', 'helmGlobals'],
]);

export interface ReadKustomization {
  readonly kustomization?: Kustomization;
  readonly problems: readonly TextProblem[];
  /** Fields that are there and not understood, in words. */
  readonly strange: readonly { readonly text: string; readonly origin: Origin }[];
}

export function readKustomization(source: SourceFile): ReadKustomization {
  const read = readYaml(source);
  const problems = [...read.broken.map(({ problem }) => problem), ...read.problems];
  const document = read.documents.find(({ value }) => isMapping(value));
  if (document === undefined) {
    const empty = read.broken.length === 0 ? [problemAt(source, 0, 'this kustomization says nothing')] : [];
    return { problems: [...problems, ...empty], strange: [] };
  }
  const origin: OriginDocument = { source, root: document.root, role: 'kustomization' };
  const map = traced(document.value, origin, []) as TracedMap;
  const strange = [...map.entries].flatMap(([key, value]) =>
    Object.hasOwn(NOT_UNDERSTOOD, key) && !isEmpty(value)
      ? [{ text: NOT_UNDERSTOOD[key]!, origin: { document: origin, path: [key] } }]
      : [],
  );
  for (const key of map.entries.keys())
    if (!KNOWN.has(key)) problems.push(problemAt(source, placeOf(document, [key]), `a kustomization has no field ${key}`));
  const kind = entryOf(map, 'kind');
  return {
    kustomization: { document: origin, map, component: kind?.kind === 'scalar' && kind.value === 'Component' },
    problems,
    strange,
  };
}

const isEmpty = (node: Traced): boolean =>
  node.kind === 'scalar' ? node.value === null : node.kind === 'list' ? node.items.length === 0 : node.entries.size === 0;

/** The key where there is one. */
function placeOf({ root }: Pick<YamlDocument, 'root'>, path: Path): number {
  const found = locateNearest(root, path);
  return (found.key ?? found.node).start;
}

/** Offset of an origin in the text of its document. */
export const offsetOf = ({ document: { root }, path }: Origin, part: 'key' | 'value' = 'key'): number => {
  if (root === undefined) return 0;
  const found = locateNearest(root, path);
  return (part === 'key' ? (found.key ?? found.node) : found.node).start;
};
