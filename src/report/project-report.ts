/** The document of `prove` on a compose project: every service before and after, among the others. */
import type { PublishedAnswer } from '../engine/published.ts';
import type { Reason } from '../prove/reason.ts';
import type { VerdictName } from '../prove/verdict.ts';
import type { FixedFile, RunRecord } from './records.ts';

/** One side, with what only shows among others. */
export interface ServiceRecord extends RunRecord {
  /** `db:5432`: what it was connected to. */
  readonly talksTo: readonly string[];
  /** How often it was started again. */
  readonly restarts: number;
  /** Published ports, asked from this machine. */
  readonly published: readonly PublishedAnswer[];
}

export interface ServiceProveReport {
  readonly name: string;
  readonly image?: string;
  readonly verdict: VerdictName;
  /** Whom it runs as afterwards. */
  readonly user: string;
  readonly before: ServiceRecord;
  readonly after: ServiceRecord;
  /** Ports that the fix moved inside the container. */
  readonly moved: readonly { readonly from: number; readonly to: number }[];
  readonly rounds: number;
  readonly reasons: readonly Reason[];
}

export interface ProjectProveReport {
  readonly schemaVersion: 1;
  readonly kind: 'prove';
  readonly target: string;
  readonly project: string;
  readonly platform: string;
  readonly engine: string;
  readonly verdict: VerdictName;
  readonly services: readonly ServiceProveReport[];
  /** What is about none of the services alone. */
  readonly reasons: readonly Reason[];
  /** What was changed for the second run. Images that have to change have a name in it that exists nowhere else. */
  readonly files: readonly FixedFile[];
  readonly unknown: readonly string[];
}
