/** All checks, in the order in which a reader wants to hear of them. */
import { capabilityNeeded } from './capability-needed.ts';
import type { Check } from './check.ts';
import { dataPathNotWritable } from './data-path-not-writable.ts';
import { entrypointNotExecutable } from './entrypoint-not-executable.ts';
import { fileCapabilitiesOutOfBounds } from './file-capabilities-out-of-bounds.ts';
import { homeNotWritable } from './home-not-writable.ts';
import { identityChange } from './identity-change.ts';
import { lowPort } from './low-port.ts';
import { namedUser } from './named-user.ts';
import { ownershipChange } from './ownership-change.ts';
import { pathNotExecutable } from './path-not-executable.ts';
import { pathNotReadable } from './path-not-readable.ts';
import { pathNotWritable } from './path-not-writable.ts';
import { runsAsRoot } from './runs-as-root.ts';
import { startRefused } from './start-refused.ts';
import { volumeAccessUnknown } from './volume-access-unknown.ts';
import { volumeNotReadable } from './volume-not-readable.ts';
import { volumeNotWritable } from './volume-not-writable.ts';
import { workdirNotUsable } from './workdir-not-usable.ts';

export const checks: readonly Check[] = [
  runsAsRoot,
  namedUser,
  startRefused,
  entrypointNotExecutable,
  fileCapabilitiesOutOfBounds,
  pathNotExecutable,
  pathNotWritable,
  pathNotReadable,
  lowPort,
  volumeNotWritable,
  volumeNotReadable,
  volumeAccessUnknown,
  workdirNotUsable,
  dataPathNotWritable,
  homeNotWritable,
  ownershipChange,
  identityChange,
  capabilityNeeded,
];
