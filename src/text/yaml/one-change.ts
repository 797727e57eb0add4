/** The edits that make one change in one document, in the order in which they should be tried. */

import type { LocalEdit } from '../compose-edits.ts';
import { addItem, addKey, removeInBlock, replaceInBlock, writtenOut } from './block-edits.ts';
import { isPlainObject, reference } from './dump.ts';
import { addInFlow, type FlowDocument, removeInFlow, replaceInFlow, writtenOutInFlow } from './flow-edits.ts';
import { keyText, type YamlNode } from './node.ts';
import { type Path, pathText } from './path.ts';
import { childSpot, entryNamed, mergedNames, type Spot } from './spot.ts';
import { isFlow, styleOf, type YamlStyle } from './style.ts';
import { valueAt } from './value-change.ts';

export interface OneChange {
  readonly op: 'set' | 'remove' | 'insert';
  /** From the root of the document. */
  readonly path: Path;
  /** Keys before which a new key is put, if there are any. */
  readonly before?: readonly string[];
  /** Where the value may come as well, by text that is shared. */
  readonly also?: readonly Path[];
}

export type Ways = readonly (readonly LocalEdit[])[];

/** Why it cannot be made, and where. */
export interface NoWay {
  readonly fault: string;
  readonly offset: number;
}

/** `wanted` is the document's value when it is made. `quoted`: texts of several lines go in quotes, where a comment that stands deeper would become part of them. */
export function waysTo(text: string, root: YamlNode, change: OneChange, wanted: unknown, quoted: boolean): Ways | NoWay {
  const style = styleOf(text, root);
  return waysInStyle(text, root, change, wanted, quoted ? { ...style, literals: false } : style);
}

function waysInStyle(text: string, root: YamlNode, change: OneChange, wanted: unknown, style: YamlStyle): Ways | NoWay {
  const outermost = root.kind === 'map' || root.kind === 'list' ? root : undefined;
  const flowRoot = outermost !== undefined && isFlow(text, outermost) ? outermost : undefined;
  const json = flowRoot?.kind === 'map' ? flowRoot.entries.every(({ key }) => key.style === 'quoted') : flowRoot !== undefined;
  const document: FlowDocument = { json, style, ...(flowRoot === undefined ? {} : { root: flowRoot }) };
  const bracketed = (spot: Spot): boolean => spot.inFlow || flowRoot !== undefined;
  const replace = (spot: Spot, value: unknown): Ways => [
    bracketed(spot) ? replaceInFlow(text, spot, value, document) : replaceInBlock(text, spot, value, style),
  ];

  const { op, path, before = [] } = change;
  let spot: Spot = { node: root, inFlow: false, index: 0 };
  for (const [depth, part] of path.entries()) {
    const { node } = spot;
    const here = path.slice(0, depth);
    const last = depth === path.length - 1;
    if (node.kind === 'alias') return replace(spot, unshared(node.name, node.target, op, wanted, here, part));
    if (node.kind === 'scalar') {
      if (node.value !== null)
        return { fault: `${pathText(here)} is text, not what ${pathText(path)} could stand in`, offset: node.start };
      return replace(spot, valueAt(wanted, here));
    }
    if (node.kind === 'map') {
      const found = entryNamed(node, String(part));
      if (found?.via === 'own') {
        const child = childSpot(text, spot, node, found.index);
        if (last && op === 'remove') {
          if (node.entries.length === 1) return isFlow(text, node) ? [removeInFlow(text, node, 0)] : replace(spot, {});
          return [isFlow(text, node) ? removeInFlow(text, node, found.index) : removeInBlock(text, spot, node, found.index)];
        }
        spot = child;
        continue;
      }
      if (found !== undefined && last && op === 'remove') {
        const own = new Set(node.entries.map(({ key }) => keyText(key)));
        const brought = mergedNames(node.entries[found.index]!.value).filter((name) => !own.has(name) && name !== part);
        const pairs = brought.map((name) => [name, valueAt(wanted, [...here, name])] as const);
        if (node.entries.length === 1) return replace(spot, valueAt(wanted, here));
        const put = Object.fromEntries(pairs);
        if (isFlow(text, node)) return [writtenOutInFlow(text, node, found.index, put, document)];
        return [writtenOut(text, spot, node, found.index, put, style)];
      }
      // What comes in by `<<` is overridden: a key written behind it counts.
      const value = valueAt(wanted, [...here, part]);
      if (node.entries.length === 0 && isFlow(text, node) && !bracketed(spot)) return replace(spot, { [part]: value });
      if (isFlow(text, node)) return [addInFlow(text, node, node.entries.length - 1, { key: String(part), value }, document)];
      return addKey(text, spot, node, String(part), value, before, style);
    }
    const count = node.items.length;
    if (typeof part !== 'number' || part < 0) return { fault: `${pathText(here)} is a list`, offset: node.start };
    if (last && op === 'remove' && part < count) {
      if (count === 1) return isFlow(text, node) ? [removeInFlow(text, node, 0)] : replace(spot, []);
      return [isFlow(text, node) ? removeInFlow(text, node, part) : removeInBlock(text, spot, node, part)];
    }
    if ((last && op === 'insert') || part >= count) {
      const index = Math.min(part, count);
      const value = valueAt(wanted, [...here, index]);
      if (count === 0 && !bracketed(spot)) return replace(spot, [value]);
      if (isFlow(text, node)) return [addInFlow(text, node, index - 1, { value }, document)];
      return [addItem(text, spot, node, index, value, style)];
    }
    spot = childSpot(text, spot, node, part);
  }
  return replace(spot, valueAt(wanted, path));
}

/** Instead of an alias: what it stands for with the change in it; a mapping goes on to share the rest. */
function unshared(
  name: string,
  target: YamlNode,
  op: OneChange['op'],
  wanted: unknown,
  here: Path,
  part: string | number,
): unknown {
  const whole = valueAt(wanted, here);
  if (target.kind !== 'map' || !isPlainObject(whole) || !Object.hasOwn(whole, String(part)) || op === 'remove') return whole;
  return { '<<': reference(name), [part]: whole[String(part)] };
}
