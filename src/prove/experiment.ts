/** One thing to try on a program that is broken. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from '../fixes/context.ts';
import type { Observation } from './observation.ts';

/** What an experiment looks at when its turn comes. */
export interface Occasion {
  /** The run that was broken. */
  readonly after: Observation;
  /** What the recipient was denied until then. */
  readonly met: readonly Finding[];
  /** Remedies that stay. */
  readonly extra: readonly Fix[];
  /** Everything that was in force in the broken run. */
  readonly fixes: readonly Fix[];
  readonly context: FixContext;
}

export interface Experiment {
  /** Nothing to try = an empty list. */
  try(occasion: Occasion): readonly Fix[];
  /** What it was for is there now, though something else may still be broken: it stays, and the search goes on from there. */
  helped?(after: Observation, fresh: readonly Finding[]): boolean;
  /** Remedies that it is tried instead of. */
  readonly without?: (fix: Fix) => boolean;
  /** Lets a program that cannot bind its port bind one; nothing else helps it. */
  readonly forPorts?: true;
  /** Worth trying for a program that works and was denied work all the same. */
  readonly forLostWork?: true;
}
