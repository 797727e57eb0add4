/** Who a process is, as far as the kernel's decisions go. */
import type { CapabilityState } from './capability.ts';

/** `groups` are the supplementary groups as getgroups(2) returns them (may or may not contain `gid`). */
export interface Credentials {
  /** Effective, as file access counts it (credentials(7)). */
  readonly uid: number;
  readonly gid: number;
  /** Real and saved ids, where they differ from the effective ones: after set-user-ID programs and seteuid(2). */
  readonly realUid?: number;
  readonly savedUid?: number;
  readonly realGid?: number;
  readonly savedGid?: number;
  readonly groups: readonly number[];
  readonly capabilities: CapabilityState;
  readonly noNewPrivileges: boolean;
  /** Set for a process in a user namespace other than the machine's first one: the ids it knows. Its own ids are among them. */
  readonly userNamespace?: { readonly uids: readonly IdMapping[]; readonly gids: readonly IdMapping[] };
}

/** Container ids `container`..+size-1 are host ids `host`.. (user_namespaces(7)); no mapping = same ids. */
export interface IdMapping {
  readonly container: number;
  readonly host: number;
  readonly size: number;
}

/** Whether a user namespace has this id. */
export function isMapped(id: number, mappings: readonly IdMapping[]): boolean {
  return mappings.some(({ container, size }) => id >= container && id < container + size);
}
