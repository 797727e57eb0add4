/** A place in a text. */

/** Offsets in UTF-16 units, `end` exclusive; lines and columns from 1. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** Something about a text that its author should know, found while reading goes on. Has the shape of a Diagnostic, which lies in a later layer. */
export interface TextProblem {
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  readonly where: { readonly file: string; readonly line?: number; readonly column?: number };
}
