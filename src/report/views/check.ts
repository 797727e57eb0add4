/** The page of `unroot check`: what will not work as that user. */
import type { Evidence, Severity } from '../../finding/finding.ts';
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { CheckReport, ReportedFinding } from '../report.ts';

/** Findings with their evidence, worst first, and what nobody has seen. */
export function viewCheck(report: CheckReport, verbose: boolean): readonly Block[] {
  const count = report.findings.length;
  const how = report.traced ? 'seen in a run and replayed' : 'from the image alone';
  const head: Line = [
    strong(report.target),
    ' as ',
    strong(report.user),
    ` on ${report.platform}: `,
    count === 0 ? good('no findings') : summary(report.findings),
    dim(`, ${how}`),
  ];
  const blocks: Block[] = [{ kind: 'heading', line: head }];
  if (count > 0) blocks.push(findingList(report.findings, verbose));
  if (report.diagnostics.length > 0)
    blocks.push({
      kind: 'list',
      items: report.diagnostics.map((one) => ({ line: [severity(one.severity), ` ${one.message}`] })),
    });
  if (report.unknown.length > 0) blocks.push(unknownList(report.unknown));
  return blocks;
}

/** Findings as a list, for check and for what fix could not resolve. */
export function findingList(findings: readonly (ReportedFinding & { readonly reason?: string })[], verbose: boolean): Block {
  const order: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };
  const sorted = [...findings].sort((a, b) => order[a.severity] - order[b.severity]);
  return {
    kind: 'list',
    items: sorted.map((one) => ({
      line: [
        severity(one.severity),
        ' ',
        one.message,
        dim(` [${one.id}]`),
        ...(one.confidence === 'high' ? [] : [unknown(` ${one.confidence} confidence`)]),
      ],
      sub: [
        ...one.evidence.slice(0, verbose ? undefined : 2).map(evidenceLine),
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
    })),
  };
}

/** What was not looked at. */
export const unknownList = (texts: readonly string[]): Block => ({
  kind: 'list',
  items: texts.map((text) => ({ line: [unknown('unknown'), ` ${text}`] })),
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
