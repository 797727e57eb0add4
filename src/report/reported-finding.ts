/** From results to the documents that are handed out. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { findingKey } from '../fixes/need.ts';
import type { ReportedFinding } from './report.ts';

/** Findings with the ids of the fixes that answer them. */
export const reported = (findings: readonly Finding[], fixes: readonly Fix[]): ReportedFinding[] =>
  findings.map((finding) => {
    const key = findingKey(finding);
    return { ...finding, fixes: [...new Set(fixes.filter((fix) => fix.answers.includes(key)).map((fix) => fix.id))] };
  });
