/** One edit after the other on a changing text, told at last as edits of the text as it was. */

/** An edit of the text at hand, whatever file it is of. */
export interface LocalEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Changing {
  readonly original: string;
  readonly text: string;
  /** Of the original, in order, apart from each other. */
  readonly edits: readonly LocalEdit[];
}

export const unchanged = (text: string): Changing => ({ original: text, text, edits: [] });

/** With edits of the text as it is now; they must not overlap. */
export function changed(before: Changing, edits: readonly LocalEdit[]): Changing {
  // From the last to the first: offsets of those to come stay right.
  return [...edits].sort((a, b) => b.start - a.start || b.end - a.end).reduce(withEdit, before);
}

const growth = ({ start, end, text }: LocalEdit): number => text.length - (end - start);

function withEdit({ original, text, edits }: Changing, next: LocalEdit): Changing {
  const before: LocalEdit[] = [];
  const touching: LocalEdit[] = [];
  const behind: LocalEdit[] = [];
  let [shift, shiftBefore, shiftBehind] = [0, 0, 0];
  for (const edit of edits) {
    const first = edit.start + shift;
    shift += growth(edit);
    if (first + edit.text.length < next.start) {
      before.push(edit);
      shiftBefore = shift;
      shiftBehind = shift;
    } else if (first > next.end) behind.push(edit);
    else {
      touching.push(edit);
      shiftBehind = shift;
    }
  }
  // What touches becomes one edit, with what is left of its own text.
  const start = Math.min(next.start - shiftBefore, touching[0]?.start ?? Number.POSITIVE_INFINITY);
  const end = Math.max(next.end - shiftBehind, touching.at(-1)?.end ?? 0);
  const put = text.slice(start + shiftBefore, next.start) + next.text + text.slice(next.end, end + shiftBehind);
  return {
    original,
    text: text.slice(0, next.start) + next.text + text.slice(next.end),
    edits: [...before, { start, end, text: put }, ...behind],
  };
}

/** Without what an edit puts back just as it was. */
export function trimmed(original: string, edits: readonly LocalEdit[]): readonly LocalEdit[] {
  return edits.flatMap(({ start, end, text }) => {
    let head = 0;
    while (head < text.length && start + head < end && text[head] === original[start + head]) head += 1;
    let tail = 0;
    while (tail < text.length - head && end - tail > start + head && text[text.length - 1 - tail] === original[end - 1 - tail])
      tail += 1;
    const edit = { start: start + head, end: end - tail, text: text.slice(head, text.length - tail) };
    return edit.start === edit.end && edit.text === '' ? [] : [edit];
  });
}
