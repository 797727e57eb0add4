/** How a document is written: what is added to it shall look like the rest. */
import { resolved, type YamlNode } from './node.ts';

export interface YamlStyle {
  readonly eol: string;
  /** Columns from a mapping to the one in it. */
  readonly step: number;
  /** Columns from a mapping to the dashes of a list in it: 0 or more. */
  readonly dash: number;
  /** Columns from a dash to what stands behind it. */
  readonly gap: number;
  /** Lists of words: `[a, b]` or one a line. */
  readonly flowLists: boolean;
  /** Quotes for what needs them. */
  readonly quote: '"' | "'";
  /** Words in lists on one line have quotes even where they need none. */
  readonly quotesInFlow: boolean;
  /** Texts of several lines behind `|`, where they can be. */
  readonly literals: boolean;
}

/** A collection in brackets. */
export const isFlow = (text: string, node: YamlNode): boolean => {
  const code = text.charCodeAt(node.start);
  return (node.kind === 'map' && code === 123) || (node.kind === 'list' && code === 91);
};

/** Offset of the first character of the line; a byte order mark belongs to no line. */
export function lineStart(text: string, offset: number): number {
  let at = offset;
  while (at > 0) {
    const code = text.charCodeAt(at - 1);
    if (code === 10 || (code === 13 && text.charCodeAt(at) !== 10)) break;
    at -= 1;
  }
  return at === 0 && text.charCodeAt(0) === 0xfeff ? 1 : at;
}

/** Offset of the line break that ends the line, or of the end of the text. */
export function lineEnd(text: string, offset: number): number {
  let at = offset;
  while (at < text.length && text.charCodeAt(at) !== 10 && text.charCodeAt(at) !== 13) at += 1;
  return at;
}

/** Offset of the line behind; the end of the text when there is none. */
export function nextLine(text: string, offset: number): number {
  const at = lineEnd(text, offset);
  return at >= text.length ? at : text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1;
}

/** The column, from 0. */
export const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset);

/** What is most common in the document; what it does not show is as kubectl writes it. */
export function styleOf(text: string, root: YamlNode): YamlStyle {
  const steps = new Map<number, number>();
  const dashes = new Map<number, number>();
  const gaps = new Map<number, number>();
  let [flow, block, single, double, bare, quoted] = [0, 0, 0, 0, 0, 0];
  const count = (map: Map<number, number>, value: number): void => {
    if (value >= 0 && value <= 16) map.set(value, (map.get(value) ?? 0) + 1);
  };
  const visit = (node: YamlNode): void => {
    if (node.kind === 'scalar') {
      if (node.style !== 'quoted') return;
      if (text.charCodeAt(node.start) === 39) single += 1;
      else double += 1;
      return;
    }
    if (node.kind === 'alias') return;
    const inFlow = isFlow(text, node);
    const column = inFlow ? 0 : columnOf(text, node.start);
    if (node.kind === 'list') {
      if (node.items.length > 0 && node.items.every((item) => item.kind === 'scalar' && item.style !== 'block')) {
        if (inFlow) flow += 1;
        else block += 1;
        if (inFlow)
          for (const item of node.items) {
            if (typeof (item.kind === 'scalar' && item.value) !== 'string') continue;
            if (item.kind === 'scalar' && item.style === 'quoted') quoted += 1;
            else bare += 1;
          }
      }
      for (const item of node.items) {
        if (!inFlow && (item.kind === 'map' || item.kind === 'list') && !isFlow(text, item)) {
          const behind = columnOf(text, item.start) - column;
          if (behind > 0) count(gaps, behind);
        }
        visit(item);
      }
      return;
    }
    for (const { value } of node.entries) {
      if (!inFlow && !isFlow(text, value)) {
        const inner = columnOf(text, value.start) - column;
        if (value.kind === 'map') count(steps, inner);
        else if (value.kind === 'list') count(dashes, inner);
      }
      visit(value);
    }
  };
  visit(resolved(root));
  const step = most(steps, 2);
  return {
    eol: eolOf(text, root.start),
    step: Math.max(step, 1),
    dash: most(dashes, 0),
    gap: most(gaps, 2),
    flowLists: flow > block,
    quote: single > double ? "'" : '"',
    quotesInFlow: quoted > bare,
    literals: true,
  };
}

function most(counts: ReadonlyMap<number, number>, otherwise: number): number {
  let [best, times] = [otherwise, 0];
  for (const [value, count] of counts) if (count > times) [best, times] = [value, count];
  return best;
}

/** The line break nearest behind the beginning of the document, else before it. */
function eolOf(text: string, from: number): string {
  const at = lineEnd(text, from);
  const behind = at < text.length ? at : lineStart(text, from) - 1;
  if (behind < 0 || behind >= text.length) return '\n';
  if (text.charCodeAt(behind) === 13) return text.charCodeAt(behind + 1) === 10 ? '\r\n' : '\r';
  return text.charCodeAt(behind - 1) === 13 ? '\r\n' : '\n';
}
