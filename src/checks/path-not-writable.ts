/** The program writes to a path that the user may not write to. */
import type { Check } from './check.ts';
import { familyCheck, isDevice, isOpen, kinds } from './family.ts';

const writes = kinds('mkdir', 'rmdir', 'unlink', 'rename', 'link', 'symlink', 'truncate', 'utimes', 'setxattr', 'bind-unix');

export const pathNotWritable: Check = familyCheck({
  id: 'path-not-writable',
  summary: 'The program writes to a path that the user may not write to.',
  severity: 'error',
  authority: 'path_resolution(7), inode(7), Linux fs/namei.c',
  matches: (denied) => writes(denied) || isOpen(denied, true) || (denied.event.operation.kind === 'mknod' && !isDevice(denied)),
  confidence: 'high',
});
