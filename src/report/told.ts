/** What several documents tell: a container as `who` sees it, a finding with the fixes that answer it. */
import type { Finding } from '../finding/finding.ts';
import type { Derivation } from '../launch/launch.ts';
import type { CapabilityState } from '../linux/capability.ts';
import type { ContainerRole } from '../workload/workload.ts';

/** The object of a manifest that a container was written in. */
export interface InWorkload {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly role: ContainerRole;
  readonly file: string;
  /** Of the container's own mapping. */
  readonly line: number;
  readonly column: number;
}

/** One container as `who` sees it. Fields from `uid` on are there when it starts; of an unknown one those that are sure. */
export interface WhoContainer {
  readonly name: string;
  readonly workload?: InWorkload;
  readonly image: string;
  readonly platform: string;
  readonly outcome: 'starts' | 'refused' | 'unknown';
  /** The words of whoever refuses, or why it is unknown. */
  readonly message?: string;
  /** The kubelet's waiting reason, or the runtime's phase. */
  readonly reason?: string;
  readonly refusedBy?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly userName?: string;
  readonly hostUid?: number;
  readonly home?: string;
  readonly isRoot?: boolean;
  readonly noNewPrivileges?: boolean;
  readonly capabilities?: CapabilityState;
  readonly argv?: readonly string[];
  readonly cwd?: string;
  readonly because: readonly Derivation[];
}

/** A lab of the workshop, `unroot lab start 15`. */
export interface ExplainingLab {
  readonly id: string;
  readonly title: string;
}

/** A finding together with the ids of the fixes that answer it. */
export interface ReportedFinding extends Finding {
  readonly fixes: readonly string[];
  /** Where it can be lived through, if there is such a lab. */
  readonly lab?: ExplainingLab;
}
