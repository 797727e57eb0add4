/** Turns a user string (USER, --user, runAsUser) into ids, as moby/sys/user GetExecUser and containerd's oci.WithUser do it. */
import { atoi, toUint32 } from './go-text.ts';
import { type GroupEntry, type Groups, groupById, groupByName, groupsListing, parseGroup } from './group.ts';
import { type Passwd, type PasswdEntry, parsePasswd, userById, userByName } from './passwd.ts';
import {
  droppedGroupsStep,
  explicitGidStep,
  implicitGidStep,
  memberSteps,
  type Part,
  type UserStep,
  uidStep,
} from './user-steps.ts';

export type { UserStep };

export interface UserSpecOptions {
  readonly dialect: 'moby-sys-user' | 'containerd-with-user';
  /** Whether `user:group` keeps the groups that list the user in /etc/group. */
  readonly explicitGroupKeepsImageGroups: boolean;
  /** containerd leaves out a group whose name equals the user's. */
  readonly skipsGroupNamedLikeUser: boolean;
  /** A number that is no valid id is looked up as a name (containerd before it refused it). */
  readonly outOfRangeIsName?: boolean;
  /** `user:` with nothing behind the colon counts as an explicit group (Podman). */
  readonly emptyGroupIsExplicit?: boolean;
  /** The words when a name is to be looked up and the image has no /etc/passwd (containerd). */
  readonly noPasswd?: string;
  /** `--group-add`: names are looked up in the image's /etc/group, numbers are taken as they are. */
  readonly groupAdd?: readonly string[];
  /**
   * moby/sys/user up to 0.4.0 and the libraries before it: a number out of range is refused only when the account file does not list it, and
   * one that no int64 holds is a name. Since 0.4.1 both are refused before anything is read.
   */
  readonly rangeCheckedLate?: boolean;
}

/** The image's account files as text; undefined = the image has none. */
export interface AccountFiles {
  readonly passwd?: string | undefined;
  readonly group?: string | undefined;
  /** What reading the file to its end fails with, when no line of it fails before. */
  readonly passwdFailure?: string | undefined;
  readonly groupFailure?: string | undefined;
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
    passwd: files.passwd === undefined ? undefined : failing(parsePasswd(files.passwd), files.passwdFailure),
    groups: files.group === undefined ? undefined : failing(parseGroup(files.group), files.groupFailure),
  };
}

function failing<T extends { readonly failure?: string }>(parsed: T, failure: string | undefined): T {
  return failure === undefined || parsed.failure !== undefined ? parsed : { ...parsed, failure };
}

const outOfRange = (id: number): boolean => id < 0 || id > MAX_ID;

function failed(message: string, steps: readonly UserStep[]): UnresolvedUser {
  return { kind: 'failed', message, steps };
}

function partOf(text: string, late = false): Part {
  if (text === '') return { kind: 'absent' };
  const value = atoi(text);
  if (value === 'not-a-number') return { kind: 'name', name: text };
  if (value !== 'out-of-range' && !outOfRange(value)) return { kind: 'id', id: value };
  if (!late) return { kind: 'out-of-range' };
  return value === 'out-of-range' ? { kind: 'name', name: text } : { kind: 'id', id: value };
}

/** moby/sys/user v0.4.1 GetExecUser with defaults uid 0, gid 0, home "". */
function resolveMoby(spec: string, files: AccountFiles, options: UserSpecOptions): ResolvedUser | UnresolvedUser {
  const steps: UserStep[] = [];
  const accounts = accountsOf(files);
  // Only the first two fields count: `a:b:c` is `a:b` to this library.
  const [userText = '', groupText = ''] = spec.split(':');
  const user = partOf(userText, options.rangeCheckedLate);
  const group = partOf(groupText, options.rangeCheckedLate);
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
  if (entry === undefined && outOfRange(uid)) return failed(RANGE, steps);
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
    const match =
      group.kind === 'name'
        ? groupByName(known, group.name)
        : group.kind === 'id' && outOfRange(group.id)
          ? groupById(known, group.id)
          : undefined;
    if (match === undefined && group.kind === 'id' && outOfRange(group.id)) return failed(RANGE, steps);
    if (group.kind === 'name' && match === undefined) {
      return failed(`unable to find group ${group.name}: no matching entries in group file`, steps);
    }
    gid = match?.gid ?? (group.kind === 'id' ? group.id : 0);
    steps.push(explicitGidStep(spec, gid, match));
  }
  const implicit = group.kind === 'absent' && !(options.emptyGroupIsExplicit === true && spec.includes(':'));
  if (entry !== undefined && entry.name !== '' && (implicit || options.explicitGroupKeepsImageGroups)) {
    groups = groupsListing(known, entry.name).filter((one) => !(options.skipsGroupNamedLikeUser && one.name === entry.name));
    steps.push(...memberSteps(entry.name, groups, known, options));
  } else if (entry !== undefined && !implicit) {
    steps.push(droppedGroupsStep(entry.name, known));
  }
  const added = addedGroups(options, known, steps);
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
  const asName = (part: Part, text: string): Part =>
    part.kind === 'out-of-range' && options.outOfRangeIsName === true ? { kind: 'name', name: text } : part;
  const user = asName(partOf(userText, options.rangeCheckedLate), userText);
  const group: Part | undefined =
    groupText === undefined ? undefined : asName(partOf(groupText, options.rangeCheckedLate), groupText);
  if (user.kind === 'out-of-range') return failed(`invalid USER value ${JSON.stringify(spec)}: uid out of range`, steps);
  if (group?.kind === 'out-of-range') return failed(`invalid USER value ${JSON.stringify(spec)}: gid out of range`, steps);

  // With `N:M` the files are not opened at all; otherwise a file the library cannot read is an error, a missing one only for names.
  const readsPasswd = group === undefined || user.kind === 'name';
  if (readsPasswd && accounts.passwd?.failure !== undefined) return failed(accounts.passwd.failure, steps);
  let entry: PasswdEntry | undefined;
  if (user.kind === 'name') {
    if (accounts.passwd === undefined) return failed(options.noPasswd ?? `open ${PASSWD}: no such file or directory`, steps);
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
  const added = addedGroups(options, known, steps);
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

/** moby GetAdditionalGroups, or containerd WithAppendAdditionalGroups. A string is the failure. */
function addedGroups(
  { groupAdd: wanted = [], dialect, rangeCheckedLate }: UserSpecOptions,
  known: Groups,
  steps: UserStep[],
): number[] | string {
  const gids: number[] = [];
  if (wanted.length > 0 && known.failure !== undefined)
    return `unable to find additional groups [${wanted.join(' ')}]: ${known.failure}`;
  for (const text of wanted) {
    const part = partOf(text, rangeCheckedLate);
    if (part.kind === 'out-of-range') return RANGE;
    // moby/sys/user GetAdditionalGroups: the first line with that name or that gid, even when the text is a number.
    const match =
      part.kind === 'id'
        ? known.entries.find((group) => group.name === text || (group.gid === part.id && String(part.id) === text))
        : groupByName(known, text);
    if (part.kind !== 'id' && match === undefined) {
      return `unable to find group ${text}${dialect === 'moby-sys-user' ? ': no matching entries in group file' : ''}`;
    }
    const gid = match?.gid ?? (part as { readonly id: number }).id;
    if (match === undefined && outOfRange(gid)) return RANGE;
    gids.push(gid);
    steps.push({ field: 'groups', value: String(gid), source: `group-add asks for "${text}", gid ${gid}` });
  }
  return gids;
}
