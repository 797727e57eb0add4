/** The page of `unroot prove compose.yaml`: one row for each service, then what speaks for and against. */
import type { Reason } from '../../prove/reason.ts';
import { type Block, bad, dim, good, type Line, plural, type Span, strong } from '../block.ts';
import type { ProjectProveReport, ServiceProveReport, ServiceRecord } from '../project-report.ts';
import { unknownList } from './check.ts';
import { reasonList, verdictSpan } from './prove.ts';

/** Log lines of a service that does less. */
const LOG_LINES = 10;

export function viewProveProject(report: ProjectProveReport, verbose: boolean): readonly Block[] {
  const { target, project, engine, platform, verdict, services, reasons, files, unknown } = report;
  const heading: Line = [
    strong(target),
    ', project ',
    strong(project),
    ': ',
    verdictSpan(verdict),
    dim(` (${engine}, rules of ${platform})`),
  ];
  return [
    { kind: 'heading', line: heading },
    { kind: 'table', head: ['SERVICE', 'VERDICT', 'BEFORE', 'AFTER'], rows: services.map(row) },
    ...services.flatMap((service) => details(service, verbose)),
    ...(reasons.length > 0 ? [reasonList(reasons)] : []),
    ...(verbose ? files.map(({ diff }): Block => ({ kind: 'code', language: 'diff', text: diff })) : [changes(files)]),
    ...(unknown.length > 0 ? [unknownList(unknown)] : []),
  ];
}

const row = ({ name, verdict, before, after }: ServiceProveReport): readonly Line[] => [
  [strong(name)],
  [verdictSpan(verdict)],
  [side(before)],
  [side(after)],
];

/** `uid 0, 80/tcp, HTTP 200`. */
function side(record: ServiceRecord): Span {
  const uids = [...new Set(record.processes.flatMap(({ uids: all }) => all))].sort((a, b) => a - b);
  const who = uids.length === 0 ? record.user : `uid ${uids.join(', ')}`;
  const text =
    record.outcome === 'refused'
      ? 'not started'
      : record.outcome === 'exited'
        ? `${who}, exit ${record.exit?.code ?? '?'}`
        : [
            who,
            ...new Set(record.ports.filter(({ port }) => port < 32768).map(({ port, protocol }) => `${port}/${protocol}`)),
          ].join(' ');
  const well = record.outcome === 'running' || (record.outcome === 'exited' && record.exit?.code === 0);
  return !well || uids.includes(0) ? bad(text) : good(text);
}

/** Of a service that is proved only how much there is. */
function details({ name, verdict, reasons, after }: ServiceProveReport, verbose: boolean): readonly Block[] {
  const shown = verbose ? reasons : reasons.filter(({ kind }) => (verdict === 'proved' ? kind === 'ok' : kind !== 'note'));
  const log = verdict === 'failed' || verbose ? after.log.slice(-LOG_LINES) : [];
  return [
    { kind: 'heading', line: [strong(name), ': ', verdictSpan(verdict)] },
    reasonList(verdict === 'proved' && !verbose ? shortened(shown) : shown),
    ...(log.length > 0 ? [{ kind: 'code', language: 'text', text: log.join('\n') } as const] : []),
  ];
}

const FEW = 6;

const shortened = (reasons: readonly Reason[]): readonly Reason[] =>
  reasons.length <= FEW ? reasons : [...reasons.slice(0, FEW - 1), { kind: 'ok', text: `and ${reasons.length - FEW + 1} more` }];

const changes = (files: ProjectProveReport['files']): Block => ({
  kind: 'paragraph',
  line:
    files.length === 0
      ? [dim('The second run had nothing changed.')]
      : [dim(`The second run had ${plural(files.length, 'file')} changed (-v shows how, unroot fix --prove writes it).`)],
});
