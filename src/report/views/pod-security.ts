/** The page of `unroot check --pod-security`: each object that holds a pod, what it violates, and where in the file that stands. */
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { PodSecurityObject, PodSecurityReport, ReportedFinding } from '../report.ts';
import { idSpan, unknownList } from './check.ts';
import { labList } from './labs.ts';
import { suppressedList } from './suppressed.ts';

/** Objects with their violations, then what could not be read. With verbose the whole sentence of the API server. */
export function viewPodSecurity(report: PodSecurityReport, verbose: boolean): readonly Block[] {
  const { objects, policy, rulesOf } = report.podSecurity;
  const count = (outcome: PodSecurityObject['outcome']): number => objects.filter((one) => one.outcome === outcome).length;
  const violating = count('violates');
  const undecodable = count('undecodable');
  const head: Line = [
    strong(`Pod Security ${policy}`),
    policy.endsWith(`:${rulesOf}`) ? '' : dim(` (rules of ${rulesOf})`),
    ': ',
    violating > 0
      ? bad(`${violating} of ${plural(objects.length, 'pod')} violate${violating === 1 ? 's' : ''} it`)
      : undecodable > 0 || objects.length === 0
        ? unknown('nothing found in what could be read')
        : good(objects.length === 1 ? '1 pod, allowed' : `${objects.length} pods, all allowed`),
  ];
  const blocks: Block[] = [{ kind: 'heading', line: head }];
  for (const object of objects) {
    if (object.outcome === 'violates') blocks.push(...violations(object, report.findings, verbose));
    else if (verbose || object.outcome !== 'allowed') blocks.push({ kind: 'list', items: [{ line: title(object) }] });
  }
  blocks.push(...suppressedList(report.findings, verbose));
  if (report.diagnostics.length > 0)
    blocks.push({
      kind: 'list',
      items: report.diagnostics.map(({ severity, message, where }) => ({
        line: [
          severity === 'error' ? bad('error') : unknown(severity),
          ` ${message}`,
          where.line === undefined ? '' : dim(` ${place(where)}`),
        ],
      })),
    });
  if (report.unknown.length > 0) blocks.push(unknownList(report.unknown));
  blocks.push(
    ...labList(
      report.findings.filter(({ suppressed }) => suppressed === undefined),
      verbose,
    ),
  );
  return blocks;
}

const WORD: Readonly<Record<PodSecurityObject['outcome'], Span>> = {
  allowed: good('allowed'),
  violates: bad('violates'),
  exempt: unknown('exempt'),
  undecodable: bad('not decodable'),
};

const title = (object: PodSecurityObject): Line => [
  WORD[object.outcome],
  ` ${nameOf(object)}`,
  object.exempt === undefined ? '' : ` by its ${object.exempt === 'runtimeClass' ? 'runtime class' : object.exempt}`,
  dim(` ${place(object)}`),
];

const nameOf = ({ kind, name }: PodSecurityObject): string => (name === '' ? kind : `${kind}/${name}`);

const place = (where: { readonly file?: string; readonly line?: number; readonly column?: number }): string =>
  [where.file, where.line, where.column].filter((part) => part !== undefined).join(':');

/** One item per control: its sentence once, then every place. */
function violations(object: PodSecurityObject, findings: readonly ReportedFinding[], verbose: boolean): readonly Block[] {
  const groups = new Map<string, ReportedFinding[]>();
  for (const index of object.findings) {
    const finding = findings[index];
    if (finding === undefined || finding.suppressed !== undefined) continue;
    groups.set(finding.id, [...(groups.get(finding.id) ?? []), finding]);
  }
  const items = [...groups.values()].map((group) => ({
    line: [group[0]?.message ?? '', ...group.slice(0, 1).map(idSpan)],
    sub: group.map((one): Line => [`${place(one.where)} `, dim(one.evidence[0]?.text ?? '')]),
  }));
  if (items.length === 0) return [{ kind: 'list', items: [{ line: [...title(object), dim(': known, see below')] }] }];
  return [
    { kind: 'paragraph', line: [...title(object), object.enforced ? '' : dim(': it may be made, its pods may not')] },
    { kind: 'list', items },
    ...(verbose && object.message !== undefined ? [{ kind: 'paragraph', line: [dim(object.message)] } as const] : []),
  ];
}
