/** Changing an inode itself: chmod, chown, utimes, setxattr (fs/attr.c setattr_prepare, fs/xattr.c), checks in the kernel's order. */
import { isMapped } from './credentials.ts';
import type { Operation } from './operation.ts';
import { hasCapabilityOver, inGroup, mayKeepSetgid, owns, ownsOrMayActAsOwner, WRITE } from './permission.ts';

import {
  deny,
  fail,
  isStop,
  type Question,
  requireCapability,
  requirePermission,
  requireWritableMount,
  type Stop,
  say,
  unknown,
  type Words,
} from './question.ts';
import { type Found, walkTo } from './walk.ts';

type Of<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

/** The file, on a writable mount. */
function changeable(question: Question, operation: { readonly path: string; readonly noFollow?: boolean }): Found | Stop {
  const place = walkTo(question, operation.path, operation.noFollow === true ? 'nofollow' : 'follow');
  if (isStop(place)) return place;
  return requireWritableMount(question, place.path, place.node) ?? place;
}

export function decideChmod(question: Question, operation: Of<'chmod'>): Stop | undefined {
  const place = changeable(question, operation);
  if (isStop(place)) return place;
  if (place.node.inode.type === 'symlink')
    return fail(question, 'EOPNOTSUPP', () => `${place.path} is a symlink: its mode cannot be changed`);
  return requireOwner(question, place, 'change its mode', 'chmod(2)');
}

/** inode_owner_or_capable, or EPERM. */
function requireOwner(question: Question, place: Found, what: string, source: string): Stop | undefined {
  const { who } = question;
  const { inode } = place.node;
  if (ownsOrMayActAsOwner(who, inode)) {
    const why = owns(who, inode) ? 'owns it' : 'has CAP_FOWNER';
    say(
      question,
      true,
      () => `${place.path} belongs to uid ${inode.uid}: uid ${who.uid} ${why}, may ${what}`,
      place.path,
      source,
    );
    return undefined;
  }
  const text = () => `${place.path} belongs to uid ${inode.uid}: uid ${who.uid} does not own it, may not ${what}`;
  return deny(question, 'EPERM', text, { path: place.path, want: 0, need: 'owner' }, { capability: 'CAP_FOWNER', source });
}

export function decideChown(question: Question, operation: Of<'chown'>): Stop | undefined {
  const place = changeable(question, operation);
  if (isStop(place)) return place;
  const { who } = question;
  const { inode } = place.node;
  const isOwner = owns(who, inode);
  const mayChown = hasCapabilityOver(who, inode, 'CAP_CHOWN');
  const namespace = who.userNamespace;
  const strange =
    namespace !== undefined &&
    ((operation.uid !== -1 && !isMapped(operation.uid, namespace.uids)) ||
      (operation.gid !== -1 && !isMapped(operation.gid, namespace.gids)));
  if (strange) return fail(question, 'EINVAL', () => `the user namespace has no ${operation.uid}:${operation.gid}`, place.path);
  const refuse = (text: Words): Stop =>
    deny(question, 'EPERM', text, { path: place.path, want: 0, need: 'owner' }, { capability: 'CAP_CHOWN', source: 'chown(2)' });
  const holds = `${place.path} belongs to ${inode.uid}:${inode.gid}`;
  if (operation.uid !== -1 && !mayChown && !(isOwner && operation.uid === inode.uid)) {
    return refuse(() =>
      isOwner
        ? `${holds}: an owner may not give a file away to uid ${operation.uid}`
        : `${holds}: uid ${who.uid} does not own it and may not change its owner, not even to the same`,
    );
  }
  const groupIsOwn = operation.gid === inode.gid || inGroup(who, operation.gid);
  if (operation.gid !== -1 && !mayChown && !(isOwner && groupIsOwn)) {
    return refuse(() =>
      isOwner
        ? `${holds}: uid ${who.uid} is not in group ${operation.gid}, so it may not give the file to it`
        : `${holds}: uid ${who.uid} does not own it and may not change its group, not even to the same`,
    );
  }
  // A chown that takes set-id bits away is a change of mode too, and asked for as such (notify_change, ATTR_KILL_SUID).
  if (losesSetId(question, place)) {
    const refused = requireOwner(question, place, 'take its set-id bits away', 'chown(2)');
    if (refused !== undefined) return refused;
  }
  say(question, true, () => `${holds}: uid ${who.uid} may make it ${ids(operation, inode)}`, place.path, 'chown(2)');
  return undefined;
}

function ids(operation: Of<'chown'>, inode: { readonly uid: number; readonly gid: number }): string {
  return `${operation.uid === -1 ? inode.uid : operation.uid}:${operation.gid === -1 ? inode.gid : operation.gid}`;
}

/** setattr_should_drop_suidgid for chown: everything but directories loses them. */
function losesSetId(question: Question, place: Found): boolean {
  const { inode } = place.node;
  if (inode.type === 'directory') return false;
  if ((inode.mode & 0o4000) !== 0) return true;
  if ((inode.mode & 0o2000) === 0) return false;
  return (inode.mode & 0o010) !== 0 || !mayKeepSetgid(question.who, inode);
}

/** utimensat(2): "now" is allowed to everybody who may write, a chosen time only to the owner. */
export function decideUtimes(question: Question, operation: Of<'utimes'>): Stop | undefined {
  const place = changeable(question, operation);
  if (isStop(place)) return place;
  if (operation.now && !ownsOrMayActAsOwner(question.who, place.node.inode)) {
    return requirePermission(question, place.path, place.node, WRITE);
  }
  return requireOwner(question, place, 'set its times', 'utimensat(2)');
}

/** xattr(7): each name space has its own rule. */
export function decideSetxattr(question: Question, operation: Of<'setxattr'>): Stop | undefined {
  const place = changeable(question, operation);
  if (isStop(place)) return place;
  const { who } = question;
  const { inode } = place.node;
  const { name } = operation;
  const at = { path: place.path, source: 'xattr(7)' };
  if (name === 'security.capability')
    return requireCapability(question, 'CAP_SETFCAP', `setting file capabilities on ${place.path}`, { ...at, inode });
  if (name.startsWith('security.')) {
    const refused = requireCapability(question, 'CAP_SYS_ADMIN', `setting ${name} on ${place.path}`, at);
    // It must be held where the file system was mounted: inside the namespace, or outside it.
    return refused ?? (who.userNamespace === undefined ? undefined : unknown(question, place.path));
  }
  if (name.startsWith('trusted.'))
    return requireCapability(question, 'CAP_SYS_ADMIN', `setting ${name} on ${place.path}`, { ...at, machine: true });
  if (name.startsWith('system.posix_acl_')) {
    if (inode.type === 'symlink')
      return fail(question, 'EOPNOTSUPP', () => `${place.path} is a symlink: it has no ACL`, place.path);
    return requireOwner(question, place, 'change its ACL', 'acl(5)');
  }
  const noSuch = () => fail(question, 'EOPNOTSUPP', () => `there is no attribute name space for ${name}`, place.path);
  if (name.startsWith('system.')) return noSuch();
  if (!name.startsWith('user.')) return requirePermission(question, place.path, place.node, WRITE) ?? noSuch();
  if (inode.type !== 'file' && inode.type !== 'directory') {
    return fail(question, 'EPERM', () => `${place.path} is neither file nor directory: it takes no user attributes`, place.path);
  }
  if (inode.type === 'directory' && (inode.mode & 0o1000) !== 0) {
    const refused = requireOwner(question, place, `set ${name} on a sticky directory`, 'xattr(7)');
    if (refused !== undefined) return refused;
  }
  return requirePermission(question, place.path, place.node, WRITE);
}
