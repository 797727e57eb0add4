/** Applies edits to the text they were made for, finds those that get in each other's way, and turns them round. */
import type { TextEdit } from './edit.ts';

/** Two edits want the same place. The second was left out. */
export interface EditConflict {
  readonly kept: TextEdit;
  readonly dropped: TextEdit;
}

export interface AppliedEdits {
  readonly text: string;
  /** In the order of the text, without those that were dropped. */
  readonly edits: readonly TextEdit[];
  readonly conflicts: readonly EditConflict[];
}

/** Inserting where another edit begins or ends is no conflict; several insertions at one place stay in the order given. */
const overlaps = (a: TextEdit, b: TextEdit): boolean => a.start < b.end && b.start < a.end;

const same = (a: TextEdit, b: TextEdit): boolean => a.start === b.start && a.end === b.end && a.text === b.text;

/** Edits of one file. The same replacement asked for twice is made once; of two that overlap the first that was given counts. */
export function applyEdits(text: string, edits: readonly TextEdit[]): AppliedEdits {
  // `sort` keeps the order of equals; an insertion comes before what is replaced from there on.
  const order = edits
    .map((edit, index) => ({ edit, index }))
    .sort((a, b) => a.edit.start - b.edit.start || a.edit.end - b.edit.end || a.index - b.index);
  const kept: (typeof order)[number][] = [];
  const conflicts: EditConflict[] = [];
  /** The last that is no insertion: only that one can reach into what follows. */
  let last: (typeof order)[number] | undefined;
  for (const one of order) {
    const { start, end } = one.edit;
    if (start < 0 || end < start || end > text.length)
      throw new RangeError(`edit from ${start} to ${end} of a text of ${text.length} characters (${one.edit.file})`);
    if (last !== undefined && overlaps(last.edit, one.edit)) {
      if (same(last.edit, one.edit)) continue;
      const [winner, loser] = one.index > last.index ? [last, one] : [one, last];
      conflicts.push({ kept: winner.edit, dropped: loser.edit });
      if (winner === last) continue;
      kept.splice(kept.indexOf(last), 1);
    }
    kept.push(one);
    if (start < end) last = one;
  }
  let out = '';
  let at = 0;
  for (const { edit } of kept) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return { text: out + text.slice(at), edits: kept.map(({ edit }) => edit), conflicts };
}

/** What turns the edited text back into the one that was read. The edits must be in order and must not overlap. */
export function undoEdits(text: string, edits: readonly TextEdit[]): readonly TextEdit[] {
  let shift = 0;
  return edits.map(({ file, start, end, text: put }) => {
    const at = start + shift;
    shift += put.length - (end - start);
    return { file, start: at, end: at + put.length, text: text.slice(start, end) };
  });
}

/** The edits of each file, in the order in which files come up. */
export function editsByFile(edits: readonly TextEdit[]): ReadonlyMap<string, readonly TextEdit[]> {
  const files = new Map<string, TextEdit[]>();
  for (const edit of edits) {
    const known = files.get(edit.file);
    if (known === undefined) files.set(edit.file, [edit]);
    else known.push(edit);
  }
  return files;
}
