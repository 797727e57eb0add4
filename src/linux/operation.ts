/** What a process asks of the kernel, reduced to what decides permission. Paths are absolute, as the process sees them. */

export type Operation =
  | {
      readonly kind: 'open';
      readonly path: string;
      readonly access: 'read' | 'write' | 'read-write' | 'path';
      readonly create?: boolean;
      readonly exclusive?: boolean;
      readonly truncate?: boolean;
      readonly append?: boolean;
      readonly directory?: boolean;
      readonly noFollow?: boolean;
      readonly tmpfile?: boolean;
      /** The mode argument with O_CREAT, before umask. */
      readonly mode?: number;
    }
  | { readonly kind: 'exec'; readonly path: string; readonly argv?: readonly string[] }
  | { readonly kind: 'stat'; readonly path: string; readonly noFollow?: boolean }
  | { readonly kind: 'access'; readonly path: string; readonly want: number }
  | { readonly kind: 'chdir'; readonly path: string }
  | { readonly kind: 'readlink'; readonly path: string }
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'rmdir'; readonly path: string }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'mknod';
      readonly path: string;
      readonly type: 'file' | 'fifo' | 'socket' | 'character-device' | 'block-device';
      readonly mode?: number;
    }
  | { readonly kind: 'chmod'; readonly path: string; readonly mode: number; readonly noFollow?: boolean }
  | { readonly kind: 'chown'; readonly path: string; readonly uid: number; readonly gid: number; readonly noFollow?: boolean }
  | { readonly kind: 'truncate'; readonly path: string }
  | { readonly kind: 'utimes'; readonly path: string; readonly now: boolean; readonly noFollow?: boolean }
  | { readonly kind: 'setxattr'; readonly path: string; readonly name: string }
  /** TCP or UDP bind; `address` as text, port 0 = any. */
  | { readonly kind: 'bind'; readonly protocol: 'tcp' | 'udp'; readonly address: string; readonly port: number }
  | { readonly kind: 'bind-unix'; readonly path: string }
  | { readonly kind: 'connect-unix'; readonly path: string }
  | {
      readonly kind: 'socket';
      readonly type: 'raw' | 'packet' | 'ping' | 'netlink';
      readonly family: 'inet' | 'inet6' | 'packet';
    }
  /** ids in the order of the widest call (setresuid); -1 = leave unchanged. */
  | {
      readonly kind: 'setuid';
      readonly call: 'setuid' | 'seteuid' | 'setreuid' | 'setresuid' | 'setfsuid';
      readonly ids: readonly number[];
    }
  | {
      readonly kind: 'setgid';
      readonly call: 'setgid' | 'setegid' | 'setregid' | 'setresgid' | 'setfsgid';
      readonly ids: readonly number[];
    }
  | { readonly kind: 'setgroups'; readonly groups: readonly number[] }
  | { readonly kind: 'chroot'; readonly path: string }
  | { readonly kind: 'mount'; readonly path: string; readonly call: 'mount' | 'umount' | 'pivot_root' }
  | {
      readonly kind: 'kill';
      readonly pid: number;
      readonly signal: string;
      /** The target's real uid. */
      readonly targetUid?: number;
      /** Where it differs from the real one. */
      readonly targetSavedUid?: number;
      /** Matters to SIGCONT only. */
      readonly sameSession?: boolean;
    }
  | { readonly kind: 'unshare'; readonly flags: readonly string[] }
  | { readonly kind: 'setns' }
  | { readonly kind: 'priority'; readonly call: string; readonly lowers: boolean }
  | { readonly kind: 'rlimit'; readonly resource: string; readonly raises: boolean }
  | { readonly kind: 'sethostname' }
  | { readonly kind: 'settime' }
  | { readonly kind: 'capset' }
  | { readonly kind: 'bounding-drop' }
  | { readonly kind: 'ptrace'; readonly targetUid?: number }
  | { readonly kind: 'setsockopt'; readonly name: string };

export type OperationKind = Operation['kind'];
/** By which a process becomes somebody else. */
export const CHANGES_IDENTITY: ReadonlySet<string> = new Set<OperationKind>(['setuid', 'setgid', 'setgroups']);
export type Errno = string;
