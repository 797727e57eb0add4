/** What `who` would say as findings. */
import type { Finding, Severity } from '../../finding/finding.ts';
import type { WhoContainer } from '../report.ts';

/** The rules are those that the other formats know: `start-refused`, `runs-as-root`. */
export function foundInContainer(container: WhoContainer): readonly Finding[] {
  const { name, workload, outcome, message, reason, refusedBy, isRoot, uid, because } = container;
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
