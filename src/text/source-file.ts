/** A text with its name and the beginnings of its lines: turns offsets into the lines and columns that people and editors count. */
import type { Span, TextProblem } from './span.ts';

export interface SourceFile {
  /** As it is shown: the path that was given, `-` for standard input. */
  readonly path: string;
  /** As it was read; a byte order mark stays in it, so that offsets are those of the file. */
  readonly text: string;
  /** Offset of the first character of every line; worked out when first asked for. */
  lineStarts?: readonly number[];
  /** Of a text that was made from others (an overlay, a chart): where an offset of it was really written. */
  readonly placed?: (offset: number) => Place;
  /** Texts that were made together know nothing of those that were not. */
  readonly world?: string;
}

/** A line of a file, as people count. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const BOM = 0xfeff;

export const sourceFile = (path: string, text: string): SourceFile => ({ path, text });

/** A line ends with LF, CR LF, or a CR alone (YAML 1.1 5.4). */
function startsOf(file: SourceFile): readonly number[] {
  if (file.lineStarts !== undefined) return file.lineStarts;
  const { text } = file;
  const starts = [0];
  if (text.includes('\r')) {
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) starts.push(at + 1);
    }
  } else {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  }
  file.lineStarts = starts;
  return starts;
}

/** Line and column, from 1, of an offset. A byte order mark takes no column. */
export function positionAt(file: SourceFile, offset: number): { readonly line: number; readonly column: number } {
  const starts = startsOf(file);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  const column = offset - starts[low]! + 1;
  const marked = low === 0 && column > 1 && file.text.charCodeAt(0) === BOM;
  return { line: low + 1, column: marked ? column - 1 : column };
}

/** The span between two offsets. */
export function spanAt(file: SourceFile, start: number, end: number): Span {
  if (file.placed !== undefined) return { ...file.placed(start), start, end };
  const { line, column } = positionAt(file, start);
  return { file: file.path, start, end, line, column };
}

/** Where an offset was written. */
export const placeAt = (file: SourceFile, offset: number): Place =>
  file.placed?.(offset) ?? { file: file.path, ...positionAt(file, offset) };

/** The problem at an offset. */
export const problemAt = (
  file: SourceFile,
  offset: number,
  message: string,
  severity: TextProblem['severity'] = 'error',
): TextProblem => ({ severity, message, where: placeAt(file, offset) });
