/** Making, removing and moving names in directories: mkdir, mknod, symlink, link, unlink, rmdir, rename (fs/namei.c), checks in the kernel's order. */
import { isWithin } from './file-path.ts';
import type { Operation } from './operation.ts';
import { EXECUTE, hasCapabilityOver, owns, ownsOrMayActAsOwner, permission, READ, WRITE } from './permission.ts';
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
} from './question.ts';
import { absent, type Found, type Place, tooLong, walk, walkTo } from './walk.ts';

/** filename_create and may_create: the name must be free, the mount writable, the directory writable and searchable, in that order. */
export function decideNewEntry(question: Question, path: string, what: 'directory' | 'socket' | 'other'): Stop | undefined {
  const place = findFreeName(question, path, what);
  return isStop(place) ? place : mayCreateAt(question, place);
}

function findFreeName(question: Question, path: string, what: 'directory' | 'socket' | 'other'): Place | Stop {
  const place = walk(question, path, 'parent');
  if (isStop(place)) return place;
  if (place.tooLong === true) return tooLong(question, place.path);
  const taken = what === 'socket' ? 'EADDRINUSE' : 'EEXIST';
  if (place.last !== 'name' || place.node !== undefined)
    return fail(question, taken, () => `${place.path} exists already`, place.path);
  if (place.slash && what !== 'directory')
    return fail(question, 'ENOENT', () => `${path} ends in a slash but no directory is made`, place.path);
  return requireWritableMount(question, place.parent, place.parentNode) ?? place;
}

function mayCreateAt(question: Question, place: Place): Stop | undefined {
  return requirePermission(question, place.parent, place.parentNode, WRITE | EXECUTE);
}

export function decideMknod(question: Question, operation: Extract<Operation, { kind: 'mknod' }>): Stop | undefined {
  const refused = decideNewEntry(question, operation.path, 'other');
  if (refused !== undefined) return refused;
  if (operation.type !== 'character-device' && operation.type !== 'block-device') return undefined;
  return requireCapability(question, 'CAP_MKNOD', `making the device ${operation.path}`, {
    path: operation.path,
    machine: true,
    source: 'mknod(2)',
  });
}

export function decideRemove(question: Question, operation: Extract<Operation, { kind: 'unlink' | 'rmdir' }>): Stop | undefined {
  const isDirectory = operation.kind === 'rmdir';
  const place = walk(question, operation.path, 'parent');
  if (isStop(place)) return place;
  if (place.last !== 'name') {
    const errno = isDirectory ? { dot: 'EINVAL', 'dot-dot': 'ENOTEMPTY', root: 'EBUSY' }[place.last] : 'EISDIR';
    return fail(question, errno, () => `${operation.path} cannot be removed by that name`, place.path);
  }
  const readOnly = requireWritableMount(question, place.parent, place.parentNode);
  if (readOnly !== undefined) return readOnly;
  if (place.node === undefined) return absent(question, place);
  const victim = place as Found;
  if (!isDirectory && place.slash) {
    const isDir = victim.node.inode.type === 'directory';
    return fail(question, isDir ? 'EISDIR' : 'ENOTDIR', () => `${operation.path} ends in a slash`, place.path);
  }
  return (
    mayDelete(question, victim, isDirectory) ?? isBusy(question, victim) ?? (isDirectory ? isEmpty(question, victim) : undefined)
  );
}

/** may_delete: write and search on the directory, the sticky rule, then the kind of the victim. */
function mayDelete(question: Question, victim: Found, asDirectory: boolean): Stop | undefined {
  const denied = requirePermission(question, victim.parent, victim.parentNode, WRITE | EXECUTE) ?? stickyAllows(question, victim);
  if (denied !== undefined) return denied;
  const isDirectory = victim.node.inode.type === 'directory';
  if (asDirectory && !isDirectory) return fail(question, 'ENOTDIR', () => `${victim.path} is not a directory`, victim.path);
  if (!asDirectory && isDirectory) return fail(question, 'EISDIR', () => `${victim.path} is a directory`, victim.path);
  return undefined;
}

/** __check_sticky. */
function stickyAllows(question: Question, victim: Found): Stop | undefined {
  const { who } = question;
  const directory = victim.parentNode.inode;
  const file = victim.node.covered ?? victim.node.inode;
  if ((directory.mode & 0o1000) === 0) return undefined;
  const owners = `${victim.parent} is sticky: ${victim.path} belongs to uid ${file.uid}, the directory to uid ${directory.uid}`;
  if (owns(who, file) || owns(who, directory) || hasCapabilityOver(who, file, 'CAP_FOWNER')) {
    say(question, true, () => `${owners}, uid ${who.uid} may remove it`, victim.path, 'inode(7)');
    return undefined;
  }
  const text = () => `${owners}, so uid ${who.uid} may not remove or rename it`;
  return deny(
    question,
    'EPERM',
    text,
    { path: victim.path, want: WRITE, need: 'sticky' },
    { capability: 'CAP_FOWNER', source: 'inode(7)' },
  );
}

/** A mount point lives on another mount than the directory it is in. */
function isBusy(question: Question, place: Found): Stop | undefined {
  const { mount, covered } = place.node;
  const above = place.parentNode.mount;
  const busy =
    covered !== undefined || (mount !== undefined && (mount === place.path || (above !== undefined && above !== mount)));
  return busy ? fail(question, 'EBUSY', () => `${place.path} is a mount point`, place.path) : undefined;
}

function isEmpty(question: Question, place: Found): Stop | undefined {
  const names = question.tree.list?.(place.path);
  return Array.isArray(names) && names.length > 0
    ? fail(question, 'ENOTEMPTY', () => `${place.path} is not empty`, place.path)
    : undefined;
}

export function decideRename(question: Question, operation: Extract<Operation, { kind: 'rename' }>): Stop | undefined {
  const from = walk(question, operation.path, 'parent');
  if (isStop(from)) return from;
  const to = walk(question, operation.to, 'parent');
  if (isStop(to)) return to;
  if (differentMounts(from, to)) return fail(question, 'EXDEV', () => `${from.path} and ${to.path} lie on different mounts`);
  if (from.last !== 'name' || to.last !== 'name')
    return fail(question, 'EBUSY', () => 'a path ending in ., .. or / cannot be renamed');
  const readOnly = requireWritableMount(question, from.parent, from.parentNode);
  if (readOnly !== undefined) return readOnly;
  if (from.node === undefined) return absent(question, from);
  if (to.tooLong === true) return tooLong(question, to.path);
  const source = from as Found;
  const isDirectory = source.node.inode.type === 'directory';
  if (!isDirectory && (from.slash || to.slash))
    return fail(question, 'ENOTDIR', () => `${from.path} is not a directory`, from.path);
  if (to.path !== from.path && isWithin(to.path, from.path)) {
    return fail(question, 'EINVAL', () => `${to.path} lies inside ${from.path}`, to.path);
  }
  if (to.path !== from.path && isWithin(from.path, to.path))
    return fail(question, 'ENOTEMPTY', () => `${to.path} holds ${from.path}`, to.path);
  // Two names of one file: nothing to do, nothing to ask.
  if (to.path === from.path || (source.node.id !== undefined && source.node.id === to.node?.id)) return undefined;

  const denied =
    mayDelete(question, source, isDirectory) ??
    (to.node === undefined ? mayCreateAt(question, to) : mayDelete(question, to as Found, isDirectory));
  if (denied !== undefined) return denied;
  // Its `..` changes, so a directory that moves must be writable itself (vfs_rename).
  if (isDirectory && from.parent !== to.parent) {
    const own = requirePermission(question, source.path, { inode: source.node.covered ?? source.node.inode }, WRITE);
    if (own !== undefined) return own;
  }
  const busy = isBusy(question, source) ?? (to.node === undefined ? undefined : isBusy(question, to as Found));
  if (busy !== undefined) return busy;
  // The file system itself refuses, after all that (fs/overlayfs/dir.c ovl_can_move); mv(1) copies then.
  if (isDirectory && source.node.lower === true)
    return fail(question, 'EXDEV', () => `${source.path} is a directory of the image: an overlay cannot rename it`, source.path);
  return to.node !== undefined && isDirectory ? isEmpty(question, to as Found) : undefined;
}

/** The mount a new name would live on is its directory's; that of an existing name its own, unless it is a mount point. */
function differentMounts(from: Place, to: Place): boolean {
  const a = from.parentNode.mount;
  const b = to.parentNode.mount;
  return a !== undefined && b !== undefined && a !== b;
}

export function decideLink(question: Question, operation: Extract<Operation, { kind: 'link' }>): Stop | undefined {
  const source = walkTo(question, operation.path, 'nofollow');
  if (isStop(source)) return source;
  const to = findFreeName(question, operation.to, 'other');
  if (isStop(to)) return to;
  const [a, b] = [source.node.mount, to.parentNode.mount];
  if (a !== undefined && b !== undefined && a !== b)
    return fail(question, 'EXDEV', () => `${source.path} and ${to.path} lie on different mounts`);
  const refused = mayLinkFrom(question, source) ?? mayCreateAt(question, to);
  if (refused !== undefined) return refused;
  return source.node.inode.type === 'directory'
    ? fail(question, 'EPERM', () => `${source.path} is a directory: directories have no hard links`, source.path)
    : undefined;
}

/** may_linkat: fs.protected_hardlinks asks for a file one owns, or an ordinary one that one may read and write. */
function mayLinkFrom(question: Question, source: Found): Stop | undefined {
  const { who } = question;
  const { inode } = source.node;
  if (question.facts.protectedHardlinks === 0 || ownsOrMayActAsOwner(who, inode)) return undefined;
  const setsId = (inode.mode & 0o4000) !== 0 || (inode.mode & 0o2010) === 0o2010;
  if (inode.type === 'file' && !setsId && permission(inode, who, READ | WRITE).allowed) return undefined;
  const text = () =>
    `${source.path} belongs to uid ${inode.uid}: fs.protected_hardlinks lets uid ${who.uid} link only its own files and ordinary files it may read and write`;
  const at = { path: source.path, want: READ | WRITE, need: 'owner' as const };
  return deny(question, 'EPERM', text, at, { capability: 'CAP_FOWNER', source: 'proc_sys_fs(5)' });
}
