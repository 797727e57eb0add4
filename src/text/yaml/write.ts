/** A whole document from a value, as kubectl prints it. */
import { blockLines, isSimple, scalarText } from './dump.ts';

const STYLE = { eol: '\n', step: 2, dash: 0, gap: 2, flowLists: false, quote: '"', quotesInFlow: false, literals: true } as const;

/** Ends in a line break. */
export function yamlText(value: unknown): string {
  if (isSimple(value))
    return `${Array.isArray(value) ? '[]' : typeof value === 'object' && value !== null ? '{}' : scalarText(value, STYLE)}\n`;
  return `${blockLines(value, 0, STYLE).join('\n')}\n`;
}
