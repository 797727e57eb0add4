/** Findings with the lab of the workshop that explains them. */
import type { Report } from '../report/report.ts';
import type { ExplainingLab, ReportedFinding } from '../report/told.ts';

/** The report as it is handed out. Labs are looked for only when there is a finding; `UNROOT_LABS` names another folder of them. */
export async function withLabs(report: Report): Promise<Report> {
  const findings = 'findings' in report ? report.findings : 'unresolved' in report ? report.unresolved : [];
  if (findings.length === 0) return report;
  const labs = (await import('../lab/explaining.ts')).labsByCheck(process.env.UNROOT_LABS || undefined);
  if (labs.size === 0) return report;
  if ('findings' in report) return { ...report, findings: report.findings.map((one) => named(one, labs)) };
  return 'unresolved' in report
    ? ({ ...report, unresolved: report.unresolved.map((one) => named(one, labs)) } as typeof report)
    : report;
}

function named<T extends ReportedFinding>(finding: T, labs: ReadonlyMap<string, ExplainingLab>): T {
  const lab = labs.get(finding.id);
  return lab === undefined ? finding : { ...finding, lab };
}
