/** Finds values that differ from what is wanted only because an anchor shares the text of another one that was changed. */

import { isPlainObject } from './dump.ts';
import { keyText, resolved, type YamlNode } from './node.ts';
import { locate, type Path } from './path.ts';
import { entryNamed } from './spot.ts';
import { yamlValue } from './value.ts';
import { sameValue } from './value-change.ts';

/** The paths of such values; undefined when something else differs. What comes in by `<<` may be more than wanted when it is wanted `later`. */
export function sharedDifferences(root: YamlNode, wanted: unknown, later?: unknown): readonly Path[] | undefined {
  const out: Path[] = [];
  return visit(root, wanted, later, [], out) ? out : undefined;
}

function plainOf(node: YamlNode): unknown {
  const read = yamlValue(node, false);
  return 'fault' in read ? undefined : read.value;
}

const partOf = (value: unknown, name: string | number): unknown =>
  Array.isArray(value)
    ? value[Number(name)]
    : isPlainObject(value) && Object.hasOwn(value, String(name))
      ? value[String(name)]
      : undefined;

function visit(node: YamlNode, wanted: unknown, later: unknown, path: Path, out: Path[]): boolean {
  if (node.kind === 'alias') {
    if (!sameValue(plainOf(node.target), wanted)) out.push(path);
    return true;
  }
  if (node.kind === 'scalar') return sameValue(node.value, wanted);
  if (node.kind === 'list')
    return (
      Array.isArray(wanted) &&
      wanted.length === node.items.length &&
      node.items.every((item, index) => visit(item, wanted[index], partOf(later, index), [...path, index], out))
    );
  if (!isPlainObject(wanted)) return false;
  const own = new Set(node.entries.map(({ key }) => keyText(key)));
  for (const name of Object.keys(wanted)) {
    const found = entryNamed(node, name);
    if (found === undefined) return false;
    if (found.via === 'own') {
      if (!visit(node.entries[found.index]!.value, wanted[name], partOf(later, name), [...path, name], out)) return false;
      continue;
    }
    const merged = locate(node, [name])?.node;
    if (merged === undefined) return false;
    if (!sameValue(plainOf(resolved(merged)), wanted[name])) out.push([...path, name]);
  }
  // Nothing more than what is wanted, of its own or by `<<`.
  const plain = (plainOf(node) as Readonly<Record<string, unknown>> | undefined) ?? {};
  const early = (name: string): boolean => !own.has(name) && later !== undefined && sameValue(plain[name], partOf(later, name));
  const more = Object.keys(plain).filter((name) => !Object.hasOwn(wanted, name) && !early(name));
  // What `<<` brings besides goes when the pairs that are wanted are written there themselves.
  if (more.length > 0 && more.every((name) => !own.has(name))) out.push(path);
  else if (more.length > 0) return false;
  return own.size > 0;
}
