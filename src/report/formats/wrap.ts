/** Breaks a line of spans at blanks so that it fits a width; a word that is too long is cut. */
import { type Line, type Span, type Tone, textOf } from '../block.ts';
import { harmless } from './harmless.ts';

interface Piece {
  readonly text: string;
  readonly tone: Tone;
}

/** Characters a terminal needs for a text; code points, which is right for everything but wide scripts. */
export const widthOf = (text: string): number => [...text].length;

/** Width of a line as it would be printed unbroken. */
export const lineWidth = (line: Line): number => line.reduce((sum, span) => sum + widthOf(harmless(textOf(span))), 0);

/** The line as one or more lines no wider than `width`. An empty line stays one empty line. */
export function wrapLine(line: Line, width: number): readonly Line[] {
  const lines: Piece[][] = [[]];
  let used = 0;
  const put = (text: string, tone: Tone): void => {
    const last = lines[lines.length - 1]!;
    const previous = last[last.length - 1];
    if (previous && previous.tone === tone) last[last.length - 1] = { text: previous.text + text, tone };
    else last.push({ text, tone });
    used += widthOf(text);
  };
  const breakLine = (): void => {
    lines.push([]);
    used = 0;
  };
  for (const word of words(line)) {
    const size = word.reduce((sum, piece) => sum + widthOf(piece.text), 0);
    const blank = word.length === 1 && word[0]!.text.trim() === '';
    if (used + size > width && used > 0) {
      if (blank) continue;
      breakLine();
    }
    if (blank && used === 0 && lines.length > 1) continue;
    for (const piece of word) {
      let rest = [...piece.text];
      while (used + rest.length > width && rest.length > 0) {
        const room = width - used;
        if (room > 0) put(rest.slice(0, room).join(''), piece.tone);
        rest = rest.slice(Math.max(room, 0));
        if (rest.length > 0) breakLine();
      }
      if (rest.length > 0) put(rest.join(''), piece.tone);
    }
  }
  return lines.map((pieces) => trimEnd(pieces));
}

/** Words and the blanks between them; a word may run over several spans. */
function words(line: Line): readonly (readonly Piece[])[] {
  const out: Piece[][] = [];
  let word: Piece[] = [];
  for (const span of line) {
    const tone: Tone = typeof span === 'string' ? 'plain' : span.tone;
    for (const part of harmless(textOf(span)).split(/( +)/)) {
      if (part === '') continue;
      if (part.startsWith(' ')) {
        if (word.length > 0) out.push(word);
        out.push([{ text: part, tone }]);
        word = [];
      } else word.push({ text: part, tone });
    }
  }
  if (word.length > 0) out.push(word);
  return out;
}

function trimEnd(pieces: readonly Piece[]): readonly Span[] {
  const out = [...pieces];
  while (out.length > 0) {
    const last = out[out.length - 1]!;
    const text = last.text.trimEnd();
    if (text === last.text) break;
    out.pop();
    if (text !== '') {
      out.push({ text, tone: last.tone });
      break;
    }
  }
  return out;
}
