/** The exit codes. Frozen: scripts branch on them. */
import type { Severity } from '../finding/finding.ts';
import type { VerdictName } from '../prove/verdict.ts';

export const EXIT = {
  ok: 0,
  /** Findings at or above `--fail-on`; a container that would be refused; a proof that could not be decided. */
  findings: 1,
  /** Could not finish: bad usage, unreadable input, engine failure. Outranks findings. */
  failed: 2,
  nothing: 3,
  proofFailed: 4,
  interrupted: 130,
} as const;

export const FAIL_ON = ['none', 'info', 'warning', 'error'] as const;
export type FailOn = (typeof FAIL_ON)[number];

const RANK: Readonly<Record<Severity, number>> = { info: 1, warning: 2, error: 3 };

/** 1 when a finding reaches the threshold that nobody has decided to live with, else 0. */
export function codeForFindings(
  findings: readonly { readonly severity: Severity; readonly suppressed?: unknown }[],
  failOn: FailOn,
): number {
  const least = failOn === 'none' ? Number.POSITIVE_INFINITY : RANK[failOn];
  return findings.some((one) => one.suppressed === undefined && RANK[one.severity] >= least) ? EXIT.findings : EXIT.ok;
}

/** 1 when a container would be refused, which is as bad as an error, unless nothing is to fail. */
export function codeForOutcomes(containers: readonly { readonly outcome: string }[], failOn: FailOn): number {
  return failOn !== 'none' && containers.some(({ outcome }) => outcome === 'refused') ? EXIT.findings : EXIT.ok;
}

/** 4 when the proof failed, 1 when nobody can say, 0 when proved or not asked for. */
export function codeForVerdict(verdict: VerdictName | undefined): number {
  if (verdict === 'failed') return EXIT.proofFailed;
  return verdict === 'inconclusive' ? EXIT.findings : EXIT.ok;
}

/** Of several: the worst. */
export function codeForVerdicts(all: readonly { readonly verdict?: VerdictName }[]): number {
  return Math.max(EXIT.ok, ...all.map(({ verdict }) => codeForVerdict(verdict)));
}
