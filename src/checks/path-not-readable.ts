/** The program reads a path that the user may not read. */
import type { Check } from './check.ts';
import { familyCheck, isOpen, kinds } from './family.ts';

const looks = kinds('stat', 'access', 'readlink', 'chdir', 'connect-unix');

export const pathNotReadable: Check = familyCheck({
  id: 'path-not-readable',
  summary: 'The program reads a path that the user may not read.',
  severity: 'error',
  authority: 'path_resolution(7), inode(7)',
  matches: (denied) => looks(denied) || isOpen(denied, false),
  confidence: 'high',
});
