/** Findings as SARIF 2.1.0 (OASIS), for code-scanning pages. Reports without findings become a run without results. */
import type { Finding, Severity } from '../../finding/finding.ts';
import type { Report } from '../report.ts';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** One run; rules are the ids that occur; a path inside the image is a logical location, a file of the user a physical one. */
export function renderSarif(report: Report): string {
  const findings = report.kind === 'check' ? report.findings : report.kind === 'fix' ? report.unresolved : [];
  const ids = [...new Set(findings.map((one) => one.id))];
  const target = 'target' in report ? report.target : '';
  const document = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'unroot', rules: ids.map((id) => ({ id })) } },
        results: findings.map((finding) => ({
          ruleId: finding.id,
          ruleIndex: ids.indexOf(finding.id),
          level: LEVEL[finding.severity],
          message: { text: finding.message },
          locations: [locationOf(finding, target)],
          partialFingerprints: {
            'unroot/v1': [finding.id, finding.container ?? '', finding.where.path ?? finding.message].join('|'),
          },
        })),
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function locationOf({ where, container }: Finding, target: string): object {
  const inside =
    where.path === undefined ? [] : [{ fullyQualifiedName: `${container ?? target}:${where.path}`, kind: 'resource' }];
  const region =
    where.line === undefined
      ? {}
      : { region: { startLine: where.line, ...(where.column === undefined ? {} : { startColumn: where.column }) } };
  const uri = where.file ?? encodeURI(target);
  return {
    physicalLocation: { artifactLocation: { uri }, ...region },
    ...(inside.length > 0 ? { logicalLocations: inside } : {}),
  };
}
