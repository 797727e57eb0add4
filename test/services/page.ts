/** docs/services.md, as the run writes it: rows of services that it did not look at stay as an earlier run left them. */
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

/** What the page says of one service; the cells are those of the table. */
export interface Entry {
  readonly name: string;
  readonly cells: readonly string[];
  readonly changed: string;
  /** Of what is not proved, or does not work: the verdict and its reasons. */
  readonly open?: readonly string[];
}

const yes = (answer: Answer | undefined): string => (answer === undefined ? '' : answer.works ? 'works' : 'no');
const text = (words: string): string => words.replaceAll('|', '\\|').replaceAll('\n', ' ');

const VERDICT = 3;
const AFTER = 4;
const proved = ({ cells }: Entry): boolean => cells[VERDICT] === 'proved';
const works = ({ cells }: Entry): boolean => cells[AFTER] === 'works';
const number = ({ cells }: Entry, at: number): number => Number.parseFloat(cells[at] || 'NaN');

/** `all`: every service there is, in order. */
export function page(entries: readonly Entry[], all: readonly string[], atRandom: ReadonlySet<string>): string {
  const rows = all.flatMap((name) => entries.find((entry) => entry.name === name) ?? []);
  const missing = all.filter((name) => !rows.some((row) => row.name === name));
  const good = rows.filter((row) => works(row) && proved(row));
  const wrong = rows.filter((row) => !works(row) && proved(row)).map(({ name }) => name);
  const shy = rows.filter((row) => works(row) && !proved(row)).map(({ name }) => name);
  const quick = good.filter((row) => number(row, 5) < 5 + 2 * number(row, 6));
  const few = good.filter((row) => number(row, 7) <= 2);
  const lean = good.filter((row) => number(row, 9) === 0);
  const named = (names: readonly string[]): string => `${names.length}${names.length > 0 ? ` (${names.join(', ')})` : ''}`;
  return [
    '# Real services, unattended',
    '',
    'Images made of Debian 12 packages that start as root, most of them as the package or the official image would start them, given to',
    '`unroot fix IMAGE --user 10001 --out DIR` and to nobody else. Afterwards each is started by podman with nothing but what `report.json` says, all',
    'capabilities dropped, and asked by a client in another container; every process must have uid 10001. Which clients: `test/services/`.',
    'This page is written by `UPDATE=1 npm run test:services`, row by row.',
    '',
    `**${good.length} of ${rows.length} do their work as uid 10001, and that is proved.** Simply started as uid 10001, ${rows.filter(({ cells }) => cells[2] === 'works').length} do.`,
    `Proved without working: ${named(wrong)}. Working without being proved: ${named(shy)}.`,
    ...(missing.length > 0 ? [`Not measured: ${missing.join(', ')}.`] : []),
    '',
    `Of those ${good.length}: ${quick.length} within 5 s + twice the service's own start, ${few.length} within two rounds, ${lean.length} without a path granted that the last run did not use.`,
    'Two processors, shared with other work while this was measured. Seconds are from reading the image to the verdict: two or more watched runs and two',
    'unwatched ones, each started, asked, told to reload, and stopped.',
    '',
    '| service | as root | simply as 10001 | verdict | client after | time | start | rounds | added | unused |',
    '| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ cells }) => `| ${cells.join(' | ')} |`),
    '',
    '`unused`: paths granted that the last watched run could have done without.',
    '',
    '## What was changed',
    '',
    ...rows.map(({ name, changed }) => `- **${name}**${changed}`),
    '',
    '## What is not proved, and why',
    '',
    ...rows.flatMap(({ name, open }) =>
      open === undefined ? [] : [`- **${name}**: ${open[0]}`, ...open.slice(1).map((reason) => `  - ${reason}`)],
    ),
    '',
    '## By lot',
    '',
    `${rows
      .filter(({ name }) => atRandom.has(name))
      .map(({ name }) => name)
      .join(', ')}: packages with a daemon that nobody looked at before, five and five. The rule and the seeds are in`,
    '`test/services/random.ts`; what came of them is in the tables above, good or bad.',
    '',
  ].join('\n');
}

/** What an earlier run wrote. */
export function entriesOf(page: string): readonly Entry[] {
  const [top = '', changes = '', open = ''] = page.split(/^## .*$/m);
  return top.split('\n').flatMap((line): Entry[] => {
    const cells = /^\| (.*) \|$/.exec(line)?.[1]?.split(/ ?\| ?/);
    const [name = ''] = cells ?? [];
    if (cells === undefined || name === 'service' || name.startsWith('---')) return [];
    const changed = changes.split('\n').find((one) => one.startsWith(`- **${name}**`));
    const block = open.split(/^- \*\*/m).find((one) => one.startsWith(`${name}**: `));
    const reasons = block
      ?.trimEnd()
      .split('\n')
      .map((one, at) => (at === 0 ? one.slice(`${name}**: `.length) : one.slice(4)));
    return [
      { name, cells, changed: changed?.slice(`- **${name}**`.length) ?? '', ...(reasons === undefined ? {} : { open: reasons }) },
    ];
  });
}

export function entryOf({ service, report, asRoot, asUser, after }: Row): Entry {
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
  const probe = service.flags ? ' (with `--probe`)' : '';
  const changed = report.fixes.map(({ id, subject }) => `\`${text(`${id} ${subject}`)}\``).join(', ') || 'nothing';
  const entry = { name: service.name, cells, changed: `${probe}: ${changed}` };
  return proved(entry) && works(entry) ? entry : { ...entry, open: [`${report.verdict}`, ...reasons(report).map(text)] };
}

/** The first few: work that is lost comes first. */
function reasons(report: FixReport): readonly string[] {
  const points = (report.proof?.reasons ?? [])
    .filter(({ kind }) => kind === 'bad' || kind === 'unsure')
    .map(({ text: words }) => words);
  const notes = report.unknown.filter((note) => / needs root: /.test(note));
  return [...notes, ...points.slice(0, 4), ...(points.length > 4 ? [`and ${points.length - 4} more`] : [])];
}
