/** Denials of the last run that a fix was meant to answer. */
import type { Finding } from '../finding/finding.ts';
import type { Unresolved } from '../fixes/plan.ts';

/** Answered by something that is in the image, and denied all the same: nothing more is known to do about it. */
export const stillDenied = (fresh: readonly Finding[], unresolved: readonly Unresolved[]): readonly Unresolved[] =>
  fresh
    .filter((finding) => finding.severity === 'error' && !unresolved.some((one) => same(one.finding, finding)))
    .map((finding) => ({ finding, reason: 'denied in the last run too, although a fix was meant to allow it' }));

const same = (a: Finding, b: Finding): boolean => a.id === b.id && JSON.stringify(a.operation) === JSON.stringify(b.operation);
