/** Findings that somebody has decided to live with: a line, or all of them when everything is asked for. */
import { suppressedText } from '../../finding/suppressed-text.ts';
import { type Block, dim, plural } from '../block.ts';
import type { ReportedFinding } from '../report.ts';

/** Nothing when there is none. */
export function suppressedList(findings: readonly ReportedFinding[], verbose: boolean): readonly Block[] {
  const items = findings.flatMap((one) => (one.suppressed === undefined ? [] : [{ one, suppressed: one.suppressed }]));
  if (items.length === 0) return [];
  if (!verbose) {
    const baseline = items.filter(({ suppressed }) => suppressed.by === 'baseline').length;
    const ignored = items.length - baseline;
    const parts = [...(ignored > 0 ? [`${ignored} ignored`] : []), ...(baseline > 0 ? [`${baseline} in the baseline`] : [])].join(
      ', ',
    );
    const line = [dim(`${plural(items.length, 'finding')} not counted: ${parts} (-v shows them)`)];
    return [{ kind: 'paragraph', line }];
  }
  return [
    {
      kind: 'list',
      items: items.map(({ one, suppressed }) => ({
        line: [dim('not counted '), one.message, dim(` [${one.id}]`)],
        sub: [[suppressedText(suppressed)], ...(one.where.file === undefined ? [] : [[dim('at: '), placeText(one)]])],
      })),
    },
  ];
}

const placeText = ({ where, object, container }: ReportedFinding): string =>
  [
    [where.file === '-' ? 'standard input' : where.file, where.line, where.column].filter((part) => part !== undefined).join(':'),
    object,
    container === undefined ? undefined : `container ${container}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
