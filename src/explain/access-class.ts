/** Permission bits and ACL entries as people read them, the way ls(1) and getfacl(1) write them. */
import type { AclEntry, FileType, Inode } from '../linux/inode.ts';
import { rwx } from '../linux/permission.ts';
import type { Names } from './names.ts';

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
    return `${rwx(bits).slice(0, 2)}${last}`;
  };
  const bits =
    triple(6, (mode & 0o4000) !== 0, 's') + triple(3, (mode & 0o2000) !== 0, 's') + triple(0, (mode & 0o1000) !== 0, 't');
  return `${LETTER[type]}${bits}${acl !== undefined && acl.length > 0 ? '+' : ''}`;
}

export const letters = (bits: number): string => `${bits & 4 ? 'r' : ''}${bits & 2 ? 'w' : ''}${bits & 1 ? 'x' : ''}`;

/** `user:1000:r-x`, names where the image has them. */
export function aclText({ tag, id, perm }: AclEntry, names: Names): string {
  if (tag === 'user') return `user:${names.user(id ?? -1) ?? id}:${rwx(perm)}`;
  if (tag === 'group') return `group:${names.group(id ?? -1) ?? id}:${rwx(perm)}`;
  return `${tag === 'user-obj' ? 'user' : tag === 'group-obj' ? 'group' : tag}::${rwx(perm)}`;
}
