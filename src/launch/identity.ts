/** uid, gid and groups: the user string resolved in the image's account files as the platform's runtime does it. */
import type { IdMapping } from '../linux/credentials.ts';
import { groupsListing, parseGroup } from '../linux/group.ts';
import { type ResolvedUser, resolveUser, type UserStep } from '../linux/user-spec.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type LaunchSubject, phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';
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
    { passwd: image.passwd, group: request.imageGroups ? image.group : undefined },
    {
      dialect: profile.userResolution,
      explicitGroupKeepsImageGroups: profile.explicitGroupKeepsImageGroups,
      skipsGroupNamedLikeUser: profile.skipsGroupNamedLikeUser,
      groupAdd: request.groupAdd,
    },
  );
  const because = [...request.because, ...answer.steps.flatMap((step) => derivationOf(step, request, image))];
  if (answer.kind === 'failed') {
    const rule = profile.sources.userResolution ?? profile.userResolution;
    because.push({ field: 'user', value: request.spec, source: `${request.origin} cannot be resolved in the image (${rule})` });
    return stopped(
      'runtime',
      phaseReason(profile, profile.kubelet ? 'create' : 'start'),
      answer.message,
      because,
      profile.refusals?.user,
    );
  }
  const groups =
    profile.emptyUserLacksPrimaryGroup === true && request.spec === ''
      ? withoutPrimary(answer, request, image, because)
      : answer.groups;
  const mapping = userNamespace(settings);
  const unmapped = mapping === undefined ? undefined : unmappedId(answer, mapping);
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
    gid: answer.gid,
    groups,
    ...(answer.userName === undefined ? {} : { userName: answer.userName }),
    ...(answer.home === undefined ? {} : { passwdHome: answer.home }),
    hostUid,
    uidMappings: mapping === undefined ? [] : [mapping],
    gidMappings: mapping === undefined ? [] : [mapping],
    because,
  };
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

/** KEP-127: one block of 65536 ids; its host base is a multiple of that and never 0. */
function userNamespace(settings: ContainerSettings): IdMapping | undefined {
  return settings.hostUsers === false ? { container: 0, host: 65536, size: 65536 } : undefined;
}

function unmappedId(user: ResolvedUser, mapping: IdMapping): string | undefined {
  if (user.uid >= mapping.size) return `cannot setuid to unmapped uid ${user.uid} in user namespace`;
  if (user.gid >= mapping.size) return `cannot setgid to unmapped gid ${user.gid} in user namespace`;
  return undefined;
}
