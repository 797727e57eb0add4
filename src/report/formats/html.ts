/** A report as one HTML page that needs nothing else: no script, no font, no picture, and links only within itself. */
import type { Block, Line, Span, Tone } from '../block.ts';
import { textOf } from '../block.ts';
import { STYLE } from './html-style.ts';
import { markup, markupLines } from './markup.ts';

/** The blocks as a page. Nothing of the image becomes markup; and if it did, the policy in the head lets nothing run or load. */
export function renderHtml(blocks: readonly Block[], title: string): string {
  const [first, ...rest] = blocks;
  const headed = first?.kind === 'heading';
  const name = markup(title);
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${name}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    ...(headed ? [`<p class="brand">${name}</p>`, `<h1>${renderLine(first.line)}</h1>`] : [`<h1>${name}</h1>`]),
    ...(headed ? rest : blocks).map(renderBlock),
    ...(blocks.length === 0 ? ['<p>Nothing was found to report about.</p>'] : []),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading': {
      const minor = block.line.every((span) => textOf(span) === '' || toneOf(span) === 'dim');
      return minor ? `<h2 class="minor">${markup(block.line.map(textOf).join(''))}</h2>` : `<h2>${renderLine(block.line)}</h2>`;
    }
    case 'paragraph':
      return `<p>${renderLine(block.line)}</p>`;
    case 'facts':
      return `<dl>\n${block.rows.map((row) => `<dt>${markup(row.name)}</dt><dd>${renderLine(row.line)}</dd>`).join('\n')}\n</dl>`;
    case 'list':
      return `<ul class="items">\n${block.items.map(renderItem).join('\n')}\n</ul>`;
    case 'code': {
      const language = markup(block.language);
      // Wide code is scrolled, so the keyboard must be able to get there.
      return `<pre tabindex="0" role="region" aria-label="${language}"><code>${markupLines(block.text.replace(/\n$/, ''))}</code></pre>`;
    }
    case 'table':
      return renderTable(block.head, block.rows);
  }
}

type Item = Extract<Block, { kind: 'list' }>['items'][number];

function renderItem({ line, sub = [], anchor }: Item): string {
  const tone = toneOf(line.find((span) => textOf(span).trim() !== '') ?? '');
  const edge = tone === 'bad' || tone === 'good' || tone === 'unknown' ? ` class="${tone}"` : '';
  const under =
    sub.length === 0 ? '' : `\n<ul class="sub">\n${sub.map((one) => `<li>${renderLine(one)}</li>`).join('\n')}\n</ul>`;
  const id = anchor === undefined ? '' : ` id="${markup(anchor)}"`;
  return `<li${id}${edge}>${renderLine(line)}${under}</li>`;
}

/** More columns than a phone has room for become cards there. Roles are said, because a table that is laid out otherwise is none to some screen readers. */
const ROOM = 3;
/** Cells longer than this get a line of their own in a card. */
const LONG = 34;

function renderTable(head: readonly string[], rows: readonly (readonly Line[])[]): string {
  const stack = head.length > ROOM;
  // A first column without a name may hold marks; then the next one says what the row is about.
  const marks = head[0] === '' && rows.every(([cell = []]) => lengthOf(cell) <= 1);
  const names = head.map(
    (name) => `<th scope="col" role="columnheader">${name === '' ? '<span class="hidden">item</span>' : markup(name)}</th>`,
  );
  const body = rows.map((cells) => {
    const parts = head.map((name, column) => renderCell(cells[column] ?? [], name, column - (marks ? 1 : 0)));
    return `<tr role="row">${parts.join('')}</tr>`;
  });
  return [
    '<div class="frame">',
    `<table role="table"${stack ? ' class="stack"' : ''}>`,
    `<thead role="rowgroup"><tr role="row">${names.join('')}</tr></thead>`,
    `<tbody role="rowgroup">\n${body.join('\n')}\n</tbody>`,
    '</table>',
    '</div>',
  ].join('\n');
}

/** `place` -1: a mark; 0: what the row is about. */
function renderCell(line: Line, name: string, place: number): string {
  const length = lengthOf(line);
  const text = length === 0 ? '' : renderLine(line);
  if (place === -1) return `<td role="cell" class="mark">${text}</td>`;
  if (place === 0) return `<th scope="row" role="rowheader">${text}</th>`;
  const label = length === 0 ? '' : ` data-label="${markup(name)}"`;
  return `<td role="cell"${length > LONG ? ' class="wide"' : ''}${label}>${text}</td>`;
}

const lengthOf = (line: Line): number => line.reduce((sum, span) => sum + textOf(span).length, 0);

const toneOf = (span: Span): Tone => (typeof span === 'string' ? 'plain' : span.tone);

/** Signs of the views, said in words; the sign that goes in front of what has only its colour to tell what it means. */
const SIGNS: Readonly<Record<string, string>> = { '✓': 'yes', '✗': 'no', '?': 'unknown', '·': 'not reached' };
const SIGN = { bad: '✗', good: '✓', unknown: '?' } as const;

/** Words that say what they mean by themselves. */
const WORDS =
  /^(?:error|warning|info|ok|bad|unsure|note|denied|safe|needs review|allowed|violates|exempt|not decodable|refused|unknown|proved|failed|inconclusive|no findings|(?:low|medium) confidence)$/;

/** Spans next to each other that mean the same are one: letters of a mode are coloured one by one. */
function renderLine(line: Line): string {
  const merged: { text: string; tone: Tone; to?: string | undefined }[] = [];
  for (const span of line) {
    const last = merged.at(-1);
    const to = typeof span === 'string' ? undefined : span.to;
    if (last?.tone === toneOf(span) && last.to === to) last.text += textOf(span);
    else if (textOf(span) !== '') merged.push({ text: textOf(span), tone: toneOf(span), to });
  }
  return merged.map(({ text, tone, to }, index) => linked(renderSpan(text, tone, merged[index - 1]?.text ?? ' '), to)).join('');
}

/** Within the page only: a report goes to people who have other machines. */
const linked = (html: string, to: string | undefined): string =>
  to === undefined
    ? html
    : html.replace(/^(\s*)(.*)$/, (_, lead: string, rest: string) => `${lead}<a href="#${markup(to)}">${rest}</a>`);

function renderSpan(text: string, tone: Tone, before: string): string {
  if (tone === 'plain' || text.trim() === '') return markup(text);
  // Blanks around it stay outside, or a badge would swallow them.
  const core = text.trim();
  const lead = text.slice(0, text.length - text.trimStart().length);
  const trail = text.slice(lead.length + core.length);
  return `${markup(lead)}${renderTone(core, tone, lead !== '' || /\s$/.test(before))}${markup(trail)}`;
}

function renderTone(text: string, tone: Exclude<Tone, 'plain'>, apart: boolean): string {
  if (tone === 'strong') return `<b>${markup(text)}</b>`;
  const said = SIGNS[text];
  if (said !== undefined) return `<span class="${tone}" role="img" aria-label="${said}">${text}</span>`;
  if (WORDS.test(text)) return `<span class="badge ${tone}">${markup(text)}</span>`;
  if (tone === 'dim' || text.endsWith(':')) return `<span class="${tone}">${markup(text)}</span>`;
  // Inside a word there is no room for a sign.
  if (!apart) return `<b class="${tone} part">${markup(text)}</b>`;
  return `<b class="${tone}"><span aria-hidden="true">${SIGN[tone]} </span>${markup(text)}</b>`;
}
