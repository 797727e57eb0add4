/** The kernel's answer to an operation, with the way it was reached. */
import type { Capability } from './capability.ts';
import type { Errno, Operation } from './operation.ts';

/** The class of permission bits that counts for a process; nothing falls through to the next one. */
export type AccessClass = 'owner' | 'group' | 'other' | 'acl';

/** A step that looked at permission bits, in fields instead of a sentence. */
export interface PermissionFacts {
  readonly class: AccessClass;
  /** The group or ACL entry that counts: `group 101`, `named user 1000`. */
  readonly entry?: string;
  /** `wx`. */
  readonly needed: string;
  /** `r-x`. */
  readonly granted: string;
  /** The capability that let it through although the bits said no. */
  readonly through?: Capability;
}

/** One step a person can follow: a path component searched, a class of permission bits chosen, a capability asked for. */
export interface DecisionStep {
  /** Full sentence, e.g. `/var/cache is 0755 root:root: uid 10001 is "other", r-x, may search`. */
  readonly text: string;
  readonly ok: boolean;
  readonly path?: string;
  /** Source of the rule: man page, kernel file, sysctl. */
  readonly source?: string;
  readonly permission?: PermissionFacts;
}

export interface Decision {
  readonly allowed: boolean;
  /** Kernel errno when not allowed (EACCES, EPERM, EROFS) or when the operation fails for another reason (ENOENT, EEXIST …). */
  readonly errno?: Errno;
  readonly steps: readonly DecisionStep[];
  /** The inode whose bits said no: what a fix has to change. `want` is rwx as 4, 2, 1. */
  readonly deniedAt?: {
    readonly path: string;
    readonly want: number;
    readonly need: 'mode' | 'owner' | 'sticky' | 'read-only' | 'capability' | 'port';
  };
  /** The capability that would have turned the answer. */
  readonly capability?: Capability;
  /** False when the model lacks a fact (an unknown file, an LSM): the answer is a guess and must be reported as unknown. */
  readonly known: boolean;
}

/** The same answer without the way to it, for those who ask a million times. */
export type QuietDecision = Omit<Decision, 'steps'>;

/** A file as the access model sees it: the inode, and for a symlink its target. */
export interface FileNode {
  readonly inode: import('./inode.ts').Inode;
  readonly target?: string;
  /** Flags of the mount it lives on. */
  readonly readOnly?: boolean;
  readonly noExec?: boolean;
  readonly noSuid?: boolean;
  readonly noDev?: boolean;
  /** The mount it lives on, by its mount point or any other name of its own, when known: entries of different mounts cannot be renamed or linked into one another (EXDEV). */
  readonly mount?: string;
  /** The process's own terminal, which it does not have. */
  readonly noTerminal?: true;
  /** A directory of a lower layer of an overlay file system, which cannot be renamed (EXDEV, as long as redirect_dir is off: the default). */
  readonly lower?: true;
  /** Of a mount point, the directory it hides: removing and renaming look at that one. undefined = as the visible one. */
  readonly covered?: import('./inode.ts').Inode;
  /** The program named after `#!`, when the content is known: execve needs it to be executable too. */
  readonly interpreter?: string;
  /** What execve makes of its content; absent = nobody asked, and it is taken for a program. */
  readonly program?: import('./program.ts').Program;
  /** Names of one file (hard links) have the same; undefined = no other name is known. */
  readonly id?: string;
}

/**
 * The file tree the decision is taken on. `lookup` takes an absolute path whose parents are not symlinks and does not follow a final
 * symlink; undefined = no such file; 'unknown' = outside what is modelled (a bind of the host, /proc).
 */
export interface FileTree {
  lookup(path: string): FileNode | 'unknown' | undefined;
  /** Names in a directory, where the tree can tell; decides ENOTEMPTY. */
  list?(path: string): readonly string[] | 'unknown' | undefined;
}

/** Facts about the machine and the network namespace that decide operations. */
export interface KernelFacts {
  /** net.ipv4.ip_unprivileged_port_start of the network namespace. */
  readonly unprivilegedPortStart: number;
  /** net.ipv4.ping_group_range. */
  readonly pingGroupRange: readonly [number, number];
  readonly protectedRegular: number;
  readonly protectedFifos: number;
  readonly protectedHardlinks: number;
  readonly protectedSymlinks: number;
}

/** The shape of the decision function of `linux/access.ts`. */
export type Decide = (
  operation: Operation,
  who: import('./credentials.ts').Credentials,
  tree: FileTree,
  facts: KernelFacts,
) => Decision;
