/** The program does something that needs a capability which the user does not have. */
import type { Check } from './check.ts';
import { familyCheck, isDevice, kinds } from './family.ts';

const privileged = kinds(
  'socket',
  'chroot',
  'mount',
  'kill',
  'unshare',
  'setns',
  'priority',
  'rlimit',
  'sethostname',
  'settime',
  'ptrace',
  'setsockopt',
);

export const capabilityNeeded: Check = familyCheck({
  id: 'capability-needed',
  summary: 'The program does something that needs a capability which the user does not have.',
  severity: 'warning',
  authority: 'capabilities(7)',
  matches: (denied) => isDevice(denied) || privileged(denied),
  confidence: 'medium',
});
