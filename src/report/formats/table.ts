/** A report as a page for a terminal: 80 columns unless told otherwise, colour only where it means something. */
import type { Block, Line, Tone } from '../block.ts';
import { textOf } from '../block.ts';
import { harmless } from './harmless.ts';
import { lineWidth, widthOf, wrapLine } from './wrap.ts';

export interface TableOptions {
  readonly color: boolean;
  readonly width: number;
}

/** SGR parameters; see ECMA-48 8.3.117. */
const SGR: Readonly<Record<Tone, string>> = { plain: '', bad: '31', good: '32', unknown: '33', dim: '2', strong: '1' };

const GAP = '  ';

/** The blocks as text, ending in a line break. */
export function renderTable(blocks: readonly Block[], options: TableOptions): string {
  const paint = (line: Line): string =>
    line
      .map((span) => {
        const text = harmless(textOf(span));
        const code = typeof span === 'string' ? '' : SGR[span.tone];
        return options.color && code !== '' && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
      })
      .join('');
  const chunks = blocks.map((block) => renderBlock(block, options.width, paint)).filter((lines) => lines.length > 0);
  return `${chunks.map((lines) => lines.map((line) => line.trimEnd()).join('\n')).join('\n\n')}\n`;
}

type Paint = (line: Line) => string;

function renderBlock(block: Block, width: number, paint: Paint): readonly string[] {
  switch (block.kind) {
    case 'heading':
    case 'paragraph':
      return wrapLine(block.line, width).map(paint);
    case 'facts': {
      const left = Math.max(0, ...block.rows.map((row) => row.name.length)) + 2;
      return block.rows.flatMap((row) => hanging([`  ${row.name.padEnd(left)}`], row.line, width, paint));
    }
    case 'list':
      return block.items.flatMap((item) => [
        ...hanging(['  '], item.line, width, paint),
        ...(item.sub ?? []).flatMap((line) => hanging(['      '], line, width, paint)),
      ]);
    case 'code':
      if (block.language === 'diff') return diffLines(block.text, paint);
      return block.text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => shortened(harmless(line.replaceAll('\t', '    ')), width - 2))
        .map((line) => `  ${line}`);
    case 'table':
      return renderRows(block.head, block.rows, width, paint);
  }
}

/** In full and from the first column, so that `patch` can read it out of a page. */
const diffLines = (text: string, paint: Paint): readonly string[] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => paint([{ text: line.replace(/\r$/, ''), tone: diffTone(line) }]));

function diffTone(line: string): Tone {
  if (/^(?:---|\+\+\+) /.test(line)) return 'strong';
  return line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : line.startsWith('@@') ? 'dim' : 'plain';
}

/** Code is not wrapped, which would change it; what does not fit is cut visibly. */
const shortened = (line: string, width: number): string =>
  widthOf(line) > width ? `${[...line].slice(0, width - 1).join('')}…` : line;

/** First line behind the prefix, the following ones indented under it. */
function hanging(prefix: Line, line: Line, width: number, paint: Paint): readonly string[] {
  const indent = lineWidth(prefix);
  return wrapLine(line, Math.max(20, width - indent)).map(
    (part, index) => (index === 0 ? paint(prefix) : ' '.repeat(indent)) + paint(part),
  );
}

function renderRows(head: readonly string[], rows: readonly (readonly Line[])[], width: number, paint: Paint): readonly string[] {
  const wanted = head.map((name, column) => Math.max(widthOf(name), ...rows.map((row) => lineWidth(row[column] ?? []))));
  const widths = shareWidth(wanted, head.map(widthOf), width - GAP.length * (head.length - 1));
  const out = [
    paint([
      {
        text: head
          .map((name, column) => name.padEnd(widths[column]!))
          .join(GAP)
          .trimEnd(),
        tone: 'dim',
      },
    ]),
  ];
  for (const row of rows) {
    const cells = head.map((_, column) => wrapLine(row[column] ?? [], widths[column]!));
    const height = Math.max(...cells.map((lines) => lines.length));
    for (let index = 0; index < height; index += 1) {
      const parts = cells.map((lines, column) => {
        const line = lines[index] ?? [];
        return paint(line) + ' '.repeat(Math.max(0, widths[column]! - lineWidth(line)));
      });
      out.push(parts.join(GAP));
    }
  }
  return out;
}

/** Takes from the widest column until the row fits; no column gets narrower than its head or 8. */
function shareWidth(wanted: readonly number[], least: readonly number[], room: number): readonly number[] {
  const widths = [...wanted];
  const floor = least.map((size) => Math.max(size, 8));
  let over = widths.reduce((sum, size) => sum + size, 0) - room;
  while (over > 0) {
    const spare = widths.map((size, column) => (size > floor[column]! ? size : 0));
    const widest = Math.max(...spare);
    if (widest === 0) break;
    widths[spare.indexOf(widest)]! -= 1;
    over -= 1;
  }
  return widths;
}
