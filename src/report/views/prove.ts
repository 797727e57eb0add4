/** The page of `unroot prove`: the same questions before and after, side by side. */
import { type Block, bad, dim, good, type Line, type Span, strong, unknown } from '../block.ts';
import type { ProveReport, RunRecord, Verdict } from '../report.ts';

/** Verdict, before/after table, reasons, and the denials and new error lines behind them. */
export function viewProve(report: ProveReport, verbose: boolean): readonly Block[] {
  const { after } = report;
  const evidence = [
    ...after.denials.map((text) => [bad('denied'), ` ${text}`]),
    ...after.errors.map((text) => [dim('log'), ` ${text}`]),
  ];
  return [
    {
      kind: 'heading',
      line: [
        strong(report.target),
        ' as ',
        strong(report.user),
        ': ',
        verdictSpan(report.verdict),
        dim(` (${after.engine}, ${report.platform})`),
      ],
    },
    beforeAfter(report),
    ...(report.reasons.length > 0 ? [{ kind: 'list', items: report.reasons.map((text) => ({ line: [text] })) } as const] : []),
    ...(evidence.length > 0 && (verbose || report.verdict !== 'proved')
      ? [{ kind: 'list', items: evidence.map((line) => ({ line })) } as const]
      : []),
  ];
}

/** The table alone, for fix as well. */
export function beforeAfter({ before, after, rounds }: ProveReport): Block {
  const subjects = [...new Set([...before.probes, ...after.probes].map((probe) => `${probe.kind} ${probe.subject}`))];
  const rows: (readonly Line[])[] = [
    [['runs as'], [identity(before)], [identity(after)]],
    [['outcome'], [outcome(before)], [outcome(after)]],
    [['listens on'], [ports(before)], [ports(after)]],
    ...subjects.map((subject): readonly Line[] => [[subject], [answer(before, subject)], [answer(after, subject)]]),
    [['denied by the kernel'], [tally(before.denials.length)], [tally(after.denials.length)]],
    [['rounds'], [''], [String(rounds)]],
  ];
  return { kind: 'table', head: ['', 'BEFORE', 'AFTER'], rows };
}

export const verdictSpan = (verdict: Verdict): Span =>
  verdict === 'proved' ? good('proved') : verdict === 'failed' ? bad('failed') : unknown('inconclusive');

function identity(run: RunRecord): Span {
  const uids = [...new Set(run.processes.map((one) => one.uid))].sort((a, b) => a - b);
  const text =
    uids.length === 0
      ? run.user
      : `uid ${uids.join(', ')} (${run.processes.length} ${run.processes.length === 1 ? 'process' : 'processes'})`;
  return uids.includes(0) || run.user.startsWith('0') ? bad(text) : good(text);
}

function outcome(run: RunRecord): Span {
  if (run.outcome === 'running') return good('running');
  if (run.outcome === 'exited') return run.exitCode === 0 ? good('exit 0') : bad(`exit ${run.exitCode ?? '?'}`);
  return run.outcome === 'timed-out' ? unknown('timed out') : bad(`refused: ${run.message ?? ''}`);
}

const ports = (run: RunRecord): string => (run.ports.length === 0 ? 'nothing' : run.ports.map((port) => `:${port}`).join(' '));

function answer(run: RunRecord, subject: string): Span {
  const probe = run.probes.find((one) => `${one.kind} ${one.subject}` === subject);
  if (probe === undefined) return unknown('not asked');
  return probe.ok ? good(probe.answer) : bad(probe.answer);
}

const tally = (count: number): Span => (count === 0 ? good('nothing') : unknown(`${count} times`));
