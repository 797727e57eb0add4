/** Annotations of Kubernetes objects and pod templates that decide about findings. */
import { positionAt, type SourceFile } from '../text/source-file.ts';
import { keyText, resolved, type YamlMap, type YamlNode, type YamlPair } from '../text/yaml/node.ts';
import { readYaml } from '../text/yaml/read.ts';
import type { Diagnostic } from './finding.ts';
import type { Ignore, IgnoresRead } from './ignore.ts';
import { parseIgnore, parseReason } from './ignore-text.ts';

const MARK = 'unroot.dev/ignore';
const CONTAINER = 'container.unroot.dev/';
const DEEPEST = 64;

/**
 * `unroot.dev/ignore: "ID[,ID] [until=DAY]: REASON"`, `unroot.dev/ignore.ID: "[until=DAY:] REASON"`, and for one container
 * `container.unroot.dev/NAME.ID`. They cover the mapping whose metadata they stand in: the object, or a template.
 */
export function ignoreAnnotations(source: SourceFile): IgnoresRead {
  if (!source.text.includes(MARK) && !source.text.includes(CONTAINER)) return { ignores: [], problems: [] };
  const ignores: Ignore[] = [];
  const problems: Diagnostic[] = [];
  const visit = (node: YamlNode, depth: number): void => {
    // What an alias stands for was visited where it stands.
    if (depth > DEEPEST || node.kind === 'alias') return;
    if (node.kind === 'list') for (const item of node.items) visit(item, depth + 1);
    if (node.kind !== 'map') return;
    for (const pair of annotationsOf(node)) {
      const read = ignoreOf(source, node, pair);
      if (read === undefined) continue;
      if ('severity' in read) problems.push(read);
      else ignores.push(read);
    }
    for (const { value } of node.entries) visit(value, depth + 1);
  };
  for (const { root } of readYaml(source).documents) visit(root, 0);
  return { ignores, problems };
}

function annotationsOf(map: YamlMap): readonly YamlPair[] {
  const metadata = entry(map, 'metadata');
  const annotations = metadata?.kind === 'map' ? entry(metadata, 'annotations') : undefined;
  return annotations?.kind === 'map' ? annotations.entries : [];
}

function entry(map: YamlMap, name: string): YamlNode | undefined {
  const found = map.entries.find(({ key }) => keyText(key) === name);
  return found === undefined ? undefined : resolved(found.value);
}

function ignoreOf(source: SourceFile, holder: YamlMap, { key, value }: YamlPair): Ignore | Diagnostic | undefined {
  const name = keyText(key);
  const own = name === MARK || name.startsWith(`${MARK}.`);
  if (!own && !name.startsWith(CONTAINER)) return undefined;
  const where = { file: source.path, ...positionAt(source, key.start) };
  const scalar = resolved(value);
  const text = scalar.kind === 'scalar' && typeof scalar.value === 'string' ? scalar.value : '';
  const lines = {
    file: source.path,
    from: positionAt(source, holder.start).line,
    to: positionAt(source, Math.max(holder.start, holder.end - 1)).line,
  };
  if (name === MARK) {
    const read = parseIgnore(text, where);
    return 'severity' in read ? read : { by: 'annotation', ...read, where, lines };
  }
  const rest = own ? name.slice(MARK.length + 1) : name.slice(CONTAINER.length);
  // A container's name has no dots, nor has a check's id.
  const [container, id] = own
    ? [undefined, rest]
    : [rest.slice(0, Math.max(0, rest.indexOf('.'))), rest.slice(rest.indexOf('.') + 1)];
  if (container === '')
    return { severity: 'warning', message: `This ignore does not hold: ${name} names no check (${CONTAINER}NAME.ID)`, where };
  const read = parseReason([id], text, where);
  if ('severity' in read) return read;
  return { by: 'annotation', ...read, where, lines, ...(container === undefined ? {} : { container }) };
}
