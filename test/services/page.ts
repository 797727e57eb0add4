/** docs/services.md, as the run writes it. */
import type { FixReport } from '../../src/report/report.ts';
import type { Answer } from './run.ts';
import type { Service } from './service.ts';

export interface Row {
  readonly service: Service;
  readonly report: FixReport;
  /** Asked as it is; simply started as uid 10001; after the fix. */
  readonly asRoot?: Answer;
  readonly asUser?: Answer;
  readonly after: Answer;
}

const yes = (answer: Answer | undefined): string => (answer === undefined ? '' : answer.works ? 'works' : 'no');
const text = (words: string): string => words.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function page(rows: readonly Row[], atRandom: ReadonlySet<string>): string {
  const works = rows.filter(({ after, report }) => after.works && report.verdict === 'proved');
  const rest = rows.filter((row) => !works.includes(row));
  const wrong = rows.filter(({ after, report }) => !after.works && report.verdict === 'proved');
  const shy = rest.filter(({ after }) => after.works);
  const quick = works.filter(
    ({ report: { measured } }) => measured && measured.seconds < 5 + (2 * measured.serviceStartMs) / 1000,
  );
  const few = works.filter(({ report }) => (report.measured?.rounds ?? 9) <= 2);
  const lean = works.filter(({ report }) => report.measured?.grantsUnused?.length === 0);
  return [
    '# Real services, unattended',
    '',
    'Images made of Debian 12 packages that start as root, most of them as the package or the official image would start them, given to',
    '`unroot fix IMAGE --user 10001 --out DIR` and to nobody else. Afterwards each is started by podman with nothing but what `report.json` says, all',
    'capabilities dropped, and asked by a client in another container; every process must have uid 10001. Which clients: `test/services/`.',
    'This page is written by `UPDATE=1 npm run test:services`.',
    '',
    `**${works.length} of ${rows.length} do their work as uid 10001, and that is proved.** Simply started as uid 10001, ${rows.filter(({ asUser }) => asUser?.works).length} do.`,
    `Proved without working: ${wrong.length}${wrong.length > 0 ? ` (${wrong.map(({ service }) => service.name).join(', ')})` : ''}. Working without being proved: ${shy.length}${shy.length > 0 ? ` (${shy.map(({ service }) => service.name).join(', ')})` : ''}.`,
    '',
    `Of those ${works.length}: ${quick.length} within 5 s + twice the service's own start, ${few.length} within two rounds, ${lean.length} without a path granted that the last run did not use.`,
    'Two processors, shared with other work while this was measured. Seconds are from reading the image to the verdict: two or more watched runs and two',
    'unwatched ones, each started, asked, told to reload, and stopped.',
    '',
    '| service | as root | simply as 10001 | verdict | client after | time | start | rounds | added | unused |',
    '| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(line),
    '',
    '`unused`: paths granted that the last watched run could have done without.',
    '',
    '## What was changed',
    '',
    ...rows.map(
      ({ service, report }) =>
        `- **${service.name}**${service.flags ? ' (with `--probe`)' : ''}: ${report.fixes.map(({ id, subject }) => `\`${text(`${id} ${subject}`)}\``).join(', ') || 'nothing'}`,
    ),
    '',
    '## What is not proved, and why',
    '',
    ...rest.flatMap(({ service, report }) => [
      `- **${service.name}**: ${report.verdict}`,
      ...reasons(report).map((reason) => `  - ${text(reason)}`),
    ]),
    '',
    '## By lot',
    '',
    `${rows
      .filter(({ service }) => atRandom.has(service.name))
      .map(({ service }) => service.name)
      .join(', ')}: packages with a daemon that nobody looked at before, five and five. The rule and the seeds are in`,
    '`test/services/random.ts`; what came of them is in the tables above, good or bad.',
    '',
  ].join('\n');
}

function line({ service, report, asRoot, asUser, after }: Row): string {
  const { measured } = report;
  const cells = [
    service.name,
    yes(asRoot),
    yes(asUser),
    `${report.verdict}`,
    yes(after),
    measured ? `${measured.seconds.toFixed(1)} s` : '',
    measured ? `${(measured.serviceStartMs / 1000).toFixed(1)} s` : '',
    `${measured?.rounds ?? ''}`,
    `${measured?.bytesAdded ?? ''} B`,
    `${measured?.grantsUnused?.length ?? ''}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The first few: work that is lost comes first. */
function reasons(report: FixReport): readonly string[] {
  const points = (report.proof?.reasons ?? [])
    .filter(({ kind }) => kind === 'bad' || kind === 'unsure')
    .map(({ text: words }) => words);
  const notes = report.unknown.filter((note) => / needs root: /.test(note));
  return [...notes, ...points.slice(0, 4), ...(points.length > 4 ? [`and ${points.length - 4} more`] : [])];
}
