/** The vocabulary of results. */
import type { Decision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';

export type Severity = 'error' | 'warning' | 'info';
/** How sure we are that it will happen. */
export type Confidence = 'high' | 'medium' | 'low';

/** observed: a run showed it; derived: follows from image bytes and rules; assumed: neither. */
export interface Evidence {
  readonly kind: 'observed' | 'derived' | 'assumed';
  readonly text: string;
  readonly syscall?: string;
  readonly program?: string;
  readonly pid?: number;
  /** Times the same thing was seen. */
  readonly count?: number;
}

export interface FindingWhere {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Path inside the container. */
  readonly path?: string;
  /** Index of the image layer that made it so. */
  readonly layer?: number;
  readonly layerDigest?: string;
}

/** comment, annotation: beside what it is about; file: the list in `.unroot.yaml`; baseline: it was known when that was written. */
export type SuppressedBy = 'comment' | 'annotation' | 'file' | 'baseline';

/** That somebody has decided about a finding: it is still told, and counts no more. */
export interface Suppression {
  readonly by: SuppressedBy;
  readonly reason: string;
  /** The last day it holds, `2027-01-31`. */
  readonly until?: string;
  /** Where the decision was written. */
  readonly where?: FindingWhere;
}

export interface Finding {
  /** The check's id: file name, doc page, link. */
  readonly id: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly message: string;
  /** The object of a manifest: `Deployment/web`. */
  readonly object?: string;
  readonly container?: string;
  /** Upstream's own name for what failed, where the check is somebody else's rule: Pod Security's `runAsNonRoot`. */
  readonly control?: string;
  readonly where: FindingWhere;
  readonly evidence: readonly Evidence[];
  /** The operation that will be denied, when there is one: what fixes read. */
  readonly operation?: Operation;
  readonly decision?: Decision;
  /** Somebody has decided to live with it. */
  readonly suppressed?: Suppression;
}

/** Something about the user's input, collected while reading goes on. */
export interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  readonly where: FindingWhere;
}
