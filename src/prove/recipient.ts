/** `--user UID[:GID]|NAME|arbitrary`, against the image's own accounts. */
import { UnrootError } from '../error.ts';
import type { Recipient } from '../fixes/context.ts';
import { parsePasswd, userById } from '../linux/passwd.ts';
import { resolveUser } from '../linux/user-spec.ts';
import type { Subject } from './subject.ts';

/** A uid as OpenShift gives them out: from the second block of its default range (cluster-policy-controller), so that no image knows it. */
export const ARBITRARY_UID = 1_000_650_000;

/** The largest id that Kubernetes and the engines accept. */
const MAX_ID = 2_147_483_647;

/**
 * A number alone takes the group that the image's passwd gives that uid, or a group of the same number: a process in group 0 could write
 * whatever OpenShift images open for the root group.
 */
export function recipientOf(user: string, subject: Pick<Subject, 'passwd' | 'group'>): Recipient {
  if (user === 'arbitrary') return { uid: ARBITRARY_UID, gid: 0, arbitrary: true };
  const numeric = /^(\d+)(?::(\d+))?$/.exec(user);
  if (numeric) {
    const uid = Number(numeric[1]);
    const gid = numeric[2] === undefined ? (userById(parsePasswd(subject.passwd ?? ''), uid)?.gid ?? uid) : Number(numeric[2]);
    if (uid > MAX_ID || gid > MAX_ID) throw badUser(user, `ids must be in range 0-${MAX_ID}`);
    if (uid === 0) throw badUser(user, 'uid 0 is root');
    return { uid, gid, arbitrary: false };
  }
  const files = { passwd: subject.passwd, group: subject.group };
  const resolved = resolveUser(user, files, {
    dialect: 'moby-sys-user',
    explicitGroupKeepsImageGroups: false,
    skipsGroupNamedLikeUser: false,
  });
  if (resolved.kind === 'failed') throw badUser(user, resolved.message);
  if (resolved.uid === 0) throw badUser(user, `${user} is uid 0 in the image's /etc/passwd`);
  return { uid: resolved.uid, gid: resolved.gid, arbitrary: false };
}

function badUser(user: string, why: string): UnrootError {
  return new UnrootError(`--user ${user}: ${why}`, {
    code: 'usage.user',
    expected: 'UID, UID:GID, the name of a user in the image, or `arbitrary`; not root',
    hint: 'use a number that no account of the image has, such as 10001',
  });
}

/** Other uids of the same kind for a proof that does not hang on one number: the same ones for the same image, so that its report is the same. */
export function arbitraryUids(count: number, digest: string): number[] {
  // FNV-1a over the digest, continued from uid to uid.
  let hash = 0x811c9dc5;
  const uids = new Set<number>();
  for (let turn = 0; uids.size < count; turn++) {
    for (const letter of `${digest}/${turn}`) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
    uids.add(1_000_000_000 + (hash % 900_000_000));
  }
  return [...uids];
}
