/** What an instruction says once its lines are joined, each character knowing where it stands in the file. */

interface Piece {
  /** Where the piece begins in the joined text, and where in the file. */
  readonly at: number;
  readonly start: number;
  readonly length: number;
}

/** A text made of pieces of a file. */
export interface LogicalText {
  readonly text: string;
  /** The offset in the file of a character of the text; of its end, the offset behind the last one. */
  offset(index: number): number;
  /** The part between two places, with its own offsets. */
  slice(from: number, to?: number): LogicalText;
}

/** Joins pieces `[start, end)` of a source. */
export function logicalText(source: string, ranges: readonly (readonly [number, number])[], fallback: number): LogicalText {
  const pieces: Piece[] = [];
  let text = '';
  for (const [start, end] of ranges) {
    if (end <= start) continue;
    pieces.push({ at: text.length, start, length: end - start });
    text += source.slice(start, end);
  }
  return view(text, pieces, 0, text.length, pieces[0]?.start ?? fallback);
}

function view(text: string, pieces: readonly Piece[], from: number, to: number, fallback: number): LogicalText {
  const offset = (index: number): number => {
    const wanted = from + index;
    let low = 0;
    let high = pieces.length - 1;
    if (high < 0) return fallback;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pieces[middle]!.at <= wanted) low = middle;
      else high = middle - 1;
    }
    const piece = pieces[low]!;
    return piece.start + Math.min(wanted - piece.at, piece.length);
  };
  return {
    text: text.slice(from, to),
    offset: (index) =>
      // The end of a part belongs to the character before it, not to the next line's first.
      index > 0 && index >= to - from ? offset(to - from - 1) + 1 : offset(index),
    slice: (a, b = to - from) => view(text, pieces, from + a, from + Math.min(b, to - from), fallback),
  };
}
