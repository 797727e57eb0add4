/** Findings as SARIF 2.1.0 (OASIS), for code-scanning pages. Reports without findings become a run without results. */
import type { Diagnostic, Finding, FindingWhere, Severity } from '../../finding/finding.ts';
import type { Report } from '../report.ts';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** One run; rules are the ids that occur; a path inside the image is a logical location, a file of the user a physical one. */
export function renderSarif(report: Report): string {
  const findings = report.kind === 'check' ? report.findings : report.kind === 'fix' ? report.unresolved : [];
  const diagnostics = 'diagnostics' in report ? report.diagnostics : [];
  const ids = [...new Set(findings.map((one) => one.id))];
  const target = 'target' in report ? report.target : '';
  const document = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'unroot', rules: ids.map((id) => ({ id })) } },
        ...(diagnostics.length === 0
          ? {}
          : {
              invocations: [
                {
                  executionSuccessful: diagnostics.every(({ severity }) => severity !== 'error'),
                  toolExecutionNotifications: diagnostics.map(notificationOf),
                },
              ],
            }),
        results: findings.map((finding) => ({
          ruleId: finding.id,
          ruleIndex: ids.indexOf(finding.id),
          level: LEVEL[finding.severity],
          message: { text: finding.message },
          locations: [locationOf(finding, target)],
          partialFingerprints: {
            'unroot/v1': [finding.id, finding.container ?? '', finding.where.path ?? fingerprintIn(finding)].join('|'),
          },
        })),
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** In a file of the user: what it is about rather than the line, which moves with every edit. */
const fingerprintIn = ({ object, where, message, evidence }: Finding): string =>
  object === undefined ? message : [where.file, object, evidence[0]?.text].join('|');

/** What is wrong with the user's files themselves, as SARIF tells it: about the run, not about what was looked for. */
const notificationOf = ({ severity, message, where }: Diagnostic): object => ({
  level: LEVEL[severity],
  message: { text: message },
  ...(where.file === undefined ? {} : { locations: [{ physicalLocation: physical(where, where.file) }] }),
});

function physical(where: FindingWhere, uri: string): object {
  const column = where.column === undefined ? {} : { startColumn: where.column };
  return {
    artifactLocation: { uri: encodeURI(uri) },
    ...(where.line === undefined ? {} : { region: { startLine: where.line, ...column } }),
  };
}

function locationOf({ where, container }: Finding, target: string): object {
  const inside =
    where.path === undefined ? [] : [{ fullyQualifiedName: `${container ?? target}:${where.path}`, kind: 'resource' }];
  return {
    physicalLocation: physical(where, where.file ?? target),
    ...(inside.length > 0 ? { logicalLocations: inside } : {}),
  };
}
