/** The sentences that say where an id of a user comes from. */
import { type GroupEntry, type Groups, groupsListing } from './group.ts';
import type { PasswdEntry } from './passwd.ts';

/** One sentence of the derivation; the shape of a Launch's Derivation. */
export interface UserStep {
  readonly field: 'uid' | 'gid' | 'groups' | 'userName' | 'home';
  readonly value: string;
  readonly source: string;
  readonly where?: { readonly path: string; readonly line?: number };
}

/** Absent, a number in range, `out-of-range`, or a name. */
export type Part = { kind: 'absent' } | { kind: 'id'; id: number } | { kind: 'name'; name: string } | { kind: 'out-of-range' };

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';

export function uidStep(
  spec: string,
  user: Part,
  uid: number,
  entry: PasswdEntry | undefined,
  files: { readonly passwd?: string | undefined },
): UserStep {
  const value = String(uid);
  if (user.kind === 'name' && entry !== undefined) {
    const source = `"${user.name}" is uid ${uid} in ${PASSWD} line ${entry.line}`;
    return { field: 'uid', value, source, where: { path: PASSWD, line: entry.line } };
  }
  if (user.kind === 'absent') {
    const source = spec === '' ? 'no user is set, so uid 0' : `"${spec}" names no user before the colon, so uid 0`;
    return { field: 'uid', value, source };
  }
  const asWritten = spec.split(':')[0] === value ? `uid ${value} as written` : `"${spec.split(':')[0]}" is the number ${value}`;
  const lookedUp = entry === undefined ? (files.passwd === undefined ? `, ${PASSWD} is missing` : `, not in ${PASSWD}`) : '';
  return { field: 'uid', value, source: `${asWritten}${lookedUp} (a number is never looked up as a name)` };
}

export function implicitGidStep(
  gid: number,
  entry: PasswdEntry | undefined,
  files: { readonly passwd?: string | undefined },
): UserStep {
  if (entry !== undefined) {
    const source = `no group is given: ${PASSWD} says gid ${gid} for "${entry.name}"`;
    return { field: 'gid', value: String(gid), source, where: { path: PASSWD, line: entry.line } };
  }
  const why = files.passwd === undefined ? `the image has no ${PASSWD}` : `the uid has no entry in ${PASSWD}`;
  return { field: 'gid', value: String(gid), source: `no group is given and ${why}, so gid 0` };
}

export function explicitGidStep(spec: string, gid: number, match: GroupEntry | undefined): UserStep {
  const written = spec.slice(spec.indexOf(':') + 1);
  if (match === undefined)
    return { field: 'gid', value: String(gid), source: `the group is given as "${written}", so gid ${gid}` };
  const source = `group "${match.name}" is gid ${gid} in ${GROUP} line ${match.line}`;
  return { field: 'gid', value: String(gid), source, where: { path: GROUP, line: match.line } };
}

export function memberSteps(
  name: string,
  members: readonly GroupEntry[],
  known: Groups,
  options: { readonly skipsGroupNamedLikeUser: boolean },
): UserStep[] {
  const steps: UserStep[] = members.map((one) => ({
    field: 'groups',
    value: String(one.gid),
    source: `${GROUP} lists "${name}" in group "${one.name}" (${one.gid})`,
    where: { path: GROUP, line: one.line },
  }));
  const skipped = options.skipsGroupNamedLikeUser ? groupsListing(known, name).find((one) => one.name === name) : undefined;
  if (skipped !== undefined) {
    const source = `group "${name}" is named like the user and is therefore not counted as supplementary`;
    steps.push({ field: 'groups', value: String(skipped.gid), source, where: { path: GROUP, line: skipped.line } });
  }
  return steps;
}

export function droppedGroupsStep(name: string, known: Groups): UserStep {
  const lost = groupsListing(known, name);
  const value = lost.map((one) => one.gid).join(',');
  const source =
    lost.length === 0
      ? `a group is given, so ${GROUP} is not searched for more; it lists "${name}" nowhere`
      : `a group is given, so membership of "${name}" in ${lost.map((one) => `"${one.name}" (${one.gid})`).join(', ')} is lost`;
  return { field: 'groups', value, source };
}
