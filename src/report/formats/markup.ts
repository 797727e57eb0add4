/** Text of anybody inside XML and HTML: it stays text, whatever is in it. */
import { harmless } from './harmless.ts';

const NAMES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** One line, for content and for quoted attributes alike. What XML 1.0 does not know as a character (section 2.2) is replaced. */
export const markup = (text: string): string =>
  harmless(text)
    .replace(/[\ud800-\udfff\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>"']/g, (char) => NAMES[char] ?? char);

/** Several lines, for content only: line breaks and the blanks of tabs stay. */
export const markupLines = (text: string): string =>
  text
    .split(/\r\n|\n|\r/)
    .map((line) => markup(line.replaceAll('\t', '    ')))
    .join('\n');
