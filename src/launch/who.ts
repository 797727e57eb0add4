/** One container of `unroot who -o json`: who it runs as and why, or who refuses to start it. Other programs rely on this shape. */
import type { CapabilityState } from '../linux/capability.ts';
import type { Derivation, Launch, Refusal } from './launch.ts';

export interface WhoStarts {
  readonly name: string;
  readonly image: string;
  readonly outcome: 'starts';
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly userName?: string;
  readonly hostUid: number;
  readonly home: string;
  /** Effective uid 0 inside the container once the entrypoint runs, a set-uid entrypoint included. */
  readonly isRoot: boolean;
  readonly noNewPrivileges: boolean;
  readonly capabilities: CapabilityState;
  readonly because: readonly Derivation[];
}

export interface WhoRefused {
  readonly name: string;
  readonly image: string;
  readonly outcome: 'refused';
  readonly message: string;
  readonly reason: string;
  readonly because: readonly Derivation[];
}

/** The image could not be read: the container is listed, and why, with what is sure all the same. */
export interface WhoUnknown {
  readonly name: string;
  readonly image: string;
  readonly outcome: 'unknown';
  readonly message: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly hostUid?: number;
  readonly isRoot?: boolean;
  readonly noNewPrivileges?: boolean;
  readonly because: readonly Derivation[];
}

export type Who = WhoStarts | WhoRefused | WhoUnknown;

export function whoOf(outcome: Launch | Refusal): WhoStarts | WhoRefused {
  const { name, image, because } = outcome;
  if (outcome.kind === 'refusal')
    return { name, image, outcome: 'refused', message: outcome.message, reason: outcome.reason, because };
  const { uid, gid, groups, userName, hostUid, home, noNewPrivileges, capabilities } = outcome;
  const isRoot = (outcome.effectiveUid ?? uid) === 0;
  const named = userName === undefined ? {} : { userName };
  return {
    name,
    image,
    outcome: 'starts',
    uid,
    gid,
    groups,
    ...named,
    hostUid,
    home,
    isRoot,
    noNewPrivileges,
    capabilities,
    because,
  };
}
