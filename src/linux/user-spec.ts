/** Turns a user string (USER, --user, runAsUser) into ids, as moby/sys/user GetExecUser and containerd's oci.WithUser do it. */
import { atoi, toUint32 } from './go-text.ts';
import { type GroupEntry, type Groups, groupByName, groupsListing, parseGroup } from './group.ts';
import { type Passwd, type PasswdEntry, parsePasswd, userById, userByName } from './passwd.ts';

export interface UserSpecOptions {
  readonly dialect: 'moby-sys-user' | 'containerd-with-user';
  /** Whether `user:group` keeps the groups that list the user in /etc/group. */
  readonly explicitGroupKeepsImageGroups: boolean;
  /** containerd leaves out a group whose name equals the user's. */
  readonly skipsGroupNamedLikeUser: boolean;
  /** `--group-add`: names are looked up in the image's /etc/group, numbers are taken as they are. */
  readonly groupAdd?: readonly string[];
}

/** The image's account files as text; undefined = the image has none. */
export interface AccountFiles {
  readonly passwd?: string | undefined;
  readonly group?: string | undefined;
}

/** One sentence of the derivation; the shape of a Launch's Derivation. */
export interface UserStep {
  readonly field: 'uid' | 'gid' | 'groups' | 'userName' | 'home';
  readonly value: string;
  readonly source: string;
  readonly where?: { readonly path: string; readonly line?: number };
}

export interface ResolvedUser {
  readonly kind: 'resolved';
  readonly uid: number;
  readonly gid: number;
  /** What setgroups(2) gets: the primary gid first (moby) or all in ascending order (containerd), without duplicates. */
  readonly groups: readonly number[];
  /** Name of the passwd entry that matched. */
  readonly userName?: string;
  /** Its home; not yet HOME, which the runtime decides. */
  readonly home?: string;
  readonly steps: readonly UserStep[];
}

export interface UnresolvedUser {
  readonly kind: 'failed';
  /** The library's own words, without the wrapping the runtime adds. */
  readonly message: string;
  readonly steps: readonly UserStep[];
}

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
const MAX_ID = 2 ** 31 - 1;
const RANGE = `uids and gids must be in range 0-${MAX_ID}`;

/** Never throws: what the runtime would refuse is a value with the runtime's message. */
export function resolveUser(spec: string, files: AccountFiles, options: UserSpecOptions): ResolvedUser | UnresolvedUser {
  return options.dialect === 'moby-sys-user' ? resolveMoby(spec, files, options) : resolveContainerd(spec, files, options);
}

interface Accounts {
  readonly passwd: Passwd | undefined;
  readonly groups: Groups | undefined;
}

function accountsOf(files: AccountFiles): Accounts {
  return {
    passwd: files.passwd === undefined ? undefined : parsePasswd(files.passwd),
    groups: files.group === undefined ? undefined : parseGroup(files.group),
  };
}

function failed(message: string, steps: readonly UserStep[]): UnresolvedUser {
  return { kind: 'failed', message, steps };
}

/** Absent, a number in range, `out-of-range`, or a name. */
type Part = { kind: 'absent' } | { kind: 'id'; id: number } | { kind: 'name'; name: string } | { kind: 'out-of-range' };

function partOf(text: string): Part {
  if (text === '') return { kind: 'absent' };
  const value = atoi(text);
  if (value === 'not-a-number') return { kind: 'name', name: text };
  return value === 'out-of-range' || value < 0 || value > MAX_ID ? { kind: 'out-of-range' } : { kind: 'id', id: value };
}

/** moby/sys/user v0.4.1 GetExecUser with defaults uid 0, gid 0, home "". */
function resolveMoby(spec: string, files: AccountFiles, options: UserSpecOptions): ResolvedUser | UnresolvedUser {
  const steps: UserStep[] = [];
  const accounts = accountsOf(files);
  // Only the first two fields count: `a:b:c` is `a:b` to this library.
  const [userText = '', groupText = ''] = spec.split(':');
  const user = partOf(userText);
  const group = partOf(groupText);
  if (user.kind === 'out-of-range' || group.kind === 'out-of-range') return failed(RANGE, steps);

  if (accounts.passwd?.failure !== undefined) {
    return failed(`unable to find user ${userText === '' ? '0' : userText}: ${accounts.passwd.failure}`, steps);
  }
  const passwd = accounts.passwd ?? { entries: [] };
  const wanted = user.kind === 'id' ? user.id : 0;
  const entry = user.kind === 'name' ? userByName(passwd, user.name) : userById(passwd, wanted);
  if (entry === undefined && user.kind === 'name') {
    return failed(`unable to find user ${user.name}: no matching entries in passwd file`, steps);
  }
  const uid = entry?.uid ?? wanted;
  steps.push(uidStep(spec, user, uid, entry, files));

  let gid = entry?.gid ?? 0;
  let groups: readonly GroupEntry[] = [];
  if (group.kind !== 'absent' || (entry !== undefined && entry.name !== '')) {
    if (accounts.groups?.failure !== undefined) {
      return failed(`unable to find groups for spec ${entry?.name ?? ''}: ${accounts.groups.failure}`, steps);
    }
  }
  const known = accounts.groups ?? { entries: [] };
  if (group.kind === 'absent') {
    steps.push(implicitGidStep(gid, entry, files));
  } else {
    const match = group.kind === 'name' ? groupByName(known, group.name) : undefined;
    if (group.kind === 'name' && match === undefined) {
      return failed(`unable to find group ${group.name}: no matching entries in group file`, steps);
    }
    gid = match?.gid ?? (group.kind === 'id' ? group.id : 0);
    steps.push(explicitGidStep(spec, gid, match));
  }
  if (entry !== undefined && entry.name !== '' && (group.kind === 'absent' || options.explicitGroupKeepsImageGroups)) {
    groups = groupsListing(known, entry.name).filter((one) => !(options.skipsGroupNamedLikeUser && one.name === entry.name));
    steps.push(...memberSteps(entry.name, groups, known, options));
  } else if (entry !== undefined && group.kind !== 'absent') {
    steps.push(droppedGroupsStep(entry.name, known));
  }
  const added = addedGroups(options.groupAdd ?? [], known, options.dialect, steps);
  if (!Array.isArray(added)) return failed(added as string, steps);
  return resolved(uid, gid, [gid, ...groups.map((one) => one.gid), ...added], entry, steps);
}

/** containerd pkg/oci WithUser, WithUserID, WithUsername, then WithAdditionalGIDs and WithAppendAdditionalGroups. */
function resolveContainerd(written: string, files: AccountFiles, options: UserSpecOptions): ResolvedUser | UnresolvedUser {
  const steps: UserStep[] = [];
  const accounts = accountsOf(files);
  // The kubelet and ctr never hand over an empty user: they say 0 (kubelet getImageUser) or leave root alone.
  const spec = written === '' ? '0' : written;
  const parts = spec.split(':');
  if (parts.length > 2) return failed(`invalid USER value ${spec}`, steps);
  const [userText = '', groupText] = parts;
  const user = partOf(userText);
  const group: Part | undefined = groupText === undefined ? undefined : partOf(groupText);
  if (user.kind === 'out-of-range') return failed(`invalid USER value ${JSON.stringify(spec)}: uid out of range`, steps);
  if (group?.kind === 'out-of-range') return failed(`invalid USER value ${JSON.stringify(spec)}: gid out of range`, steps);

  // With `N:M` the files are not opened at all; otherwise a file the library cannot read is an error, a missing one only for names.
  const readsPasswd = group === undefined || user.kind === 'name';
  if (readsPasswd && accounts.passwd?.failure !== undefined) return failed(accounts.passwd.failure, steps);
  let entry: PasswdEntry | undefined;
  if (user.kind === 'name') {
    if (accounts.passwd === undefined) return failed(`open ${PASSWD}: no such file or directory`, steps);
    entry = userByName(accounts.passwd, user.name);
    if (entry === undefined) return failed('no users found', steps);
  } else if (group === undefined) {
    entry = accounts.passwd === undefined ? undefined : userById(accounts.passwd, user.kind === 'id' ? user.id : 0);
  }
  const uid = entry?.uid ?? (user.kind === 'id' ? user.id : 0);
  steps.push(uidStep(written, user, uid, entry, files));

  let gid = entry?.gid ?? 0;
  if (group === undefined) {
    steps.push(implicitGidStep(gid, entry, files));
  } else if (group.kind === 'name') {
    if (accounts.groups === undefined) return failed(`open ${GROUP}: no such file or directory`, steps);
    if (accounts.groups.failure !== undefined) return failed(accounts.groups.failure, steps);
    const match = groupByName(accounts.groups, group.name);
    if (match === undefined) return failed('no groups found', steps);
    gid = match.gid;
    steps.push(explicitGidStep(written, gid, match));
  } else {
    gid = group.kind === 'id' ? group.id : 0;
    steps.push(explicitGidStep(written, gid, undefined));
  }

  const known = accounts.groups ?? { entries: [] };
  let members: readonly GroupEntry[] = [];
  const owner = entry ?? (accounts.passwd === undefined ? undefined : userById(accounts.passwd, uid));
  if (owner !== undefined && (group === undefined || options.explicitGroupKeepsImageGroups)) {
    if (accounts.groups?.failure !== undefined) return failed(accounts.groups.failure, steps);
    members = groupsListing(known, owner.name).filter((one) => !(options.skipsGroupNamedLikeUser && one.name === owner.name));
    steps.push(...memberSteps(owner.name, members, known, options));
  }
  const added = addedGroups(options.groupAdd ?? [], known, options.dialect, steps);
  if (!Array.isArray(added)) return failed(added as string, steps);
  const groups = [gid, ...members.map((one) => one.gid), ...added].sort((a, b) => a - b);
  return resolved(uid, gid, groups, owner, steps);
}

function resolved(
  uid: number,
  gid: number,
  groups: readonly number[],
  entry: PasswdEntry | undefined,
  steps: UserStep[],
): ResolvedUser {
  const all = [...new Set(groups.map(toUint32))];
  steps.push({ field: 'groups', value: all.join(','), source: `supplementary groups of the first process: ${all.join(', ')}` });
  if (entry === undefined) return { kind: 'resolved', uid: toUint32(uid), gid: toUint32(gid), groups: all, steps };
  const where = { path: PASSWD, line: entry.line };
  steps.push({ field: 'userName', value: entry.name, source: `uid ${entry.uid} is "${entry.name}" in ${PASSWD}`, where });
  steps.push({ field: 'home', value: entry.home, source: `${PASSWD} gives "${entry.name}" the home "${entry.home}"`, where });
  return { kind: 'resolved', uid: toUint32(uid), gid: toUint32(gid), groups: all, userName: entry.name, home: entry.home, steps };
}

function uidStep(spec: string, user: Part, uid: number, entry: PasswdEntry | undefined, files: AccountFiles): UserStep {
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

function implicitGidStep(gid: number, entry: PasswdEntry | undefined, files: AccountFiles): UserStep {
  if (entry !== undefined) {
    const source = `no group is given: ${PASSWD} says gid ${gid} for "${entry.name}"`;
    return { field: 'gid', value: String(gid), source, where: { path: PASSWD, line: entry.line } };
  }
  const why = files.passwd === undefined ? `the image has no ${PASSWD}` : `the uid has no entry in ${PASSWD}`;
  return { field: 'gid', value: String(gid), source: `no group is given and ${why}, so gid 0` };
}

function explicitGidStep(spec: string, gid: number, match: GroupEntry | undefined): UserStep {
  const written = spec.slice(spec.indexOf(':') + 1);
  if (match === undefined)
    return { field: 'gid', value: String(gid), source: `the group is given as "${written}", so gid ${gid}` };
  const source = `group "${match.name}" is gid ${gid} in ${GROUP} line ${match.line}`;
  return { field: 'gid', value: String(gid), source, where: { path: GROUP, line: match.line } };
}

function memberSteps(name: string, members: readonly GroupEntry[], known: Groups, options: UserSpecOptions): UserStep[] {
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

function droppedGroupsStep(name: string, known: Groups): UserStep {
  const lost = groupsListing(known, name);
  const value = lost.map((one) => one.gid).join(',');
  const source =
    lost.length === 0
      ? `a group is given, so ${GROUP} is not searched for more; it lists "${name}" nowhere`
      : `a group is given, so membership of "${name}" in ${lost.map((one) => `"${one.name}" (${one.gid})`).join(', ')} is lost`;
  return { field: 'groups', value, source };
}

/** moby GetAdditionalGroups, or containerd WithAppendAdditionalGroups. A string is the failure. */
function addedGroups(
  wanted: readonly string[],
  known: Groups,
  dialect: UserSpecOptions['dialect'],
  steps: UserStep[],
): number[] | string {
  const gids: number[] = [];
  if (wanted.length > 0 && known.failure !== undefined)
    return `unable to find additional groups [${wanted.join(' ')}]: ${known.failure}`;
  for (const text of wanted) {
    const part = partOf(text);
    if (part.kind === 'out-of-range') return RANGE;
    const match = part.kind === 'id' ? undefined : groupByName(known, text);
    if (part.kind !== 'id' && match === undefined) {
      return `unable to find group ${text}${dialect === 'moby-sys-user' ? ': no matching entries in group file' : ''}`;
    }
    const gid = part.kind === 'id' ? part.id : match!.gid;
    gids.push(gid);
    steps.push({ field: 'groups', value: String(gid), source: `group-add asks for "${text}", gid ${gid}` });
  }
  return gids;
}
