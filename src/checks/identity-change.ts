/** The program changes its user or groups, which only root may do. */
import type { Check } from './check.ts';
import { familyCheck, kinds } from './family.ts';

export const identityChange: Check = familyCheck({
  id: 'identity-change',
  summary: 'The program changes its user or groups, which only root may do.',
  severity: 'warning',
  authority: 'setuid(2), setgroups(2); CAP_SETUID and CAP_SETGID in capabilities(7)',
  matches: kinds('setuid', 'setgid', 'setgroups', 'bounding-drop', 'capset'),
  confidence: 'medium',
});
