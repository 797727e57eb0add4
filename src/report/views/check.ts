/** The page of `unroot check`: what will not work as that user. */
import type { Evidence, Severity } from '../../finding/finding.ts';
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { CheckReport, ReportedFinding } from '../report.ts';
import { diagnosticList } from './diagnostics.ts';
import { labAnchor, labList } from './labs.ts';
import { suppressedList } from './suppressed.ts';

/** Findings with their evidence, worst first, and what nobody has seen. */
export function viewCheck(report: CheckReport, verbose: boolean): readonly Block[] {
  const counted = report.findings.filter(({ suppressed }) => suppressed === undefined);
  const count = counted.length;
  // What is only for information hides nothing.
  const unread = report.diagnostics.some(({ severity }) => severity !== 'info');
  const how = report.traced
    ? 'seen in a run and replayed'
    : report.user === 'as written' || report.findings.some(({ where }) => where.file !== undefined)
      ? 'nothing was run'
      : 'from the image alone';
  const head: Line = [
    strong(report.target),
    ...(report.user === 'as written' ? [' as written'] : [' as ', strong(report.user)]),
    ` on ${report.platform}: `,
    count > 0 ? summary(counted) : unread ? unknown('no findings, but not everything could be looked at') : good('no findings'),
    dim(`, ${how}`),
  ];
  const blocks: Block[] = [{ kind: 'heading', line: head }];
  if (count > 0) blocks.push(findingList(counted, verbose));
  blocks.push(...suppressedList(report.findings, verbose));
  if (report.diagnostics.length > 0) blocks.push(diagnosticList(report.diagnostics));
  if (report.unknown.length > 0) blocks.push(unknownList(report.unknown));
  blocks.push(...labList(counted, verbose));
  return blocks;
}

type Shown = ReportedFinding & { readonly reason?: string };

/** Findings as a list, for check and for what fix could not resolve. Those of one cause stand together, unless everything is asked for. */
export function findingList(findings: readonly Shown[], verbose: boolean): Block {
  const order: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };
  const sorted = [...findings].sort((a, b) => order[a.severity] - order[b.severity]);
  const groups = new Map<string, Shown[]>();
  for (const [index, one] of sorted.entries()) {
    const key = verbose ? String(index) : causeOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return { kind: 'list', items: [...groups.values()].map(([first, ...more]) => item(first!, more, verbose)) };
}

/** The same rule, asked of the same thing: five directories made in one place are one cause. */
function causeOf(one: Shown): string {
  const at = one.decision?.deniedAt;
  const place =
    one.id === 'ownership-change' || one.id === 'identity-change' ? (one.evidence[0]?.program ?? '') : (at?.path ?? one.message);
  return JSON.stringify([one.id, one.severity, place, one.reason, one.object, one.object && one.container]);
}

function item(one: Shown, more: readonly Shown[], verbose: boolean): { readonly line: Line; readonly sub: readonly Line[] } {
  return {
    line: [
      severity(one.severity),
      ' ',
      one.message,
      idSpan(one),
      ...(one.confidence === 'high' ? [] : [unknown(` ${one.confidence} confidence`)]),
    ],
    sub: [
      ...(one.where.file === undefined ? [] : [placeLine(one)]),
      ...(more.length === 0 ? [] : [[`and ${more.length} more like it: `, ...listed(more)]]),
      ...one.evidence.slice(0, verbose ? undefined : 1).map(evidenceLine),
      ...(verbose
        ? (one.decision?.steps ?? []).map(
            (step): Line => [
              step.ok ? dim('may: ') : bad('no:  '),
              step.text,
              dim(step.source === undefined ? '' : ` (${step.source})`),
            ],
          )
        : []),
      ...(one.reason === undefined ? [] : [[unknown('left: '), one.reason]]),
      ...(one.fixes.length > 0 ? [[good('fix: '), one.fixes.join(', ')]] : []),
    ],
  };
}

/** The check's name; it leads to the lab that explains it. */
export const idSpan = ({ id, lab }: ReportedFinding): Span => ({
  ...{ text: ` [${id}]`, tone: 'dim' },
  ...(lab === undefined ? {} : { to: labAnchor(lab.id) }),
});

/** `web.yaml:12:9, Deployment/web, container nginx`. */
function placeLine({ where, object, container }: Shown): Line {
  const at = [where.file === '-' ? 'standard input' : where.file, where.line, where.column].filter((part) => part !== undefined);
  const parts = [at.join(':'), object, container === undefined ? undefined : `container ${container}`];
  return [dim('at: '), parts.filter((part) => part !== undefined).join(', ')];
}

/** What the others are about: their paths, else the calls. */
function listed(more: readonly Shown[]): Line {
  const names = [...new Set(more.map((one) => one.where.path ?? one.evidence[0]?.syscall ?? one.id))];
  return [names.slice(0, 4).join(', '), ...(names.length > 4 ? [dim(` … (-v shows all)`)] : [])];
}

/** What was not looked at. */
export const unknownList = (texts: readonly string[]): Block => ({
  kind: 'list',
  items: texts.map((text) => ({ line: [unknown('note'), ` ${text}`] })),
});

function summary(findings: readonly ReportedFinding[]): Span {
  const count = (wanted: Severity): number => findings.filter((one) => one.severity === wanted).length;
  const parts = [plural(count('error'), 'error'), plural(count('warning'), 'warning'), `${count('info')} info`].filter(
    (part) => !part.startsWith('0 '),
  );
  return count('error') > 0 ? bad(parts.join(', ')) : unknown(parts.join(', '));
}

const severity = (value: Severity): Span =>
  value === 'error' ? bad('error') : value === 'warning' ? unknown('warning') : dim('info');

function evidenceLine(one: Evidence): Line {
  const times = one.count !== undefined && one.count > 1 ? ` (${one.count} times)` : '';
  return [dim(`${one.kind}: `), one.text + times];
}
