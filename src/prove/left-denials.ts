/** What stays denied, and what is known not to be done any more, for the verdict. */
import type { RoundsResult } from './rounds.ts';
import type { Expectation } from './verdict.ts';
import { mayLoseWork } from './verdict.ts';

/** A probe of the user's own that works says what must work, so that the rest may be missing. */
export const leftDenials = ({ left, before, fixes }: RoundsResult): Expectation['leftDenials'] => [
  ...left.map(({ finding, reason }) => ({
    text: `${finding.message} — ${reason}`,
    losesWork: mayLoseWork(finding, before),
    ...(finding.id === 'ownership-change' ? { ownership: true as const } : {}),
  })),
  ...fixes.flatMap(({ loses }) =>
    loses === undefined
      ? []
      : [
          {
            text: `not done any more: ${loses} (--probe CMD shows whether what you need works)`,
            losesWork: before.command?.code !== 0,
          },
        ],
  ),
];
