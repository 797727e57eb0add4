/** A report as GitHub-flavoured Markdown: for pull-request comments and job summaries. */
import type { Block, Line } from '../block.ts';
import { textOf } from '../block.ts';
import { harmless } from './harmless.ts';

const MARK: Readonly<Record<string, string>> = { bad: '❌ ', good: '✅ ', unknown: '❔ ' };

/** The blocks as Markdown. Text of the image cannot become markup: everything that means something to Markdown or HTML is escaped. */
export function renderMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(renderBlock).join('\n\n')}\n`;
}

const escaped = (text: string): string =>
  harmless(text)
    .replace(/[\\`*_{}[\]<>#|~]/g, '\\$&')
    .replaceAll('@', '@<!-- -->');

function renderLine(line: Line): string {
  return line
    .map((span) => {
      const text = escaped(textOf(span));
      if (typeof span === 'string' || span.tone === 'plain' || span.tone === 'dim' || text.trim() === '') return text;
      // A mark of our own instead of one more in front of it.
      if (/^[✓✗?]$/.test(text)) return (MARK[span.tone] ?? text).trim();
      return span.tone === 'strong' ? `**${text.trim()}**` : `${MARK[span.tone]}${text}`;
    })
    .join('');
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `### ${renderLine(block.line)}`;
    case 'paragraph':
      return renderLine(block.line);
    case 'facts':
      return [
        row(['', '']),
        row(['---', '---']),
        ...block.rows.map((one) => row([escaped(one.name), renderLine(one.line)])),
      ].join('\n');
    case 'table':
      return [
        row(block.head.map(escaped)),
        row(block.head.map(() => '---')),
        ...block.rows.map((cells) => row(cells.map(renderLine))),
      ].join('\n');
    case 'list':
      return block.items
        .map((item) => [`- ${renderLine(item.line)}`, ...(item.sub ?? []).map((line) => `  - ${renderLine(line)}`)].join('\n'))
        .join('\n');
    case 'code': {
      const fence = '`'.repeat(Math.max(3, ...[...block.text.matchAll(/`+/g)].map((match) => match[0].length + 1)));
      return `${fence}${block.language}\n${block.text.replace(/\n?$/, '\n')}${fence}`;
    }
  }
}
