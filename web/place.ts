/** Where the reader is in a lab, kept for this tab: a reload shows the same lines again. */

export interface Place {
  /** The step that stands open; null: none does. */
  readonly open?: string | null;
  /** The last heading of a step above the upper edge, or '' before the first, and how far the edge is below it. */
  readonly head?: string;
  readonly below?: number;
  /** Text, terminals or pictures, where only one of them fits. */
  readonly part?: string;
}

const keyOf = (lab: string): string => `unroot-place-${lab}`;

export function placeIn(lab: string): Place {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(keyOf(lab)) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Place) : {};
  } catch {
    return {}; // No storage in this browser, or not ours: the page begins at its top.
  }
}

export function keepPlace(lab: string, change: Place): void {
  try {
    sessionStorage.setItem(keyOf(lab), JSON.stringify({ ...placeIn(lab), ...change }));
  } catch {
    // As above.
  }
}

const heads = (text: HTMLElement): readonly HTMLElement[] => [...text.querySelectorAll<HTMLElement>('.step h2 button')];
const topOf = (one: HTMLElement, text: HTMLElement): number =>
  one.getBoundingClientRect().top - text.getBoundingClientRect().top + text.scrollTop;

/** Remembers what `text` shows. A part of the page that is not shown has no place. */
export function rememberPlace(lab: string, text: HTMLElement): void {
  if (text.offsetParent === null) return;
  const above = heads(text)
    .filter((one) => topOf(one, text) <= text.scrollTop + 1)
    .at(-1);
  const below = Math.round(text.scrollTop - (above === undefined ? 0 : topOf(above, text)));
  keepPlace(lab, { head: above?.id ?? '', below });
}

/** Shows it again; false = nothing is remembered, or its step is not there any more. */
export function returnToPlace(lab: string, text: HTMLElement): boolean {
  const { head, below } = placeIn(lab);
  if (typeof head !== 'string' || typeof below !== 'number') return false;
  const above = head === '' ? undefined : heads(text).find(({ id }) => id === head);
  if (head !== '' && above === undefined) return false;
  text.scrollTop = below + (above === undefined ? 0 : topOf(above, text));
  return true;
}
