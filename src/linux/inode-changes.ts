/** What making, giving away and writing does to an inode: owner, mode, lists (fs/inode.c, fs/attr.c, fs/posix_acl.c). */
import type { Credentials } from './credentials.ts';
import type { AclEntry, FileType, Inode } from './inode.ts';
import { mayKeepSetgid } from './permission.ts';

/** After chown(2); -1 leaves an id as it is. Everything but a directory loses set-id bits and capabilities. */
export function ownedAnew(inode: Inode, to: { readonly uid: number; readonly gid: number }, who: Credentials): Inode {
  const { unmapped, fileCapabilities, ...rest } = inode;
  const isDirectory = inode.type === 'directory';
  // Whom the process names, its user namespace knows.
  const left = { uid: unmapped?.uid === true && to.uid === -1, gid: unmapped?.gid === true && to.gid === -1 };
  const gid = to.gid === -1 ? inode.gid : to.gid;
  const changed: Inode = {
    ...rest,
    uid: to.uid === -1 ? inode.uid : to.uid,
    gid,
    ...(isDirectory && fileCapabilities !== undefined ? { fileCapabilities } : {}),
    ...(left.uid || left.gid ? { unmapped: left } : {}),
  };
  if (isDirectory) return changed;
  const mode = withoutSetId(inode, who);
  // A bit that goes makes a change of mode of it, and that one asks about setgid again: for the new group (setattr_prepare).
  const stays = mode === inode.mode || mayKeepSetgid(who, changed);
  return { ...changed, mode: stays ? mode : mode & 0o5777 };
}

/** setattr_should_drop_suidgid: setuid always; setgid when the group may execute, or when the process is not in the group. */
export function withoutSetId(inode: Inode, who: Credentials): number {
  const dropsSetgid = (inode.mode & 0o010) !== 0 || !mayKeepSetgid(who, inode);
  return inode.mode & (dropsSetgid ? 0o1777 : 0o3777);
}

/** inode_init_owner, mode_strip_sgid and posix_acl_create: who owns a new entry and with which mode. */
export function newInode(directory: Inode, type: FileType, asked: number, who: Credentials, umask: number): Inode {
  const inherits = (directory.mode & 0o2000) !== 0;
  const gid = inherits ? directory.gid : who.gid;
  const stranger = inherits && directory.unmapped?.gid === true ? { unmapped: { uid: false, gid: true } } : {};
  let wanted = asked & 0o7777;
  if (inherits && type === 'directory') wanted |= 0o2000;
  else if (inherits && (wanted & 0o2010) === 0o2010 && !mayKeepSetgid(who, directory)) wanted &= 0o5777;
  const { defaultAcl } = directory;
  if (type === 'symlink') return { type, uid: who.uid, gid, mode: 0o777, ...stranger };
  if (defaultAcl === undefined || defaultAcl.length === 0) return { type, uid: who.uid, gid, mode: wanted & ~umask, ...stranger };
  // A default ACL takes the umask's place and becomes the new entry's own list, limited by the mode asked for.
  const acl = limited(defaultAcl, wanted);
  const mode = (wanted & 0o7000) | modeOf(acl);
  const access = acl.length > 3 ? { acl } : {};
  return { type, uid: who.uid, gid, mode, ...stranger, ...access, ...(type === 'directory' ? { defaultAcl } : {}) };
}

function limited(acl: readonly AclEntry[], mode: number): readonly AclEntry[] {
  const groupTag = acl.some((entry) => entry.tag === 'mask') ? 'mask' : 'group-obj';
  const shift: Partial<Record<AclEntry['tag'], number>> = { 'user-obj': 6, [groupTag]: 3, other: 0 };
  return acl.map((entry) => {
    const by = shift[entry.tag];
    return by === undefined ? entry : { ...entry, perm: entry.perm & (mode >> by) };
  });
}

function modeOf(acl: readonly AclEntry[]): number {
  const perm = (tag: AclEntry['tag']) => acl.find((entry) => entry.tag === tag)?.perm;
  return ((perm('user-obj') ?? 0) << 6) | ((perm('mask') ?? perm('group-obj') ?? 0) << 3) | (perm('other') ?? 0);
}
