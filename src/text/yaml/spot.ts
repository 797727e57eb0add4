/** Finds a place in a tree together with what is around it, and where its text begins and ends. */
import { isMerge, keyText, resolved, type YamlList, type YamlMap, type YamlNode, type YamlPair } from './node.ts';
import { columnOf, isFlow, lineStart } from './style.ts';

/** A node and how it hangs in the document. */
export interface Spot {
  readonly node: YamlNode;
  /** Something around it is in brackets. */
  readonly inFlow: boolean;
  /** The mapping or list it stands in, and which of its entries it is. */
  readonly map?: YamlMap;
  readonly list?: YamlList;
  readonly index: number;
}

/** The entry of a mapping that counts for a name: its own, or one that comes in by `<<`. */
export function entryNamed(map: YamlMap, name: string): { readonly index: number; readonly via: 'own' | 'merge' } | undefined {
  for (let index = map.entries.length - 1; index >= 0; index -= 1) {
    const { key, value } = map.entries[index]!;
    if (isMerge(key)) {
      if (mergeBrings(value, name)) return { index, via: 'merge' };
    } else if (keyText(key) === name) return { index, via: 'own' };
  }
  return undefined;
}

function mergeBrings(value: YamlNode, name: string): boolean {
  const from = resolved(value);
  if (from.kind === 'map') return entryNamed(from, name) !== undefined;
  return from.kind === 'list' && from.items.some((one) => mergeBrings(one, name));
}

/** The names that come in by the value of a `<<`. */
export function mergedNames(value: YamlNode): readonly string[] {
  const from = resolved(value);
  if (from.kind === 'list') return [...new Set(from.items.flatMap(mergedNames))];
  if (from.kind !== 'map') return [];
  return [...new Set(from.entries.flatMap((one) => (isMerge(one.key) ? mergedNames(one.value) : [keyText(one.key)])))];
}

export const childSpot = (text: string, { inFlow }: Spot, holder: YamlMap | YamlList, index: number): Spot => ({
  node: holder.kind === 'map' ? holder.entries[index]!.value : holder.items[index]!,
  inFlow: inFlow || isFlow(text, holder),
  ...(holder.kind === 'map' ? { map: holder } : { list: holder }),
  index,
});

/** Behind the colon. */
export const colonEnd = (text: string, { key }: YamlPair): number => text.indexOf(':', key.end) + 1;

/** Offset of the dash of an item of a block list. */
export function dashOf(text: string, list: YamlList, index: number): number {
  if (index === 0) return list.start;
  const column = columnOf(text, list.start);
  for (let line = lineStart(text, list.items[index]!.start); line >= list.start; line = lineStart(text, line - 1))
    if (text.charCodeAt(line + column) === 45) return line + column;
  return list.start;
}

/** Behind the colon or the dash, and behind the anchor and tag that may stand there: where a value on that line begins or would. */
export function valueLead(text: string, { node, map, list, index }: Spot): number {
  if (map === undefined && list === undefined) return node.start;
  const behind = map === undefined ? dashOf(text, list!, index) + 1 : colonEnd(text, map.entries[index]!);
  const properties = /^(?:[ \t]*[&!][^\s,[\]{}]*)*/.exec(text.slice(behind, Math.max(behind, node.start)))?.[0] ?? '';
  return behind + properties.length;
}

/** Nothing is written there. */
export const isEmpty = (node: YamlNode): boolean => node.kind === 'scalar' && node.start === node.end;

/** Where the text of a node ends: comments and blank lines behind it are not part of it. */
export function contentEnd(text: string, spot: Spot): number {
  const { node } = spot;
  if (isEmpty(node)) return valueLead(text, spot);
  if (node.kind === 'scalar' || node.kind === 'alias' || isFlow(text, node)) return node.end;
  const count = node.kind === 'map' ? node.entries.length : node.items.length;
  return count === 0 ? node.end : contentEnd(text, childSpot(text, spot, node, count - 1));
}
