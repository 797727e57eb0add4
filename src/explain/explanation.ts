/** What an explanation consists of: plain data, the same for every output format. */
import type { Derivation } from '../launch/launch.ts';
import type { Capability, CapabilityState } from '../linux/capability.ts';
import type { AccessClass, Decision, DecisionStep } from '../linux/decision.ts';
import type { FileType } from '../linux/inode.ts';
import type { Errno, Operation } from '../linux/operation.ts';

/** Who asks: the process the kernel decides about. */
export interface Asker {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly userName?: string;
  readonly groupName?: string;
  readonly noNewPrivileges: boolean;
  readonly capabilities: CapabilityState;
}

/** The answer to one operation in short. */
export interface Answer {
  /** `read`, `write`, `list`, `bind` … */
  readonly to: string;
  /** In words: `writes /etc/nginx/nginx.conf`. */
  readonly what: string;
  readonly allowed: boolean;
  readonly errno?: Errno;
  /** False: a fact is missing, nobody can say. */
  readonly known: boolean;
  /** Capabilities without which it would have been denied. */
  readonly through: readonly Capability[];
  /** The sentence that decided. */
  readonly reason?: string;
}

/** The layer that set owner and mode. `index` -1: a parent folder that no layer mentions. */
export interface LayerOrigin {
  readonly index: number;
  readonly digest?: string;
  /** The line of the Dockerfile, as the image's history tells it. */
  readonly createdBy?: string;
}

/** The mount that covers a path. */
export interface MountOrigin {
  readonly target: string;
  readonly type: string;
  readonly source?: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
  readonly origin: 'platform' | 'image' | 'settings';
}

/** One component of a path, as the kernel meets it. */
export interface Component {
  /** Which of the paths in question: the one asked for, the second one of rename and link, the interpreter of a script. */
  readonly part: 'path' | 'to' | 'interpreter';
  /** Absolute, free of symlinks up to this component. */
  readonly path: string;
  readonly type: FileType | 'missing' | 'unknown';
  readonly uid?: number;
  readonly gid?: number;
  readonly userName?: string;
  readonly groupName?: string;
  /** `0755`. */
  readonly mode?: string;
  /** `drwxr-xr-x`, with `+` behind it when there is an ACL. */
  readonly modeText?: string;
  /** In the form of getfacl(1): `user:1000:r-x`. */
  readonly acl?: readonly string[];
  readonly class?: AccessClass;
  /** The group or ACL entry that counts: `group 101`, `named user 1000`. */
  readonly entry?: string;
  /** What the operation asks of it: `x`, `wx`, `owner`, `sticky`; empty = nothing. */
  readonly needed: string;
  /** What the class grants: `r-x`. */
  readonly granted?: string;
  readonly verdict: 'yes' | 'no' | 'unknown' | 'not-reached';
  /** The capability that made up for missing bits. */
  readonly through?: Capability;
  /** Of a symlink, as written. */
  readonly target?: string;
  /** Of a script: what stands behind `#!`. */
  readonly interpreter?: string;
  readonly layer?: LayerOrigin;
  readonly mount?: MountOrigin;
  /** Neither a layer nor a mount: `made by the engine`. */
  readonly madeBy?: string;
}

/** Something that would turn the answer, smallest first. */
export interface Remedy {
  /** The fix's id, or `tmpfs`, `cap-add`, `owner-of-the-process` … */
  readonly id: string;
  readonly title: string;
  readonly disposition: 'safe' | 'needs-review';
  readonly note?: string;
}

/** What an execve would make of the process. */
export interface Becomes {
  readonly uid: number;
  readonly gid: number;
  readonly capabilities: CapabilityState;
  readonly steps: readonly string[];
}

/** Everything there is to say about one operation of one process. */
export interface Explanation {
  /** As it was asked, in full: an absolute path, `:80/tcp`, `setuid 33`. */
  readonly asked: string;
  readonly asker: Asker;
  /** One line each for what was asked; several when only a path was given. */
  readonly answers: readonly Answer[];
  /** The answer that is explained below. */
  readonly decision: Answer & {
    readonly operation: Operation;
    readonly deniedAt?: NonNullable<Decision['deniedAt']>;
    /** The capability that would have turned a denial. */
    readonly capability?: Capability;
  };
  readonly steps: readonly DecisionStep[];
  readonly walk: readonly Component[];
  readonly becomes?: Becomes;
  /** Platform facts the answer rests on. */
  readonly facts: readonly Derivation[];
  readonly remedies: readonly Remedy[];
  /** The same as uid 0 with the platform's default capabilities; absent when that is who asks. */
  readonly asRoot?: Pick<Answer, 'allowed' | 'errno' | 'known' | 'through'>;
  readonly notes: readonly string[];
}
