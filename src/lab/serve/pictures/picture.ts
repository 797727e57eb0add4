/** What the pictures are drawn from: facts of the running node, as plain data. */
import type { CapabilityState, FileCapabilities } from '../../../linux/capability.ts';

/** One process, seen twice: from the node and from its own namespaces. */
export interface SeenProcess {
  /** As the node counts: seen from the host. */
  readonly pid: number;
  /** As its own pid namespace counts. */
  readonly pidInside: number;
  readonly command: string;
  readonly container: boolean;
  /** Its pid namespace: processes of one container have the same. */
  readonly namespace: string;
  /** The first process of its container. */
  readonly first: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly uidInside: number;
  readonly capabilities: CapabilityState;
  readonly noNewPrivileges: boolean;
  readonly seccomp: number;
  /** Whether its user namespace is its own. */
  readonly ownUserNamespace: boolean;
}

export interface SeenSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly uid: number;
  readonly pid?: number;
}

export interface WorldPicture {
  readonly processes: readonly SeenProcess[];
  readonly sockets: readonly SeenSocket[];
  /** Processes that are not listed, because there are too many. */
  readonly more: number;
}

/** One component of a path. */
export interface WalkPart {
  readonly path: string;
  readonly name: string;
  /** `drwxr-xr-x`; none: it is not there. */
  readonly mode?: string;
  readonly bits?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly userName?: string;
  readonly groupName?: string;
  readonly class?: 'owner' | 'group' | 'other' | 'acl';
  /** `wx`: what is asked of it. */
  readonly needed?: string;
  readonly granted?: string;
  /** The capability that let it through although the bits said no. */
  readonly through?: string;
  readonly verdict: 'yes' | 'no' | 'not-reached';
  /** Of a symlink. */
  readonly target?: string;
  readonly readOnly?: boolean;
}

export interface WalkPicture {
  readonly who: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly action: string;
  readonly path: string;
  readonly allowed: boolean;
  readonly known: boolean;
  readonly errno?: string;
  readonly capability?: string;
  readonly parts: readonly WalkPart[];
  /** The sentence that decided. */
  readonly because?: string;
}

/** The five sets of a process, and what they become when it executes a file. */
export interface ExecPicture {
  readonly pid: number;
  readonly command: string;
  readonly uid: number;
  readonly before: CapabilityState;
  readonly noNewPrivileges: boolean;
  readonly file: {
    readonly path: string;
    readonly mode: string;
    readonly uid: number;
    readonly gid: number;
    readonly capabilities?: FileCapabilities;
  };
  readonly after?: { readonly uid: number; readonly capabilities: CapabilityState };
  readonly errno?: string;
  readonly steps: readonly string[];
}

export interface LayerPicture {
  readonly createdBy: string;
  readonly bytes: number;
  readonly files: number;
  /** Bytes that a later layer replaces or deletes. */
  readonly wasted: number;
  /** Who owns what it brings, most bytes first. */
  readonly owners: readonly { readonly uid: number; readonly gid: number; readonly bytes: number; readonly files: number }[];
}

export interface LayersPicture {
  readonly image: string;
  readonly user: string;
  readonly bytes: number;
  readonly wasted: number;
  readonly layers: readonly LayerPicture[];
}
