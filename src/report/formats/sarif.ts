/** Findings as SARIF 2.1.0 (OASIS), for code-scanning pages. Of `who` the results are what does not start and what runs as root; prove, trace and explain find nothing. */
import type { Diagnostic, Finding, FindingWhere, Severity } from '../../finding/finding.ts';
import type { Report, WhoContainer } from '../report.ts';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** One run; rules are the ids that occur; a path inside the image is a logical location, a file of the user a physical one. */
export function renderSarif(report: Report): string {
  const findings = findingsOf(report);
  const diagnostics = 'diagnostics' in report ? report.diagnostics : [];
  const ids = [...new Set(findings.map((one) => one.id))];
  const target = 'target' in report ? report.target : '';
  const images = new Map(report.kind === 'who' ? report.containers.map(({ name, image }) => [name, image]) : []);
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
          locations: [locationOf(finding, images.get(finding.container ?? '') ?? target)],
          partialFingerprints: {
            'unroot/v1': [finding.id, finding.container ?? '', finding.where.path ?? fingerprintIn(finding)].join('|'),
          },
        })),
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function findingsOf(report: Report): readonly Finding[] {
  switch (report.kind) {
    case 'check':
      return report.findings;
    case 'fix':
      return report.unresolved;
    case 'who':
      return report.containers.flatMap(foundIn);
    default:
      return [];
  }
}

/** The rules are those that the other formats know: `start-refused`, `runs-as-root`. */
function foundIn({
  name,
  workload,
  outcome,
  message,
  reason,
  refusedBy,
  isRoot,
  uid,
  because,
}: WhoContainer): readonly Finding[] {
  const found = (id: string, severity: Severity, text: string): readonly Finding[] => [
    {
      id,
      severity,
      confidence: 'high',
      message: workload === undefined ? text : `${workload.kind} ${workload.name}, ${workload.role} ${name}: ${text}`,
      container: name,
      ...(workload === undefined ? {} : { object: [workload.kind, workload.namespace, workload.name].filter(Boolean).join('/') }),
      where: workload === undefined ? {} : { file: workload.file, line: workload.line, column: workload.column },
      evidence: because.map(({ field, value, source }) => ({ kind: 'derived', text: `${field} ${value}: ${source}` })),
    },
  ];
  if (outcome === 'refused') {
    const who = refusedBy === undefined ? 'does not start' : `does not start (${refusedBy}${reason ? `, ${reason}` : ''})`;
    return found('start-refused', 'error', `${who}: ${message ?? reason ?? ''}`);
  }
  if (isRoot !== true) return [];
  return found('runs-as-root', 'warning', uid === 0 ? 'runs as uid 0' : `runs as uid ${uid ?? '?'}, but ends up as root`);
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
