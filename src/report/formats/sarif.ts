/** Findings as SARIF 2.1.0 (OASIS), for code-scanning pages. Of `who` the results are what does not start and what runs as root; prove, trace and explain find nothing. */
import type { Diagnostic, Finding, FindingWhere, Severity, Suppression } from '../../finding/finding.ts';
import { fingerprint } from '../../finding/fingerprint.ts';
import { suppressedText } from '../../finding/suppressed-text.ts';
import type { Report, ReportedFinding } from '../report.ts';
import { sarifFixes } from './sarif-fixes.ts';
import { sarifRule } from './sarif-rules.ts';
import { uriOf } from './uri.ts';
import { foundInContainer } from './who-findings.ts';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** One run; rules are the ids that occur; a path inside the image is a logical location, a file of the user a physical one. */
export function renderSarif(report: Report): string {
  const findings = findingsOf(report);
  const diagnostics = 'diagnostics' in report ? (report.diagnostics ?? []) : [];
  const ids = [...new Set(findings.map((one) => one.id))];
  const target = 'target' in report ? report.target : '';
  const images = new Map(report.kind === 'who' ? report.containers.map(({ name, image }) => [name, image]) : []);
  const fixes = 'fixes' in report ? (report.fixes ?? []) : [];
  const document = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'unroot', rules: ids.map((id) => sarifRule(id, labOf(findings, id))) } },
        // Columns are those of editors and of JavaScript.
        columnKind: 'utf16CodeUnits',
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
        results: findings.map((finding) => {
          const offered = sarifFixes(finding, fixes);
          return {
            ruleId: finding.id,
            ruleIndex: ids.indexOf(finding.id),
            level: LEVEL[finding.severity],
            message: { text: finding.message },
            locations: [locationOf(finding, images.get(finding.container ?? '') ?? target)],
            partialFingerprints: { 'unroot/v1': fingerprint(finding) },
            ...(finding.suppressed === undefined ? {} : { suppressions: [suppressionOf(finding.suppressed)] }),
            ...(offered.length === 0 ? {} : { fixes: offered }),
          };
        }),
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const labOf = (findings: readonly (Finding & Pick<ReportedFinding, 'lab'>)[], id: string): ReportedFinding['lab'] =>
  findings.find((one) => one.id === id)?.lab;

function findingsOf(report: Report): readonly Finding[] {
  switch (report.kind) {
    case 'check':
    case 'scan':
      return report.findings;
    case 'fix':
      return report.unresolved;
    case 'who':
      return report.containers.flatMap(foundInContainer);
    default:
      return [];
  }
}

/** Beside what it is about, or elsewhere (3.35.2). */
function suppressionOf(suppression: Suppression): object {
  const { by, where } = suppression;
  return {
    kind: by === 'comment' || by === 'annotation' ? 'inSource' : 'external',
    status: 'accepted',
    justification: suppressedText(suppression),
    ...(where?.file === undefined ? {} : { location: { physicalLocation: physical(where, where.file) } }),
  };
}

/** What is wrong with the user's files themselves, as SARIF tells it: about the run, not about what was looked for. */
const notificationOf = ({ severity, message, where }: Diagnostic): object => ({
  level: LEVEL[severity],
  message: { text: message },
  ...(where.file === undefined ? {} : { locations: [{ physicalLocation: physical(where, where.file) }] }),
});

function physical(where: FindingWhere, uri: string): object {
  const column = where.column === undefined ? {} : { startColumn: where.column };
  return {
    artifactLocation: { uri: uriOf(uri) },
    ...(where.line === undefined ? {} : { region: { startLine: where.line, ...column } }),
  };
}

function locationOf({ where, container, object }: Finding, target: string): object {
  const inside = [
    ...(where.path === undefined ? [] : [{ fullyQualifiedName: `${container ?? target}:${where.path}`, kind: 'resource' }]),
    ...(object === undefined ? [] : [{ fullyQualifiedName: object, kind: 'object' }]),
  ];
  return {
    physicalLocation: physical(where, where.file ?? target),
    ...(inside.length > 0 ? { logicalLocations: inside } : {}),
  };
}
