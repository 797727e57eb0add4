/** The program changes the owner or the mode of a file that does not belong to the user. */
import type { Check } from './check.ts';
import { familyCheck, kinds } from './family.ts';

export const ownershipChange: Check = familyCheck({
  id: 'ownership-change',
  summary: 'The program changes the owner or the mode of a file that does not belong to the user.',
  severity: 'warning',
  authority: 'chown(2), chmod(2); CAP_CHOWN and CAP_FOWNER in capabilities(7)',
  matches: kinds('chown', 'chmod'),
  confidence: 'medium',
});
