/** A baseline: the findings that were there when somebody decided to look at new ones only. */
import type { Finding, FindingWhere } from './finding.ts';
import { fingerprint } from './fingerprint.ts';

export interface BaselineEntry {
  readonly fingerprint: string;
  readonly id: string;
  /** How many findings share the fingerprint. */
  readonly count: number;
  /** For people: what was said then, and where. */
  readonly message: string;
  readonly where: FindingWhere;
}

export interface Baseline {
  readonly schemaVersion: 1;
  readonly kind: 'baseline';
  readonly findings: readonly BaselineEntry[];
}

/** Of findings that nobody has decided about otherwise; in an order that does not hang on theirs, so that a new baseline differs little from the old. */
export function baselineOf(findings: readonly Finding[]): Baseline {
  const entries = new Map<string, BaselineEntry>();
  for (const finding of findings) {
    if (finding.suppressed !== undefined && finding.suppressed.by !== 'baseline') continue;
    const key = fingerprint(finding);
    const { id, message, where } = finding;
    const known = entries.get(key);
    entries.set(
      key,
      known === undefined ? { fingerprint: key, id, count: 1, message, where } : { ...known, count: known.count + 1 },
    );
  }
  const sorted = [...entries.values()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  return { schemaVersion: 1, kind: 'baseline', findings: sorted };
}

/** Marks what is in the baseline, each entry as often as it was counted. `gone`: how many findings of the baseline are no more. */
export function applyBaseline<T extends Finding>(
  findings: readonly T[],
  { findings: entries }: Baseline,
  name: string,
): { readonly findings: readonly T[]; readonly gone: number } {
  const left = new Map(entries.map((one) => [one.fingerprint, one.count]));
  const marked = findings.map((finding) => {
    const key = fingerprint(finding);
    const count = left.get(key) ?? 0;
    if (count === 0) return finding;
    left.set(key, count - 1);
    if (finding.suppressed !== undefined) return finding;
    return { ...finding, suppressed: { by: 'baseline', reason: `known in ${name}` } as const };
  });
  return { findings: marked, gone: [...left.values()].reduce((sum, count) => sum + count, 0) };
}
