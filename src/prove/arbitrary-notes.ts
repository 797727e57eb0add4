/** What a result for any uid rests on, and where that ends. */
import type { Recipient } from '../fixes/context.ts';
import { placeOf } from '../fixes/context.ts';
import type { Launch } from '../launch/launch.ts';
import type { Observation } from './observation.ts';
import type { RoundsResult } from './rounds.ts';

/** Nothing for a result that is for one uid. */
export function arbitraryNotes({ after, launch, before }: RoundsResult, { arbitrary }: Recipient): readonly string[] {
  if (!arbitrary) return [];
  return [
    'any uid, but always group 0: what is written is open to that group only, so with another one (runAsGroup, --user UID:4444) it fails; OpenShift and an image without runAsGroup keep group 0',
    ...(launch.kind === 'launch' ? keptToItself(after, launch) : []),
    ...(looksUpUsers(before) ? [NAMES] : []),
  ];
}

/** Sources: CRI-O utils.GeneratePasswd; libpod generateUserPasswdEntry; moby and containerd write no account file. */
const NAMES =
  'it looks users up, and no image can list every uid: CRI-O and Podman add a line for it to /etc/passwd when they start the container, Docker and containerd do not; there getpwuid(3) finds nothing, and USER and HOME have to say it';

const looksUpUsers = ({ trace }: Observation): boolean =>
  (trace?.events ?? []).some(({ operation, errno }) => operation.kind === 'open' && operation.path === '/etc/passwd' && !errno);

/** Files on volumes that only their maker may read: the next uid is somebody else. */
function keptToItself({ changes }: Observation, launch: Launch): readonly string[] {
  const closed = changes.filter(
    ({ path, change, type, mode }) =>
      change !== 'deleted' &&
      (type === 'file' || type === 'directory') &&
      lasts(path, launch) &&
      ((mode >> 3) & 7) !== ((mode >> 6) & 7),
  );
  const [first] = closed;
  if (first === undefined) return [];
  return [
    `what one uid left on a volume for itself alone (${first.path}, mode ${first.mode.toString(8).padStart(4, '0')}${closed.length > 1 ? `, and ${closed.length - 1} more` : ''}) another uid cannot use: OpenShift gives a namespace the same uid at every start, but data that moves to another namespace must be opened to the group (chmod -R g=u) first`,
  ];
}

function lasts(path: string, launch: Launch): boolean {
  const mount = launch.mounts.find(({ target, type }) => type === 'tmpfs' && (path === target || path.startsWith(`${target}/`)));
  return mount === undefined && placeOf(path, launch).kind === 'volume';
}
