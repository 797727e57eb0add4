/** The program executes a file that the user may not execute. */
import type { Check } from './check.ts';
import { familyCheck, kinds } from './family.ts';

export const pathNotExecutable: Check = familyCheck({
  id: 'path-not-executable',
  summary: 'The program executes a file that the user may not execute.',
  severity: 'error',
  authority: 'execve(2)',
  matches: kinds('exec'),
  confidence: 'high',
});
