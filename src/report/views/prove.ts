/** The page of `unroot prove`: the same questions before and after, side by side. */
import type { Reason } from '../../prove/reason.ts';
import type { VerdictName } from '../../prove/verdict.ts';
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { ProbeRecord, ProveReport, RunRecord } from '../report.ts';
import { unknownList } from './check.ts';

/** Verdict, before/after table, reasons; the log of a second run that did not work. */
export function viewProve(report: ProveReport, verbose: boolean): readonly Block[] {
  const { after, verdict } = report;
  const showLog = after.log.length > 0 && (verbose || verdict === 'failed');
  return [
    {
      kind: 'heading',
      line: [
        strong(report.target),
        ' as ',
        strong(report.user),
        ': ',
        verdictSpan(verdict),
        dim(` (${report.engine}, rules of ${report.platform})`),
      ],
    },
    beforeAfter(report),
    reasonList(report.reasons),
    ...(after.denials.length > 0 && (verbose || verdict !== 'proved')
      ? [{ kind: 'list', items: after.denials.map((text) => ({ line: [bad('denied'), ` ${text}`] })) } as const]
      : []),
    ...(showLog ? [{ kind: 'code', language: 'text', text: after.log.slice(verbose ? 0 : -10).join('\n') } as const] : []),
    ...(report.unknown.length > 0 ? [unknownList(report.unknown)] : []),
  ];
}

/** The table alone, for fix as well. */
export function beforeAfter({ before, after, moved, rounds }: ProveReport): Block {
  const to = new Map(moved.map((port) => [port.from, port.to]));
  const now = (probe: ProbeRecord): number | undefined =>
    probe.port === undefined ? undefined : (to.get(probe.port) ?? probe.port);
  const rows: (readonly Line[])[] = [
    [['runs as'], [identity(before)], [identity(after)]],
    [['outcome'], [outcome(before)], [outcome(after)]],
    [['listens on'], [ports(before)], [ports(after)]],
    ...before.probes.map((probe): readonly Line[] => {
      const partner = after.probes.find((one) => one.kind === probe.kind && one.port === now(probe));
      return [[probe.kind === 'tcp' ? `port ${probe.port}` : probe.kind], [answer(probe)], [answer(partner)]];
    }),
    [['denied by the kernel'], [tally(before)], [tally(after)]],
  ];
  return { kind: 'table', head: [rounds > 1 ? `${rounds} ROUNDS` : '', 'BEFORE', 'AFTER'], rows };
}

const MARK: Readonly<Record<Reason['kind'], Span>> = {
  ok: good('ok'),
  bad: bad('bad'),
  unsure: unknown('unsure'),
  note: dim('note'),
};

/** Why the verdict is what it is. */
export const reasonList = (reasons: readonly Reason[]): Block => ({
  kind: 'list',
  items: reasons.map((reason) => ({ line: [MARK[reason.kind], ` ${reason.text}`] })),
});

export const verdictSpan = (verdict: VerdictName): Span =>
  verdict === 'proved' ? good('proved') : verdict === 'failed' ? bad('failed') : unknown('inconclusive');

function identity(run: RunRecord): Span {
  const uids = [...new Set(run.processes.flatMap((one) => one.uids))].sort((a, b) => a - b);
  const text =
    uids.length === 0
      ? run.user
      : `uid ${uids.join(', ')} (${plural(run.processes.length, 'process').replace('processs', 'processes')})`;
  return uids.includes(0) || run.user.startsWith('0:') ? bad(text) : good(text);
}

function outcome(run: RunRecord): Span {
  if (run.outcome === 'running') return good('keeps running');
  if (run.outcome === 'refused') return bad(`refused: ${run.refusal ?? ''}`);
  return run.exit?.code === 0 ? good('exit 0') : bad(`exit ${run.exit?.code ?? '?'}`);
}

const ports = (run: RunRecord): string =>
  run.ports.length === 0 ? 'nothing' : [...new Set(run.ports.map((port) => `${port.port}/${port.protocol}`))].join(' ');

function answer(probe: ProbeRecord | undefined): Span {
  if (probe === undefined) return unknown('not asked');
  return probe.ok ? good(probe.answer) : bad(probe.answer);
}

const tally = ({ denials }: RunRecord): Span => (denials.length === 0 ? 'nothing' : unknown(plural(denials.length, 'operation')));
