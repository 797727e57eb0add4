/** Finds where the value of a path such as `spec.containers[0].image` was written, through aliases and merge keys. */
import { isMerge, keyText, resolved, type YamlMap, type YamlNode, type YamlScalar } from './node.ts';

export type Path = readonly (string | number)[];

export interface Located {
  readonly node: YamlNode;
  /** The key it stands under; items of lists have none. */
  readonly key?: YamlScalar;
}

/** `spec.containers[0]["a.b"]` as its parts. Keys with dots, as in annotations, are put in brackets and quotes. */
export function parsePath(text: string): Path {
  const parts: (string | number)[] = [];
  for (const [, index, quoted, name] of text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/g)) {
    if (index !== undefined) parts.push(Number(index));
    else if (quoted !== undefined) parts.push(JSON.parse(`"${quoted}"`) as string);
    else parts.push(name!);
  }
  return parts;
}

/** The parts as one text, the opposite of parsePath. */
export const pathText = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : /[.[\]"]/.test(part) ? `[${JSON.stringify(part)}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');

/** What stands at the path, or undefined. */
export function locate(root: YamlNode, path: Path): Located | undefined {
  let at: Located = { node: root };
  for (const part of path) {
    const next = step(at.node, part);
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

/** The innermost thing on the way to the path that is there: where something missing would have to be added. */
export function locateNearest(root: YamlNode, path: Path): Located {
  let at: Located = { node: root };
  for (const part of path) {
    const next = step(at.node, part);
    if (next === undefined) break;
    at = next;
  }
  return at;
}

function step(from: YamlNode, part: string | number): Located | undefined {
  const node = resolved(from);
  if (node.kind === 'list') {
    const item = typeof part === 'number' ? node.items[part] : undefined;
    return item === undefined ? undefined : { node: item };
  }
  return node.kind === 'map' ? entry(node, String(part)) : undefined;
}

/** The entry that counts: the last one in the order of the text, merged ones included (see value.ts). */
function entry(map: YamlMap, name: string): Located | undefined {
  for (let index = map.entries.length - 1; index >= 0; index -= 1) {
    const { key, value } = map.entries[index]!;
    if (isMerge(key)) {
      const merged = mergedEntry(value, name);
      if (merged !== undefined) return merged;
    } else if (keyText(key) === name) return { node: value, key };
  }
  return undefined;
}

function mergedEntry(value: YamlNode, name: string): Located | undefined {
  const from = resolved(value);
  if (from.kind === 'map') return entry(from, name);
  if (from.kind !== 'list') return undefined;
  for (const one of from.items) {
    const found = mergedEntry(one, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
