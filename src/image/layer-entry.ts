/** What a derived image changes in the file system. The shape of a fix's layer changes, so that fixes need no translation. */
import type { Capability } from '../linux/capability.ts';

/** Paths are absolute. Symlinks among the parents are resolved inside the image; the last component is meant as it is. */
export type LayerEntry =
  /** Same content, other owner or mode. A file's content is copied into the layer; extended attributes are kept. */
  | {
      readonly kind: 'own';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      /** Leave out security.capability. */
      readonly dropCapabilities?: boolean;
      /** What security.capability says from then on, with the effective bit; an empty list leaves it out. */
      readonly capabilities?: readonly Capability[];
    }
  /** Made when missing; owner and mode are set when it is there. */
  | { readonly kind: 'directory'; readonly path: string; readonly uid: number; readonly gid: number; readonly mode: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      readonly content: string | Uint8Array;
    }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string; readonly uid: number; readonly gid: number }
  /** A whiteout. */
  | { readonly kind: 'remove'; readonly path: string };

/** What a derived image changes in its config; absent = as in the base. */
export interface ConfigChange {
  /** `uid` or `uid:gid`: numbers, so that runAsNonRoot can be checked without the image. */
  readonly user?: string;
  /** Set or replaced. */
  readonly env?: Readonly<Record<string, string>>;
  readonly removeEnv?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly workingDir?: string;
  /** The words of the HEALTHCHECK; how often it is asked stays. */
  readonly healthcheck?: readonly string[];
  /** The whole list, `8080/tcp`. */
  readonly exposedPorts?: readonly string[];
  /** The whole list. */
  readonly volumes?: readonly string[];
  /** Set or replaced. */
  readonly labels?: Readonly<Record<string, string>>;
}
