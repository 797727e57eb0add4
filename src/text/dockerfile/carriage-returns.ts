/** Heredocs that a shell reads, written on Windows: builders hand on what stands there (BuildKit dockerfile/parser/parser.go, heredoc.Content). */
import { problemAt, type SourceFile } from '../source-file.ts';
import type { TextProblem } from '../span.ts';

const MESSAGE =
  'the lines of this heredoc end in carriage returns, as on Windows: a shell takes them for part of the last word of each line';

/** One word for a file is enough. */
export function tellCarriageReturns(
  { file, problems }: { readonly file: SourceFile; readonly problems: TextProblem[] },
  start: number,
  content: string,
): void {
  if (content.includes('\r\n') && !problems.some(({ message }) => message === MESSAGE))
    problems.push(problemAt(file, start, MESSAGE, 'warning'));
}
