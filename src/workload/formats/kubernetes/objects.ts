/** The Kubernetes objects of a file, each with its value and its place; lists are taken apart. */
import { problemAt, type SourceFile, spanAt } from '../../../text/source-file.ts';
import type { Span, TextProblem } from '../../../text/span.ts';
import { resolved, type YamlNode } from '../../../text/yaml/node.ts';
import { locate, locateNearest, type Path, parsePath } from '../../../text/yaml/path.ts';
import { readYaml, type YamlFile } from '../../../text/yaml/read.ts';
import { templateProblem } from './chart-template.ts';

type Mapping = Readonly<Record<string, unknown>>;

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** metadata.name, else metadata.generateName. */
  readonly name: string;
  readonly namespace?: string;
  /** As the API would get it. */
  readonly value: Mapping;
  readonly span: Span;
  readonly source: SourceFile;
  readonly node: YamlNode;
}

export interface ObjectsOfFile {
  readonly objects: readonly KubernetesObject[];
  /** Documents that are YAML and no Kubernetes object: values of a chart, compose files … */
  readonly others: number;
  readonly problems: readonly TextProblem[];
}

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists in lists are none of Kubernetes' own; this much is followed. */
const MAX_LISTS = 4;

/** Reads a text of YAML or JSON documents. */
export function objectsOfFile(source: SourceFile): ObjectsOfFile {
  const read = readYaml(source);
  const objects: KubernetesObject[] = [];
  let others = 0;
  for (const { root, value } of read.documents) {
    const before = objects.length;
    if (isMapping(value)) collect(source, root, value, objects, 0);
    if (objects.length === before && value !== null && !isEmptyList(value)) others += 1;
  }
  return { objects, others, problems: [...brokenDocuments(source, read), ...read.problems] };
}

/** A file that waits for `helm template` is said to be one, once; other broken documents are told one by one. */
function brokenDocuments(source: SourceFile, read: YamlFile): readonly TextProblem[] {
  const template = read.broken.find(({ start, end }) => /\{\{/.test(source.text.slice(start, end)));
  const rest = read.broken.filter((one) => one !== template && !/\{\{/.test(source.text.slice(one.start, one.end)));
  return [...(template === undefined ? [] : [templateProblem(source, template)]), ...rest.map(({ problem }) => problem)];
}

function collect(source: SourceFile, node: YamlNode, value: Mapping, into: KubernetesObject[], depth: number): void {
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '' || kind === '') return;
  if (isListKind(value) && depth < MAX_LISTS) {
    for (const [index, item] of (value.items as readonly unknown[]).entries()) {
      const at = locate(node, ['items', index]);
      if (at !== undefined && isMapping(item)) collect(source, at.node, itemOf(item, apiVersion, kind), into, depth + 1);
    }
    return;
  }
  const metadata = isMapping(value.metadata) ? value.metadata : {};
  const name = [metadata.name, metadata.generateName].find((one) => typeof one === 'string' && one !== '');
  into.push({
    apiVersion,
    kind,
    name: typeof name === 'string' ? name : '',
    ...(typeof metadata.namespace === 'string' && metadata.namespace !== '' ? { namespace: metadata.namespace } : {}),
    value,
    span: spanOfNode(source, node),
    source,
    node,
  });
}

const isListKind = (value: Mapping): boolean => /List$/.test(String(value.kind)) && Array.isArray(value.items);
const isEmptyList = (value: unknown): boolean => isMapping(value) && isListKind(value);

/** Items of a `PodList` need not say what they are. */
function itemOf(item: Mapping, apiVersion: string, kind: string): Mapping {
  const own = kind.slice(0, -'List'.length);
  return own === '' ? item : { apiVersion, kind: own, ...item };
}

function spanOfNode(source: SourceFile, node: YamlNode): Span {
  const at = resolved(node);
  return spanAt(source, at.start, at.end);
}

/** Where a field of the object was written, `spec.template.spec.containers[0].image`: its value, or the key it stands under. */
export function spanOfField(object: KubernetesObject, path: string | Path, part: 'value' | 'key' = 'value'): Span | undefined {
  const found = locate(object.node, typeof path === 'string' ? parsePath(path) : path);
  if (found === undefined) return undefined;
  const at = part === 'key' ? (found.key ?? found.node) : found.node;
  return spanAt(object.source, at.start, at.end);
}

/** The same; for a field that is not there, the innermost thing around it that is. */
export function spanNearField(object: KubernetesObject, path: string | Path, part: 'value' | 'key' = 'value'): Span {
  const found = locateNearest(object.node, typeof path === 'string' ? parsePath(path) : path);
  const at = part === 'key' ? (found.key ?? found.node) : found.node;
  return spanAt(object.source, at.start, at.end);
}

/** A problem at a field of the object. */
export function problemAtField(
  object: KubernetesObject,
  path: string | Path,
  message: string,
  severity: TextProblem['severity'] = 'error',
): TextProblem {
  return problemAt(object.source, spanNearField(object, path, 'key').start, message, severity);
}
