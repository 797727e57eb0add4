/** What the kernel knows of a file when it decides access. */
import type { FileCapabilities } from './capability.ts';

export type FileType = 'file' | 'directory' | 'symlink' | 'character-device' | 'block-device' | 'fifo' | 'socket';

/** One entry of a POSIX ACL (acl(5)); `perm` is rwx as 4, 2, 1; `id` only for named users and groups. */
export interface AclEntry {
  readonly tag: 'user-obj' | 'user' | 'group-obj' | 'group' | 'mask' | 'other';
  readonly id?: number;
  readonly perm: number;
}

/** `mode` holds the 12 permission bits (07777), never the type bits. */
export interface Inode {
  readonly type: FileType;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly acl?: readonly AclEntry[];
  readonly defaultAcl?: readonly AclEntry[];
  readonly fileCapabilities?: FileCapabilities;
  /** A setting below /proc/sys: no capability passes over its bits, except CAP_NET_ADMIN in those of the network. */
  readonly sysctl?: 'kernel' | 'net';
  /**
   * Ids that the process's user namespace has no number for: they show as the overflow id (65534), belong to nobody in it, and its
   * capabilities do not reach the file (user_namespaces(7)).
   */
  readonly unmapped?: { readonly uid: boolean; readonly gid: boolean };
}
