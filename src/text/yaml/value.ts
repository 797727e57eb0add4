/** From the tree to the plain value that Kubernetes would see: aliases replaced, merge keys taken in, the last of several equal keys. */
import type { YamlFault } from './compose.ts';
import { isMerge, keyText, resolved, type YamlMap, type YamlNode } from './node.ts';

/** goyaml.v2 decode.go: what is allowed to come from aliases, so that ten lines cannot become ten million. */
const SMALL = 400_000;
const LARGE = 4_000_000;
const allowedRatio = (nodes: number): number =>
  nodes <= SMALL ? 0.99 : nodes >= LARGE ? 0.1 : 0.99 - (0.89 * (nodes - SMALL)) / (LARGE - SMALL);

/** Nobody reads more about one document. */
const MOST_FAULTS = 50;

export interface YamlValue {
  /** An anchored value that is used twice is the same object twice. */
  readonly value: unknown;
  /** Equal keys in one mapping, merge keys that are none. The value is there all the same. */
  readonly faults: readonly YamlFault[];
}

/** The plain value of a tree, or the fault that makes it unusable. `mayHaveAliases` false saves looking for them. */
export function yamlValue(root: YamlNode, mayHaveAliases = true): YamlValue | { readonly fault: YamlFault } {
  const bomb = mayHaveAliases ? excessiveAliasing(root) : undefined;
  if (bomb !== undefined) return { fault: bomb };
  const faults: YamlFault[] = [];
  const done = new Map<YamlNode, unknown>();

  const plain = (node: YamlNode): unknown => {
    switch (node.kind) {
      case 'scalar':
        return node.value;
      case 'alias': {
        const known = done.get(node.target);
        if (known !== undefined) return known;
        const made = plain(node.target);
        done.set(node.target, made);
        return made;
      }
      case 'list':
        return node.items.map(plain);
      case 'map':
        return mapping(node);
    }
  };
  const mapping = (map: YamlMap): Record<string, unknown> => {
    const out: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const { key, value } of map.entries) {
      if (isMerge(key)) {
        merge(out, value);
        continue;
      }
      const name = keyText(key);
      if (seen.has(name) && faults.length < MOST_FAULTS)
        faults.push({ offset: key.start, message: `key "${name}" is there twice; the last one counts` });
      seen.add(name);
      set(out, name, plain(value));
    }
    return out;
  };
  /** In the order of the text, as goyaml.v2 does it: a key written before `<<` is replaced by the merged one. Of several the first wins. */
  const merge = (out: Record<string, unknown>, value: YamlNode): void => {
    const from = resolved(value);
    if (from.kind === 'list') for (const one of [...from.items].reverse()) merge(out, one);
    else if (from.kind === 'map') {
      for (const [name, one] of Object.entries(plain(value) as Record<string, unknown>)) set(out, name, one);
    } else faults.push({ offset: value.start, message: 'map merge requires map or sequence of maps as the value' });
  };
  try {
    return { value: plain(root), faults };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { fault: { offset: root.start, message: 'it is nested too deeply to be read' } };
  }
}

/** `__proto__` is a key like any other. */
function set(out: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(out, name, { value, enumerable: true, configurable: true, writable: true });
  else out[name] = value;
}

/** Counts what a full copy of every alias would take, without making it. */
function excessiveAliasing(root: YamlNode): YamlFault | undefined {
  let first: YamlNode | undefined;
  const sizes = new Map<YamlNode, number>();
  let total = 0;
  let fromAliases = 0;
  const count = (node: YamlNode): number => {
    const known = sizes.get(node);
    if (known !== undefined) return known;
    let size = 1;
    if (node.kind === 'alias') {
      first ??= node;
      size += count(node.target);
    } else if (node.kind === 'list') for (const item of node.items) size += count(item);
    else if (node.kind === 'map') for (const { value } of node.entries) size += 1 + count(value);
    if (node.kind !== 'scalar') sizes.set(node, size);
    return size;
  };
  /** What stands in the text by itself. */
  const own = (node: YamlNode): void => {
    if (node.kind === 'alias') fromAliases += count(node);
    else if (node.kind === 'list') for (const item of node.items) own(item);
    else if (node.kind === 'map') for (const { value } of node.entries) own(value);
  };
  if (!hasAlias(root)) return undefined;
  total = count(root);
  own(root);
  if (fromAliases > 100 && total > 1000 && fromAliases / total > allowedRatio(total))
    return { offset: first?.start ?? root.start, message: 'document contains excessive aliasing' };
  return undefined;
}

const hasAlias = (node: YamlNode): boolean =>
  node.kind === 'alias' ||
  (node.kind === 'list' && node.items.some(hasAlias)) ||
  (node.kind === 'map' && node.entries.some(({ value }) => hasAlias(value)));
