/** uid, gid and groups: the user string resolved in the image's account files as the platform's runtime does it. */
import { UnrootError } from '../error.ts';
import type { IdMapping } from '../linux/credentials.ts';
import { groupById, groupsListing, parseGroup } from '../linux/group.ts';
import { parsePasswd, userById } from '../linux/passwd.ts';
import { type ResolvedUser, resolveUser, type UserStep } from '../linux/user-spec.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { startShape } from './executable.ts';
import { ACCOUNT_FILE_BYTES, type LaunchSubject, phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';
import { unmappedId, userNamespace } from './user-namespace.ts';
import type { UserRequest } from './user-request.ts';

export interface Identity {
  readonly kind: 'identity';
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly userName?: string;
  /** Home of the user that was named or numbered, as its passwd line says; not yet HOME. */
  readonly passwdHome?: string;
  readonly hostUid: number;
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly because: readonly Derivation[];
}

export function identityOf(
  request: UserRequest,
  image: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
): Identity | Stopped {
  const answer = resolveUser(
    request.spec,
    {
      passwd: image.passwd,
      passwdFailure: endOf('/etc/passwd', image, profile),
      group: request.imageGroups ? image.group : undefined,
      groupFailure: endOf('/etc/group', image, profile),
    },
    {
      dialect: profile.userResolution,
      explicitGroupKeepsImageGroups: profile.explicitGroupKeepsImageGroups,
      skipsGroupNamedLikeUser: profile.skipsGroupNamedLikeUser,
      groupAdd: request.groupAdd,
      ...(profile.rangeCheckedLate === undefined ? {} : { rangeCheckedLate: profile.rangeCheckedLate }),
      ...(profile.outOfRangeIsName === undefined ? {} : { outOfRangeIsName: profile.outOfRangeIsName }),
      ...(profile.emptyGroupIsExplicit === undefined ? {} : { emptyGroupIsExplicit: profile.emptyGroupIsExplicit }),
      ...(profile.refusals?.noPasswd === undefined ? {} : { noPasswd: wordsForNoPasswd(profile.refusals.noPasswd, image) }),
    },
  );
  const because = [...request.because, ...answer.steps.flatMap((step) => derivationOf(step, request, image))];
  if (answer.kind === 'failed') {
    const rule = profile.sources.userResolution ?? profile.userResolution;
    because.push({ field: 'user', value: request.spec, source: `${request.origin} cannot be resolved in the image (${rule})` });
    const shape = profile.refusals?.unknownGroupAdd;
    const group = /^unable to find group (.*): no matching entries in group file$/.exec(answer.message)?.[1];
    if (shape !== undefined && group !== undefined && request.groupAdd.includes(group))
      return stopped('runtime', phaseReason(profile, 'start'), group, because, shape);
    return stopped(
      'runtime',
      phaseReason(profile, profile.kubelet ? 'create' : 'start'),
      answer.message,
      because,
      profile.refusals?.user,
    );
  }
  const refused = beyondRuntime(answer, image, profile);
  if (refused !== undefined) {
    const source = 'the runtime takes ids up to 2147483647 only, unless the account file of the image lists them';
    because.push({ field: 'uid', value: `${answer.uid}:${answer.gid}`, source });
    return stopped('runtime', phaseReason(profile, 'start'), refused, because, startShape(profile, refused));
  }
  const nobodyNamed = profile.emptyUserLacksPrimaryGroup === true && request.spec === '';
  const given = nobodyNamed ? withoutPrimary(answer, request, image, because) : answer.groups;
  const groups = profile.runtime === 'runc-1.1' ? lookedUpAgain(given, image, because) : given;
  // Podman does not look at /etc/passwd for a user nobody named: gid 0 whatever root's line says (observed with 4.3.1).
  const gid = nobodyNamed ? 0 : answer.gid;
  const mapping = userNamespace(settings);
  const unmapped = mapping === undefined ? undefined : unmappedId(answer.uid, answer.gid, groups, profile);
  if (unmapped !== undefined) {
    because.push({
      field: 'hostUid',
      value: '',
      source: 'runc libcontainer/init_linux.go: ids of a pod user namespace are 0 to 65535',
    });
    return stopped('runtime', phaseReason(profile, 'start'), unmapped, because, profile.refusals?.start);
  }
  const hostUid = mapping === undefined ? answer.uid : mapping.host + answer.uid;
  if (mapping !== undefined) {
    const source = `hostUsers false: ids 0-${mapping.size - 1} are ${mapping.host}-${mapping.host + mapping.size - 1} on the host (the kubelet picks the block; this one stands for it)`;
    because.push({ field: 'hostUid', value: String(hostUid), source });
  }
  return {
    kind: 'identity',
    uid: answer.uid,
    gid,
    groups,
    ...(answer.userName === undefined ? {} : { userName: answer.userName }),
    ...(answer.home === undefined ? {} : { passwdHome: answer.home }),
    hostUid,
    uidMappings: mapping === undefined ? [] : [mapping],
    gidMappings: mapping === undefined ? [] : [mapping],
    because,
  };
}

/** Reading an account file to its end fails where the runtime has a limit; where it has none, somebody must have the rest. */
function endOf(path: '/etc/passwd' | '/etc/group', image: LaunchSubject, profile: PlatformProfile): string | undefined {
  if (image.partial?.includes(path) !== true) return undefined;
  if (profile.accountFileLimit !== undefined) return `"${path.slice(1)}" exceeds ${profile.accountFileLimit} bytes`;
  const text = (path === '/etc/passwd' ? image.passwd : image.group) ?? '';
  // The runtimes stop at a line that is too long, wherever they found the user before: no need to see the rest.
  if ((path === '/etc/passwd' ? parsePasswd(text) : parseGroup(text)).failure !== undefined) return undefined;
  throw new UnrootError(`${path} of ${image.reference} has more than ${ACCOUNT_FILE_BYTES} bytes`, {
    code: 'image.too-large',
    where: { image: image.reference, entry: path },
    expected: `at most ${ACCOUNT_FILE_BYTES} bytes, a hundred thousand accounts`,
    hint: `${profile.name} reads it line by line to its end; what stands there is not known here. No ordinary image comes near this size.`,
  });
}

const MAX_ID = 2 ** 31 - 1;

/** (uid_t) -1, which no call takes for an id. */
const NO_ID = 0xffffffff;

/**
 * runc up to 1.2 looks ids up in the container's own account files and refuses what is out of range and not listed there; what is listed goes
 * to the kernel, for which -1 is no id (setgroups(2), setuid(2)). The groups are set first (all observed with 1.1.5). Newer ones hand every id
 * to the kernel. crun's setuid with -1 was not seen; its setgroups was (1.8.1).
 */
function beyondRuntime(user: ResolvedUser, image: LaunchSubject, profile: PlatformProfile): string | undefined {
  const noGroup = user.groups.includes(NO_ID);
  if (profile.runtime === 'runc-1.1') {
    const groups = parseGroup(image.group ?? '');
    const listed =
      (user.uid <= MAX_ID || userById(parsePasswd(image.passwd ?? ''), user.uid) !== undefined) &&
      [user.gid, ...user.groups].every((gid) => gid <= MAX_ID || groupById(groups, gid) !== undefined);
    const refuse = (words: string): string => `unable to setup user: ${words}`;
    if (!listed) return refuse(`uids and gids must be in range 0-${MAX_ID}`);
    if (noGroup) return refuse('setgroups: invalid argument');
    return user.gid === NO_ID || user.uid === NO_ID ? refuse('invalid argument') : undefined;
  }
  if (profile.runtime === 'crun') return noGroup ? 'setgroups: Invalid argument' : undefined;
  if (profile.runtime !== 'runc') return undefined;
  if (user.gid === NO_ID) return `cannot setgid to unmapped gid ${user.gid} in user namespace`;
  return user.uid === NO_ID ? `cannot setuid to unmapped uid ${user.uid} in user namespace` : undefined;
}

/** Newer containerd looks component by component: without /etc, that is what is missing (observed with 2.4). */
function wordsForNoPasswd(words: string, { rootFs }: LaunchSubject): string {
  return rootFs !== undefined && rootFs.get('/etc') === undefined ? words.replace('lstat etc/passwd', 'lstat etc') : words;
}

/** The resolver's step with who asked for it in front, and the layer that brought the file. */
function derivationOf(step: UserStep, request: UserRequest, image: LaunchSubject): Derivation[] {
  // HOME is decided by another program and reported by itself.
  if (step.field === 'home') return [];
  const source = step.field === 'uid' || step.field === 'gid' ? `${request.origin}: ${step.source}` : step.source;
  if (step.where === undefined) return [{ field: step.field, value: step.value, source }];
  const layer = image.rootFs?.resolve(step.where.path).entry?.layer;
  const where = {
    path: step.where.path,
    ...(step.where.line === undefined ? {} : { line: step.where.line }),
    ...(layer === undefined ? {} : { layer }),
  };
  return [{ field: step.field, value: step.value, source, where }];
}

/** The primary gid stays only when /etc/group or --group-add names it as well. */
function withoutPrimary(
  answer: ResolvedUser,
  request: UserRequest,
  image: LaunchSubject,
  because: Derivation[],
): readonly number[] {
  const listed = groupsListing(parseGroup(request.imageGroups ? (image.group ?? '') : ''), answer.userName ?? '');
  const named = listed.some((group) => group.gid === answer.gid) || request.groupAdd.includes(String(answer.gid));
  if (named) return answer.groups;
  const groups = answer.groups.filter((gid) => gid !== answer.gid);
  const source = `no user is set, so the primary gid ${answer.gid} is not added to the supplementary groups`;
  because.push({ field: 'groups', value: groups.join(','), source });
  return groups;
}

/**
 * runc 1.1 takes the gids it is given for texts and looks them up in the container's /etc/group (libcontainer/init_linux.go setupUser): the
 * first line with that gid, or with that number for a name, counts.
 */
function lookedUpAgain(gids: readonly number[], image: LaunchSubject, because: Derivation[]): readonly number[] {
  const entries = parseGroup(image.group ?? '').entries;
  return gids.map((gid) => {
    const match = entries.find((group) => group.gid === gid || group.name === String(gid));
    if (match === undefined || match.gid === gid) return gid;
    const source = `runc 1.1 takes gid ${gid} for the group named "${match.name}", gid ${match.gid}`;
    because.push({ field: 'groups', value: String(match.gid), source, where: { path: '/etc/group', line: match.line } });
    return match.gid;
  });
}
