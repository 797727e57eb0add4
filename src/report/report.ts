/** The documents the commands hand out: versioned plain JSON. Their shapes are a contract with other programs; schemas/ describes them. */
import type { Diagnostic, Finding } from '../finding/finding.ts';
import type { Fix, Run } from '../finding/fix.ts';
import type { Derivation } from '../launch/launch.ts';
import type { CapabilityState } from '../linux/capability.ts';

export const SCHEMA_VERSION = 1;

/** One container as `who` sees it. Fields from `uid` on are there when it starts. */
export interface WhoContainer {
  readonly name: string;
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

export interface WhoReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'who';
  readonly containers: readonly WhoContainer[];
}

/** A finding together with the ids of the fixes that answer it. */
export interface ReportedFinding extends Finding {
  readonly fixes: readonly string[];
}

export interface CheckReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'check';
  readonly target: string;
  readonly platform: string;
  /** Whom it was checked for: `10001:10001`. */
  readonly user: string;
  /** Whether the image was run to see what it does. */
  readonly traced: boolean;
  readonly findings: readonly ReportedFinding[];
  readonly diagnostics: readonly Diagnostic[];
  /** What was not looked at, in words: nothing unobserved is reported as safe. */
  readonly unknown: readonly string[];
}

export interface FixReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'fix';
  readonly target: string;
  readonly platform: string;
  readonly user: string;
  readonly fixes: readonly Fix[];
  readonly unresolved: readonly ReportedFinding[];
  readonly run: Run;
  readonly verdict?: Verdict;
  /** Evidence behind the verdict. */
  readonly proof?: ProveReport;
  /** What was written, with `--out`: the folder, its files, and the bytes the added layer takes. */
  readonly written?: { readonly directory: string; readonly files: readonly string[] };
  readonly addedBytes?: number;
  readonly diagnostics: readonly Diagnostic[];
  readonly unknown: readonly string[];
}

export type Verdict = 'proved' | 'failed' | 'inconclusive';

/** One question put to a running container, and the answer. */
export interface ProbeResult {
  /** `tcp`, `http`, `healthcheck`, `exit`. */
  readonly kind: string;
  /** `:80`, `GET :80/`. */
  readonly subject: string;
  readonly ok: boolean;
  readonly answer: string;
}

/** One side of a proof: what was started and what was seen. */
export interface RunRecord {
  readonly user: string;
  readonly engine: string;
  readonly outcome: 'running' | 'exited' | 'refused' | 'timed-out';
  readonly exitCode?: number;
  readonly message?: string;
  readonly ports: readonly number[];
  readonly probes: readonly ProbeResult[];
  readonly processes: readonly {
    readonly command: string;
    readonly uid: number;
    readonly gid: number;
    readonly hostUid?: number;
  }[];
  /** Lines of the log that look like errors. */
  readonly errors: readonly string[];
  /** Operations the kernel denied. */
  readonly denials: readonly string[];
}

export interface ProveReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'prove';
  readonly target: string;
  readonly platform: string;
  readonly user: string;
  readonly verdict: Verdict;
  readonly before: RunRecord;
  readonly after: RunRecord;
  readonly rounds: number;
  readonly reasons: readonly string[];
}

/** What one run did that needs an identity. */
export interface TraceReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'trace';
  readonly target: string;
  readonly engine: string;
  readonly tracer: string;
  readonly events: readonly {
    readonly program: string;
    readonly pid: number;
    readonly uid: number;
    readonly syscall: string;
    readonly what: string;
    readonly errno?: string;
    readonly count: number;
  }[];
  readonly unknown: readonly string[];
}

export type Report = WhoReport | CheckReport | FixReport | ProveReport | TraceReport;
