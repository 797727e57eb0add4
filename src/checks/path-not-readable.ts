/** The program reads a path that the user may not read. */
import { WRITE } from '../linux/permission.ts';
import type { Check } from './check.ts';
import { familyCheck, isOpen, kinds } from './family.ts';
import type { DeniedEvent } from './replay.ts';

const looks = kinds('stat', 'access', 'readlink', 'chdir', 'connect-unix');

/** access(2) for writing only asks; who then writes gets a finding of its own, and many ask without ever writing. */
const asksToWrite = ({ event: { operation } }: DeniedEvent): boolean =>
  operation.kind === 'access' && (operation.want & WRITE) !== 0;

const reads: Check = familyCheck({
  id: 'path-not-readable',
  summary: 'The program reads a path that the user may not read.',
  severity: 'error',
  authority: 'path_resolution(7), inode(7)',
  matches: (denied) => (looks(denied) && !asksToWrite(denied)) || isOpen(denied, false),
  confidence: 'high',
});
const asks: Check = familyCheck({ ...reads, severity: 'warning', matches: asksToWrite, confidence: 'low' });

export const pathNotReadable: Check = { ...reads, run: (context) => [...reads.run(context), ...asks.run(context)] };
