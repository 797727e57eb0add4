/** What this process must be allowed to do before it can start containers by itself. */

import type { Capability } from '../linux/capability.ts';
import { processStatus } from './proc.ts';

const NEEDED: readonly Capability[] = [
  'CAP_SYS_ADMIN',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_KILL',
  'CAP_SETPCAP',
];

/** Undefined when mounts and namespaces can be made; else what is missing, in words. */
export function whyNotIsolated(): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return 'this is not Linux';
  if (uid !== 0) return 'it needs root here: overlay mounts and file owners cannot be made otherwise';
  const effective = new Set(processStatus(process.pid)?.capabilities.effective);
  const missing = NEEDED.filter((name) => !effective.has(name));
  return missing.length === 0 ? undefined : `we are root, but without ${missing.join(', ')}, as inside a container`;
}
