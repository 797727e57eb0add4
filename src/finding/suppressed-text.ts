/** Why a finding counts no more, in words. */
import type { Suppression } from './finding.ts';

const BY: Readonly<Record<Suppression['by'], string>> = {
  comment: 'ignored by a comment',
  annotation: 'ignored by an annotation',
  file: 'ignored by the configuration',
  baseline: 'in the baseline',
};

/** `ignored by a comment until 2027-01-31: the vendor's image is replaced in January`. */
export const suppressedText = ({ by, reason, until }: Suppression): string =>
  `${BY[by]}${until === undefined ? '' : ` until ${until}`}: ${reason}`;
