/** Where a finding can be lived through: the labs that explain what was found, worst first. */
import { type Block, dim, type Line } from '../block.ts';
import type { ReportedFinding } from '../report.ts';

/** More would be a reading list. */
const SHOWN = 3;

/** Where in the page a lab is told of. */
export const labAnchor = (id: string): string => `lab-${id}`;

/** Nothing when no lab explains any of it. One line for each lab, at most three unless everything is asked for. */
export function labList(findings: readonly ReportedFinding[], verbose: boolean): readonly Block[] {
  const labs = new Map<string, { readonly title: string; readonly checks: Set<string>; readonly worst: number }>();
  const order = { error: 0, warning: 1, info: 2 };
  for (const { id, severity, lab } of findings) {
    if (lab === undefined) continue;
    const known = labs.get(lab.id);
    labs.set(lab.id, {
      title: lab.title,
      checks: (known?.checks ?? new Set()).add(id),
      worst: Math.min(known?.worst ?? 9, order[severity]),
    });
  }
  if (labs.size === 0) return [];
  const sorted = [...labs].sort(([, a], [, b]) => a.worst - b.worst);
  const shown = verbose ? sorted : sorted.slice(0, SHOWN);
  const more = sorted.length - shown.length;
  return [
    {
      kind: 'list',
      items: shown.map(([id, { title, checks }], index) => {
        const rest = index === shown.length - 1 && more > 0 ? [dim(` and ${more} more (-v)`)] : [];
        const line: Line = [dim('lab'), ` unroot lab start ${id}`, dim(`: ${title} [${[...checks].join(', ')}]`), ...rest];
        return { line, anchor: labAnchor(id) };
      }),
    },
  ];
}
