/** Cuts a stream into documents where kubectl does: at lines that begin with `---`. So one broken document leaves the others readable. */

export interface DocumentPart {
  /** Offsets in the file, without the `---` line unless something else stands on it. */
  readonly start: number;
  readonly end: number;
}

const BLANK = /^(?:[^\S\n]*(?:#.*)?(?:\n|$))*$/;

/** The parts that hold more than blanks and comments. */
export function splitDocuments(text: string): readonly DocumentPart[] {
  const parts: DocumentPart[] = [];
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const push = (end: number): void => {
    if (start < end && holdsSomething(text, start, end)) parts.push({ start, end });
  };
  let at = text.startsWith('---', start) ? start : nextMarker(text, start);
  while (at >= 0) {
    const after = text.charCodeAt(at + 3);
    const ends = Number.isNaN(after) || after === 10 || after === 13;
    // `--- # words` and `--- {a: b}` are markers too; `----` and `---a` are text.
    if (ends || after === 32 || after === 9) {
      push(at);
      start = at + 3;
    }
    at = nextMarker(text, at + 3);
  }
  push(text.length);
  return parts;
}

function nextMarker(text: string, from: number): number {
  const at = text.indexOf('\n---', from);
  return at < 0 ? -1 : at + 1;
}

function holdsSomething(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const code = text.charCodeAt(at);
    // Comments; and directives, which stand before the marker of the document they are about.
    if (code === 35 || (code === 37 && (at === 0 || text.charCodeAt(at - 1) === 10 || text.charCodeAt(at - 1) === 0xfeff))) {
      const next = text.indexOf('\n', at);
      if (next < 0 || next >= end) return false;
      at = next;
    } else if (code !== 32 && code !== 9 && code !== 10 && code !== 13) {
      // `...` alone ends a document that has nothing in it.
      return !(text.startsWith('...', at) && BLANK.test(text.slice(at + 3, end)));
    } else at += 1;
  }
  return false;
}
