/** The documents the commands hand out: versioned plain JSON. Their shapes are a contract with other programs; schemas/ describes them. */
import type { Explanation } from '../explain/explanation.ts';
import type { Diagnostic } from '../finding/finding.ts';
import type { Fix, Run } from '../finding/fix.ts';
import type { Measured } from '../prove/measured.ts';
import type { Reason } from '../prove/reason.ts';
import type { SmallerRoot } from '../prove/smaller-root.ts';
import type { VerdictName } from '../prove/verdict.ts';
import type { TextEdit } from '../text/edit.ts';
import type { ProjectProveReport } from './project-report.ts';
import type { FixedFile, RunRecord } from './records.ts';
import type { ScanReport } from './scan-report.ts';
import type { InWorkload, ReportedFinding, WhoContainer } from './told.ts';

export type { FixedFile, ProbeRecord, RunRecord } from './records.ts';
export type { InWorkload, ReportedFinding, WhoContainer } from './told.ts';

export const SCHEMA_VERSION = 1;

export interface WhoReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'who';
  readonly containers: readonly WhoContainer[];
  /** What is wrong with the files that were read; absent when there was nothing to say. */
  readonly diagnostics?: readonly Diagnostic[];
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
  /** Of the fixes that answer findings those that change a text: what an editor could offer. */
  readonly fixes?: readonly Fix[];
  readonly diagnostics: readonly Diagnostic[];
  /** What was not looked at, in words: nothing unobserved is reported as safe. */
  readonly unknown: readonly string[];
}

/** One object that holds a pod, as Pod Security sees it. */
export interface PodSecurityObject {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  /** undecodable: the API server refuses it before it asks Pod Security; the diagnostics say why. */
  readonly outcome: 'allowed' | 'violates' | 'exempt' | 'undecodable';
  /** A pod is refused; of a controller the API server warns, and refuses its pods. */
  readonly enforced: boolean;
  readonly exempt?: 'namespace' | 'user' | 'runtimeClass';
  /** The whole sentence of the API server. */
  readonly message?: string;
  /** Which of the report's findings are about it: places in their list, from 0. */
  readonly findings: readonly number[];
}

/** `check --pod-security`: manifests under a level of Pod Security. */
export interface PodSecurityReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'check';
  readonly target: string;
  readonly podSecurity: {
    /** `restricted:v1.34`. */
    readonly policy: string;
    /** The version whose rules were asked, where the policy names none or a newer one than is known: `v1.37`. */
    readonly rulesOf: string;
    readonly objects: readonly PodSecurityObject[];
  };
  readonly findings: readonly ReportedFinding[];
  readonly diagnostics: readonly Diagnostic[];
  readonly unknown: readonly string[];
}

export interface FixReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'fix';
  readonly target: string;
  readonly platform: string;
  readonly user: string;
  readonly fixes: readonly Fix[];
  /** Findings that nothing here answers, each with the reason. */
  readonly unresolved: readonly (ReportedFinding & { readonly reason: string })[];
  readonly run: Run;
  readonly verdict?: VerdictName;
  /** Evidence behind the verdict. */
  readonly proof?: ProveReport;
  /** What was written, with `--out`: the folder, its files, and the bytes the added layer takes. */
  readonly written?: { readonly directory: string; readonly files: readonly string[] };
  readonly addedBytes?: number;
  /** What it cost, in numbers; absent when nothing was run. Times differ from run to run. */
  readonly measured?: Measured;
  /** Only when the run showed that the program's work needs root; the verdict stays failed or inconclusive. */
  readonly outcome?: 'needs-root';
  /** Root with as little as it takes, for the image as it is; with `outcome`. */
  readonly smallerRoot?: SmallerRoot;
  /** The derived image as a Dockerfile: the change as a person would write it. */
  readonly dockerfile?: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly unknown: readonly string[];
}

/** With the place where it begins, from 1. */
export interface PlacedEdit extends TextEdit {
  readonly line: number;
  readonly column: number;
}

export interface TextFix extends Fix {
  /** `Deployment/web`. */
  readonly object: string;
  readonly edits: readonly PlacedEdit[];
}

/** What becomes of a container. left: it stays as it is, and the findings say why. unknown: its image is not here. */
export interface FixedContainer {
  readonly object: string;
  readonly container: string;
  readonly image?: string;
  readonly outcome: 'changed' | 'as wanted' | 'left' | 'unknown';
  /** Whom it runs as afterwards, where that is written. */
  readonly user?: string;
  readonly message?: string;
  /** With `--prove`. */
  readonly verdict?: VerdictName;
  /** The image it needs: the folder of its OCI layout. */
  readonly layout?: string;
}

/** The document of `fix` on manifests: what changes in which file, and what no change of a manifest can settle. */
export interface TextFixReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'fix';
  readonly target: string;
  readonly platform: string;
  readonly user: string;
  readonly containers: readonly FixedContainer[];
  readonly fixes: readonly TextFix[];
  readonly files: readonly FixedFile[];
  /** With `--prove`: of compose projects, whose services were run together. */
  readonly proofs?: readonly ProjectProveReport[];
  /** Whether the files were changed. */
  readonly wrote: boolean;
  /** The same as patches, with `--patch`. */
  readonly patches?: readonly { readonly path: string; readonly text: string }[];
  readonly unresolved: readonly (ReportedFinding & { readonly reason: string })[];
  readonly diagnostics: readonly Diagnostic[];
  readonly unknown: readonly string[];
}

export interface ProveReport {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'prove';
  readonly target: string;
  readonly platform: string;
  readonly engine: string;
  readonly user: string;
  readonly verdict: VerdictName;
  readonly before: RunRecord;
  readonly after: RunRecord;
  /** Ports that the fix moved inside the container. */
  readonly moved: readonly { readonly from: number; readonly to: number }[];
  readonly rounds: number;
  readonly reasons: readonly Reason[];
  /** What the engine or the tracer could not do or see. */
  readonly unknown: readonly string[];
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

/** Why one process may do one thing, or may not. */
export interface ExplainReport extends Explanation {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: 'explain';
  readonly target: string;
  /** Of a manifest: where the container was written. */
  readonly workload?: InWorkload;
  readonly container: string;
  readonly platform: string;
}

export type { ProjectProveReport } from './project-report.ts';

export type Report =
  | ScanReport
  | WhoReport
  | CheckReport
  | PodSecurityReport
  | FixReport
  | TextFixReport
  | ProveReport
  | ProjectProveReport
  | TraceReport
  | ExplainReport;
