/** Changes of mappings and lists that are written one entry a line. */
import type { LocalEdit } from '../compose-edits.ts';
import { blockLines, entryLines, isPlainObject, isSimple, itemLines, literalLines, scalarText, type WordStyle } from './dump.ts';
import { beforeLineBreak, isFirstOnLine, linesBehind, withCommentsAbove, withCommentsBelow, withoutLines } from './line-edits.ts';
import { keyText, type YamlList, type YamlMap, type YamlNode } from './node.ts';
import { childSpot, contentEnd, dashOf, isEmpty, type Spot, valueLead } from './spot.ts';
import { columnOf, isFlow, lineEnd, lineStart, type YamlStyle } from './style.ts';

const quotesOf = (text: string, node: YamlNode): '"' | "'" | undefined =>
  node.kind === 'scalar' && node.style === 'quoted' ? (text.charCodeAt(node.start) === 39 ? "'" : '"') : undefined;

/** Column of the block around a value. */
function columnAround(text: string, { map, list }: Spot): number {
  const around = map ?? list;
  return around === undefined ? -1 : columnOf(text, around.start);
}

const isListOfWords = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && value.every((item) => !isPlainObject(item) && !Array.isArray(item));

/** Another value instead of the one that stands there. */
export function replaceInBlock(text: string, spot: Spot, value: unknown, style: YamlStyle): readonly LocalEdit[] {
  const { node, map } = spot;
  const lead = valueLead(text, spot);
  const end = beforeLineBreak(text, contentEnd(text, spot));
  const own = node.kind !== 'scalar' && node.kind !== 'alias' && !isFlow(text, node);
  // A block stands below its key, or behind its dash.
  const below = own && lineStart(text, node.start) > lineStart(text, lead);
  const column = columnAround(text, spot);
  const inner = Array.isArray(value)
    ? column + (map === undefined ? style.gap : style.dash)
    : column + (map === undefined ? style.gap : style.step);

  if (isSimple(value) || (style.flowLists && isListOfWords(value))) {
    const [first = '', ...rest] = onOneLine(text, spot, value, style, column);
    if (below) return [{ start: lead, end: lead, text: ` ${first}` }, removed(text, node, end, rest, style.eol)];
    const put = isEmpty(node) ? ` ${first}` : first;
    const start = isEmpty(node) ? lead : node.start;
    return rest.length === 0
      ? [{ start, end: isEmpty(node) ? lead : end, text: put }]
      : [{ start, end: lineEnd(text, end), text: [put, ...rest].join(style.eol) }];
  }
  if (below) {
    // A list may stand in the column of its key, a mapping may not.
    const now = columnOf(text, node.start);
    const lines = blockLines(value, Array.isArray(value) || now > column ? now : inner, style);
    return [{ start: lineStart(text, node.start), end: lineEnd(text, end), text: lines.join(style.eol) }];
  }
  if (own && map === undefined) {
    const at = columnOf(text, node.start);
    return [{ start: node.start, end: lineEnd(text, end), text: blockLines(value, at, style).join(style.eol).slice(at) }];
  }
  if (map === undefined && spot.list !== undefined) {
    const lines = itemLines(value, column, style);
    const dash = dashOf(text, spot.list, spot.index);
    const first = { start: dash, end, text: lines[0]!.slice(column) };
    return lines.length === 1 ? [first] : [first, linesBehind(text, end, lines.slice(1), style.eol)];
  }
  const blanks = isEmpty(node) ? [] : [{ start: lead, end, text: '' }];
  return [...blanks, linesBehind(text, end, blockLines(value, inner, style), style.eol)];
}

function removed(text: string, node: YamlNode, end: number, instead: readonly string[], eol: string): LocalEdit {
  const edit = withoutLines(text, node.start, end);
  return instead.length === 0 ? edit : { ...edit, text: instead.map((line) => line + eol).join('') };
}

/** A word, `{}`, `[a, b]`, or the head and the lines of a literal text. */
function onOneLine(text: string, spot: Spot, value: unknown, style: YamlStyle, column: number): readonly string[] {
  if (typeof value === 'string') {
    const literal = literalLines(value, Math.max(column, 0) + (spot.map === undefined ? style.gap : style.step), style);
    if (literal !== undefined && (spot.node.kind !== 'scalar' || spot.node.style !== 'quoted')) return literal;
    const quote = quotesOf(text, spot.node);
    return [scalarText(value, quote === undefined ? { quote: style.quote } : { quote, always: true })];
  }
  if (isPlainObject(value)) return ['{}'];
  if (!Array.isArray(value)) return [scalarText(value, { quote: style.quote })];
  const words: WordStyle = { quote: style.quote, always: style.quotesInFlow, flow: true };
  return [`[${value.map((item) => scalarText(item, words)).join(', ')}]`];
}

/** One more key, in the order of preference of where. */
export function addKey(
  text: string,
  spot: Spot,
  map: YamlMap,
  key: string,
  value: unknown,
  before: readonly string[],
  style: YamlStyle,
): readonly (readonly LocalEdit[])[] {
  const column = columnOf(text, map.start);
  const quotes = map.entries.map((entry) => quotesOf(text, entry.key));
  const [quote] = quotes;
  const words: WordStyle =
    quote !== undefined && quotes.every((one) => one === quote) ? { quote, always: true } : { quote: style.quote };
  const lines = entryLines(key, value, column, style, words);
  const apart = lines.length > 1 && standApart(text, spot, map);
  const behind = (index: number): readonly LocalEdit[] => {
    const end = contentEnd(text, childSpot(text, spot, map, index));
    return [linesBehind(text, withCommentsBelow(text, end, column), apart ? ['', ...lines] : lines, style.eol)];
  };
  const at = map.entries.findIndex((entry) => before.includes(keyText(entry.key)));
  const ways = [behind(map.entries.length - 1), atFirst(text, map, apart ? [...lines, ''] : lines, style.eol)];
  return at < 0 ? ways : [at === 0 ? ways[1]! : behind(at - 1), ...ways];
}

/** Whether every entry has an empty line before the next, as services of a compose file often do. */
function standApart(text: string, spot: Spot, map: YamlMap): boolean {
  const ends = map.entries.slice(0, -1).map((_, index) => contentEnd(text, childSpot(text, spot, map, index)));
  return (
    ends.length > 0 &&
    ends.every((end, index) => /\n[ \t]*\r?\n/.test(text.slice(beforeLineBreak(text, end), map.entries[index + 1]!.key.start)))
  );
}

/** Before the first entry: above its comments when it begins a line, else in its place behind the dash. */
function atFirst(text: string, block: YamlMap | YamlList, lines: readonly string[], eol: string): readonly LocalEdit[] {
  const column = columnOf(text, block.start);
  if (isFirstOnLine(text, block.start)) {
    const at = withCommentsAbove(text, block.start);
    return [{ start: at, end: at, text: lines.map((line) => line + eol).join('') }];
  }
  const put = lines.join(eol).slice(column) + eol + ' '.repeat(column);
  return [{ start: block.start, end: block.start, text: put }];
}

/** One more item, before the one of that number. */
export function addItem(
  text: string,
  spot: Spot,
  list: YamlList,
  index: number,
  value: unknown,
  style: YamlStyle,
): readonly LocalEdit[] {
  const quotes = list.items.map((item) => quotesOf(text, item));
  const [quote] = quotes;
  const words: WordStyle =
    quote !== undefined && quotes.every((one) => one === quote) ? { quote, always: true } : { quote: style.quote };
  const column = columnOf(text, list.start);
  const gap = gapOf(text, list, column) ?? style.gap;
  const lines = itemLines(value, column, { ...style, gap }, words);
  if (index === 0) return atFirst(text, list, lines, style.eol);
  const end = contentEnd(text, childSpot(text, spot, list, index - 1));
  return [linesBehind(text, withCommentsBelow(text, end, column), lines, style.eol)];
}

function gapOf(text: string, list: YamlList, column: number): number | undefined {
  for (const item of list.items) {
    if (item.kind !== 'map' || isFlow(text, item)) continue;
    const gap = columnOf(text, item.start) - column;
    if (gap > 1) return gap;
  }
  return undefined;
}

/** Instead of a `<<`, which is not the only entry: what it brings, pair by pair. */
export function writtenOut(
  text: string,
  spot: Spot,
  map: YamlMap,
  index: number,
  pairs: Readonly<Record<string, unknown>>,
  style: YamlStyle,
): readonly LocalEdit[] {
  const column = columnOf(text, map.start);
  const lines = Object.entries(pairs).flatMap(([key, value]) => entryLines(key, value, column, style, { quote: style.quote }));
  if (lines.length === 0) return removeInBlock(text, spot, map, index);
  const end = beforeLineBreak(text, contentEnd(text, childSpot(text, spot, map, index)));
  return [{ start: map.entries[index]!.key.start, end, text: lines.join(style.eol).slice(column) }];
}

/** Takes an entry out that is not the only one. */
export function removeInBlock(text: string, spot: Spot, block: YamlMap | YamlList, index: number): readonly LocalEdit[] {
  const start = block.kind === 'map' ? block.entries[index]!.key.start : dashOf(text, block, index);
  const end = contentEnd(text, childSpot(text, spot, block, index));
  if (isFirstOnLine(text, start)) return [withoutLines(text, start, end)];
  const next =
    block.kind === 'map'
      ? block.entries[index + 1]?.key.start
      : block.items.length > index + 1
        ? dashOf(text, block, index + 1)
        : undefined;
  return [{ start, end: next ?? end, text: '' }];
}
