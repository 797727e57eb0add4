/** The page of `unroot fix` on manifests: what becomes of each container, what is left, and the difference. */
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { FixedContainer, TextFixReport } from '../report.ts';
import { findingList, unknownList } from './check.ts';
import { diagnosticList } from './diagnostics.ts';
import { labList } from './labs.ts';

export function viewTextFix(report: TextFixReport, verbose: boolean): readonly Block[] {
  const { containers, files, unresolved, diagnostics } = report;
  const count = (outcome: FixedContainer['outcome']): number => containers.filter((one) => one.outcome === outcome).length;
  const parts = [
    `${count('changed')} changed`,
    `${count('as wanted')} as wanted`,
    `${count('left')} left`,
    `${count('unknown')} unknown`,
  ].filter((part) => !part.startsWith('0 '));
  const blocks: Block[] = [
    {
      kind: 'heading',
      line: [strong(report.target), ` on ${report.platform}: ${[plural(containers.length, 'container'), ...parts].join(', ')}`],
    },
    {
      kind: 'list',
      items: containers.map((one) => ({ line: containerLine(one), sub: one.message === undefined ? [] : [[dim(one.message)]] })),
    },
  ];
  if (unresolved.length > 0)
    blocks.push(
      { kind: 'heading', line: [unknown(`${plural(unresolved.length, 'finding')} left`)] },
      findingList(verbose ? unresolved : saidOnce(report), verbose),
      ...labList(unresolved, verbose),
    );
  if (diagnostics.length > 0) blocks.push(diagnosticList(diagnostics));
  if (report.unknown.length > 0) blocks.push(unknownList(report.unknown));
  for (const { diff } of files) blocks.push({ kind: 'code', language: 'diff', text: diff });
  for (const { text } of report.patches ?? []) blocks.push({ kind: 'code', language: 'yaml', text });
  if (files.length > 0 && report.wrote)
    blocks.push({ kind: 'paragraph', line: [good('written: '), files.map(({ path }) => path).join(', ')] });
  if (files.length === 0) blocks.push({ kind: 'paragraph', line: ['nothing to change'] });
  return blocks;
}

/** The reason that a container is left for stands with the container: its findings need not repeat it. */
function saidOnce({ containers, unresolved }: TextFixReport): TextFixReport['unresolved'] {
  const told = new Set(
    containers.flatMap(({ object, container, message }) =>
      message === undefined ? [] : [JSON.stringify([object, container, message])],
    ),
  );
  return unresolved.map((one) =>
    told.has(JSON.stringify([one.object, one.container, one.reason])) ? { ...one, reason: 'with its container' } : one,
  );
}

const OUTCOME: Readonly<Record<FixedContainer['outcome'], Span>> = {
  changed: good('changed'),
  'as wanted': good('as wanted'),
  left: bad('left as it is'),
  unknown: unknown('unknown'),
};

const containerLine = ({ object, container, outcome, user, verdict }: FixedContainer): Line => [
  OUTCOME[outcome],
  ` ${object}, container ${container}`,
  ...(user === undefined ? [] : [` as ${user}`]),
  ...(verdict === undefined ? [] : [`, ${verdict}`]),
];
