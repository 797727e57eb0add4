/** A report as one JSON object a line: the document without its lists first, then one line per container, finding, fix or event. */
import type { Report } from '../report.ts';

/** Lists that become lines, with the name of one element. */
const LISTS: Readonly<Record<string, string>> = {
  containers: 'container',
  namespaces: 'namespace',
  workloads: 'workload',
  findings: 'finding',
  unresolved: 'unresolved',
  diagnostics: 'diagnostic',
  fixes: 'fix',
  events: 'event',
  answers: 'answer',
  steps: 'step',
  walk: 'component',
};

/** Every line carries `schemaVersion` and `kind`. */
export function renderNdjson(report: Report): string {
  const fields = Object.entries(report);
  const rest = Object.fromEntries(fields.filter(([name]) => LISTS[name] === undefined));
  const lines: unknown[] = [rest];
  for (const [name, value] of fields) {
    const kind = LISTS[name];
    if (kind !== undefined)
      for (const one of value as readonly object[])
        lines.push({ schemaVersion: report.schemaVersion, kind, ...(kind === 'workload' ? ownKindAside(one) : one) });
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** The kind of a line is that of the line. */
function ownKindAside(one: object & { readonly kind?: unknown }): object {
  const { kind: objectKind, ...rest } = one;
  return { objectKind, ...rest };
}
