/** A change of a text: what stands between two offsets is replaced. Nothing here writes a file. */

export interface TextEdit {
  /** As in SourceFile. */
  readonly file: string;
  /** Offsets in UTF-16 units of the text as it was read, `end` exclusive; equal for an insertion. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}
