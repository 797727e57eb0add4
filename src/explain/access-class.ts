/** Which class of permission bits counts for a process, in words for people. What follows from it is decided by `linux/access.ts` alone. */
import { evaluateAcl } from '../linux/acl.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { AclEntry, FileType, Inode } from '../linux/inode.ts';
import type { AccessClass } from './explanation.ts';
import type { Names } from './names.ts';

export interface ClassOf {
  readonly class: AccessClass;
  readonly entry?: string;
  /** rwx as 4, 2, 1. */
  readonly granted: number;
}

/** Owner, then the ACL (with group bits 0 its mask is empty and the kernel skips it), then group, then other. */
export function classOf(inode: Inode, who: Credentials, want: number): ClassOf {
  const { uid, gid, mode, acl } = inode;
  if (who.uid === uid) return { class: 'owner', granted: (mode >> 6) & 7 };
  if (acl !== undefined && acl.length > 0 && (mode & 0o070) !== 0) {
    const { by, grants } = evaluateAcl(acl, inode, { uid: who.uid, groups: new Set([who.gid, ...who.groups]) }, want);
    return { class: 'acl', entry: by, granted: grants };
  }
  if (who.gid === gid || who.groups.includes(gid)) return { class: 'group', entry: `group ${gid}`, granted: (mode >> 3) & 7 };
  return { class: 'other', granted: mode & 7 };
}

const LETTER: Readonly<Record<FileType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
  socket: 's',
};

/** `drwxr-xr-x`, as ls -l shows it. */
export function modeText({ type, mode, acl }: Inode): string {
  const triple = (shift: number, special: boolean, letter: string): string => {
    const bits = mode >> shift;
    const x = (bits & 1) !== 0;
    const last = special ? (x ? letter : letter.toUpperCase()) : x ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  const bits =
    triple(6, (mode & 0o4000) !== 0, 's') + triple(3, (mode & 0o2000) !== 0, 's') + triple(0, (mode & 0o1000) !== 0, 't');
  return `${LETTER[type]}${bits}${acl !== undefined && acl.length > 0 ? '+' : ''}`;
}

export const letters = (bits: number): string => `${bits & 4 ? 'r' : ''}${bits & 2 ? 'w' : ''}${bits & 1 ? 'x' : ''}`;
export const rwx = (bits: number): string => `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;

/** `user:1000:r-x`, names where the image has them. */
export function aclText({ tag, id, perm }: AclEntry, names: Names): string {
  if (tag === 'user') return `user:${names.user(id ?? -1) ?? id}:${rwx(perm)}`;
  if (tag === 'group') return `group:${names.group(id ?? -1) ?? id}:${rwx(perm)}`;
  return `${tag === 'user-obj' ? 'user' : tag === 'group-obj' ? 'group' : tag}::${rwx(perm)}`;
}
