/** The document of `scan`: what a cluster runs, as whom, who owns it, and what is found about it. */
import type { Diagnostic } from '../finding/finding.ts';
import type { Level } from '../pod-security/level.ts';
import type { ReportedFinding, WhoContainer } from './told.ts';

/** An identity that the kubelet reports (status.containerStatuses[].user.linux), and of how many pods. */
export interface RunningAs {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly pods: number;
}

export interface ScanContainer extends WhoContainer {
  /** Absent where no kubelet reports it. */
  readonly running?: readonly RunningAs[];
}

/** What is at the top of a chain of owners, as far as it may be seen. */
export interface ScanWorkload {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** As a target: `k8s://context/namespace/kind/name`. */
  readonly target: string;
  /** Whoever owns it in turn and could not be seen, or is of a kind of somebody's own: `Rollout/web`. */
  readonly owner?: string;
  /** That are there now. */
  readonly pods: number;
  /** The strictest level of Pod Security that its template passes; absent when it cannot be decoded. */
  readonly passes?: Level;
  readonly containers: readonly ScanContainer[];
  /** Places in the list of findings, from 0. */
  readonly findings: readonly number[];
}

export interface ScanNamespace {
  readonly name: string;
  /** `restricted:v1.34`, by its labels; absent when the namespace itself could not be seen. */
  readonly podSecurity?: { readonly enforce: string; readonly audit: string; readonly warn: string };
}

export interface ScanReport {
  readonly schemaVersion: 1;
  readonly kind: 'scan';
  /** `context kind-dev, namespace shop`. */
  readonly target: string;
  readonly context: string;
  readonly server: string;
  readonly platform: string;
  readonly user: string;
  readonly namespaces: readonly ScanNamespace[];
  readonly workloads: readonly ScanWorkload[];
  readonly findings: readonly ReportedFinding[];
  readonly diagnostics: readonly Diagnostic[];
  /** What could not be seen or was not looked at, in words. */
  readonly unknown: readonly string[];
}
