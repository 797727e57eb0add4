/** Changes inside `{…}` and `[…]`, JSON among them. */

import type { LocalEdit } from '../compose-edits.ts';
import { type FlowStyle, flowKey, flowLines, flowText, isSimple, type WordStyle } from './dump.ts';
import { isMerge, type YamlList, type YamlMap, type YamlScalar } from './node.ts';
import { childSpot, colonEnd, contentEnd, type Spot } from './spot.ts';
import { columnOf, lineEnd, lineStart, type YamlStyle } from './style.ts';

/** The whole document is JSON, or looks like it; with how it is spaced. */
export interface FlowDocument {
  readonly json: boolean;
  readonly style: YamlStyle;
  /** Of the outermost mapping in brackets. */
  readonly root?: YamlMap | YamlList;
}

const count = (holder: YamlMap | YamlList): number => (holder.kind === 'map' ? holder.entries.length : holder.items.length);
const startOf = (holder: YamlMap | YamlList, index: number): number =>
  holder.kind === 'map' ? holder.entries[index]!.key.start : holder.items[index]!.start;

/** Every entry stands on a line of its own. */
const onLines = (text: string, holder: YamlMap | YamlList): boolean =>
  count(holder) > 0 && lineStart(text, startOf(holder, 0)) > holder.start;

const quoteOf = (text: string, { style, start }: YamlScalar): '"' | "'" | undefined =>
  style === 'quoted' ? (text.charCodeAt(start) === 39 ? "'" : '"') : undefined;

/** All have the same quotes. */
function wordsOf(text: string, scalars: readonly YamlScalar[], otherwise: WordStyle): WordStyle {
  const [first] = scalars;
  const quote = first && quoteOf(text, first);
  if (first === undefined) return otherwise;
  if (quote !== undefined && scalars.every((one) => quoteOf(text, one) === quote)) return { quote, always: true, flow: true };
  return { quote: otherwise.quote, flow: true };
}

/** How the brackets are filled; empty ones as the outermost, else as the document's words are. */
function flowStyleOf(text: string, holder: YamlMap | YamlList, document: FlowDocument): FlowStyle {
  const { style, json, root } = document;
  const basis = count(holder) === 0 && root !== undefined ? root : holder;
  const keys = basis.kind === 'map' ? basis.entries.map(({ key }) => key).filter((key) => !isMerge(key)) : [];
  const values = (basis.kind === 'map' ? basis.entries.map(({ value }) => value) : basis.items).filter(
    (one): one is YamlScalar => one.kind === 'scalar' && typeof one.value === 'string',
  );
  const words: WordStyle = json ? { quote: '"', always: true, flow: true } : { quote: style.quote, flow: true };
  const listWords = basis.kind === 'list' && style.quotesInFlow ? { ...words, always: true } : words;
  const pair = basis.kind === 'map' ? basis.entries[0] : undefined;
  const tight = pair !== undefined && !/\s/.test(text[colonEnd(text, pair)] ?? ' ');
  const second = count(basis) > 1 ? text.slice(contentEnd(text, childSpot(text, FLOW, basis, 0)), startOf(basis, 1)) : ', ';
  return {
    ...(json ? words : wordsOf(text, values, listWords)),
    keys: json ? words : wordsOf(text, keys, words),
    colon: tight ? '' : ' ',
    comma: /,\s/.test(second) && !(tight && count(basis) === 1) ? ' ' : '',
    pad: basis.kind === 'map' && text[basis.start + 1] === ' ' ? ' ' : '',
  };
}

const FLOW: Spot = { node: { kind: 'scalar', value: null, style: 'plain', start: 0, end: 0 }, inFlow: true, index: 0 };

/** A value between brackets: over several lines where its surroundings are. */
function rendered(text: string, holder: YamlMap | YamlList, value: unknown, document: FlowDocument, style: FlowStyle): string {
  if (isSimple(value) || !onLines(text, holder)) return flowText(value, style);
  const column = columnOf(text, startOf(holder, 0));
  return flowLines(value, style, column, stepOf(text, holder, document.style), document.style.eol, blankOf(text, holder));
}

/** What its lines are indented with: JSON may have tabs. */
const blankOf = (text: string, holder: YamlMap | YamlList): ' ' | '\t' =>
  text.charCodeAt(lineStart(text, startOf(holder, 0))) === 9 ? '\t' : ' ';

function stepOf(text: string, holder: YamlMap | YamlList, style: YamlStyle): number {
  const outer = /^[ \t]*/.exec(text.slice(lineStart(text, holder.start)))![0].length;
  const step = columnOf(text, startOf(holder, 0)) - outer;
  return step > 0 ? step : style.step;
}

/** Another value instead of the one that stands there. */
export function replaceInFlow(text: string, spot: Spot, value: unknown, document: FlowDocument): readonly LocalEdit[] {
  const holder = spot.map ?? spot.list;
  if (holder === undefined) return [];
  const style = flowStyleOf(text, holder, document);
  const { node } = spot;
  const quoted = node.kind === 'scalar' && typeof value === 'string' ? quoteOf(text, node) : undefined;
  const put = rendered(text, holder, value, document, quoted === undefined ? style : { ...style, quote: quoted, always: true });
  if (node.start < node.end || spot.map === undefined) return [{ start: node.start, end: node.end, text: put }];
  // `{a: }` and `{a}`: the value is not written.
  const { key } = spot.map.entries[spot.index]!;
  const colon = text.slice(key.end, node.start).includes(':');
  const at = colon ? colonEnd(text, spot.map.entries[spot.index]!) : key.end;
  return [{ start: at, end: at, text: `${colon ? '' : ':'} ${put}` }];
}

/** One more entry, behind the one of that number; -1 = before the first. */
export function addInFlow(
  text: string,
  holder: YamlMap | YamlList,
  after: number,
  entry: { readonly key?: string; readonly value: unknown },
  document: FlowDocument,
): readonly LocalEdit[] {
  const style = flowStyleOf(text, holder, document);
  const { eol } = document.style;
  if (count(holder) === 0) {
    const lines = document.root !== undefined && onLines(text, document.root);
    const value = entry.key === undefined ? [entry.value] : { [entry.key]: entry.value };
    const indent = /^[ \t]*/.exec(text.slice(lineStart(text, holder.start)))![0].length;
    const put = lines
      ? flowLines(value, style, indent, stepOf(text, document.root!, document.style), eol, blankOf(text, document.root!))
      : flowText(value, style);
    return [{ start: holder.start, end: holder.end, text: put }];
  }
  const shown = rendered(text, holder, entry.value, document, style);
  const pair = entry.key === undefined ? shown : flowKey(entry.key, entry.value, style) + shown;
  const own = onLines(text, holder);
  const separator = own ? eol + blankOf(text, holder).repeat(columnOf(text, startOf(holder, 0))) : style.comma;
  if (after < 0) {
    const at = startOf(holder, 0);
    return [{ start: at, end: at, text: `${pair},${separator}` }];
  }
  const end = contentEnd(text, childSpot(text, FLOW, holder, after));
  const rest = text.slice(end, lineEnd(text, end));
  // A comment stays with the entry it stands behind.
  if (own && /^[ \t]+#/.test(rest))
    return [
      { start: end, end, text: ',' },
      { start: end + rest.length, end: end + rest.length, text: separator + pair },
    ];
  return [{ start: end, end, text: `,${separator}${pair}` }];
}

/** Instead of a `<<`, which is not the only entry: what it brings, pair by pair. */
export function writtenOutInFlow(
  text: string,
  map: YamlMap,
  index: number,
  pairs: Readonly<Record<string, unknown>>,
  document: FlowDocument,
): readonly LocalEdit[] {
  const entries = Object.entries(pairs);
  if (entries.length === 0) return removeInFlow(text, map, index);
  const style = flowStyleOf(text, map, document);
  const put = entries.map(([key, value]) => flowKey(key, value, style) + flowText(value, style)).join(`,${style.comma}`);
  return [{ start: startOf(map, index), end: contentEnd(text, childSpot(text, FLOW, map, index)), text: put }];
}

/** Takes an entry out, with one comma and the blanks at it. */
export function removeInFlow(text: string, holder: YamlMap | YamlList, index: number): readonly LocalEdit[] {
  const end = contentEnd(text, childSpot(text, FLOW, holder, index));
  if (count(holder) === 1) return [{ start: holder.start + 1, end: holder.end - 1, text: '' }];
  if (index > 0) return [{ start: contentEnd(text, childSpot(text, FLOW, holder, index - 1)), end, text: '' }];
  return [{ start: startOf(holder, 0), end: startOf(holder, 1), text: '' }];
}
