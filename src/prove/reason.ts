/** One point of a verdict. */

/** ok: the same, or as it should be. bad: work is lost. unsure: cannot be told from what was seen. note: different, and harmless. */
export interface Reason {
  readonly kind: 'ok' | 'bad' | 'unsure' | 'note';
  readonly text: string;
}
