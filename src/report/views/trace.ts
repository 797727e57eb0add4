/** The page of `unroot trace`: what one run did that needs an identity. */
import { type Block, bad, dim, type Line, plural, strong } from '../block.ts';
import type { TraceReport } from '../report.ts';
import { unknownList } from './check.ts';

const SHOWN = 60;

/** A row per distinct operation; long traces are cut unless asked for in full. */
export function viewTrace(report: TraceReport, verbose: boolean): readonly Block[] {
  const events = verbose ? report.events : report.events.slice(0, SHOWN);
  const rows = events.map((one): readonly Line[] => [
    [one.program.split('/').pop() ?? ''],
    [one.uid === 0 ? bad('0') : String(one.uid)],
    [one.what],
    [one.errno === undefined ? 'ok' : bad(one.errno)],
    [one.count > 1 ? String(one.count) : ''],
  ]);
  const left = report.events.length - events.length;
  return [
    {
      kind: 'heading',
      line: [
        strong(report.target),
        `: ${plural(report.events.length, 'operation')} that ask for an identity`,
        dim(` (${report.tracer} under ${report.engine})`),
      ],
    },
    ...(rows.length > 0 ? [{ kind: 'table', head: ['PROGRAM', 'UID', 'WHAT', 'RESULT', 'TIMES'], rows } as const] : []),
    ...(left > 0 ? [{ kind: 'paragraph', line: [dim(`${left} more with -v, all with -o json`)] } as const] : []),
    ...(report.unknown.length > 0 ? [unknownList(report.unknown)] : []),
  ];
}
