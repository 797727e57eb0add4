/** A report as JUnit XML: a testcase for each check of each container. The elements and attributes are those of Jenkins' junit-10.xsd, which other readers take too. */
import type { Report } from '../report.ts';
import { markup, markupLines } from './markup.ts';
import { type Outcome, type Point, pointsOf } from './points.ts';
import { titleOf } from './title.ts';

interface Case {
  readonly subject: string;
  readonly check: string;
  readonly points: readonly Point[];
}

/** Failed: findings at error and warning; error: what could not be read; skipped: what nobody knows. Nothing in it depends on when it was made. */
export function renderJunit(report: Report): string {
  const cases = casesOf(pointsOf(report));
  const name = titleOf(report);
  const count = (wanted: Outcome): number => cases.filter((one) => outcomeOf(one) === wanted).length;
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="unroot" ${counts} time="0">`,
    `  <testsuite name="${markup(name)}" ${counts} skipped="${count('skipped')}" time="0">`,
    ...cases.flatMap(testcase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Points of the same check and container are one case. */
function casesOf(points: readonly Point[]): readonly Case[] {
  const cases = new Map<string, Case & { points: Point[] }>();
  for (const point of points) {
    const { subject, check } = point;
    const key = JSON.stringify([subject, check]);
    const known = cases.get(key);
    if (known === undefined) cases.set(key, { subject, check, points: [point] });
    else known.points.push(point);
  }
  return [...cases.values()];
}

const WORST: readonly Outcome[] = ['error', 'failure', 'skipped', 'pass'];

const outcomeOf = ({ points }: Case): Outcome =>
  WORST.find((wanted) => points.some(({ outcome }) => outcome === wanted)) ?? 'pass';

function testcase(one: Case): readonly string[] {
  const outcome = outcomeOf(one);
  const decisive = one.points.filter((point) => point.outcome === outcome);
  const others = one.points.filter((point) => point.outcome !== outcome);
  const [first, ...more] = decisive;
  const message = markup(`${first?.message ?? ''}${more.length === 0 ? '' : ` (and ${more.length} more)`}`);
  const type = markup(first?.notice ?? '');
  const body = markupLines(decisive.map(text).join('\n'));
  const result = {
    pass: [],
    skipped: [`      <skipped message="${message}"/>`],
    failure: [`      <failure message="${message}" type="${type}">${body}</failure>`],
    error: [`      <error message="${message}" type="${type}">${body}</error>`],
  }[outcome];
  // Skipped cases have no text of their own.
  const said = (outcome === 'pass' || outcome === 'skipped' ? one.points : others).map(text).join('\n');
  return [
    `    <testcase classname="${markup(one.subject)}" name="${markup(one.check)}" time="0">`,
    ...result,
    ...(said === '' ? [] : [`      <system-out>${markupLines(said)}</system-out>`]),
    '    </testcase>',
  ];
}

/** A finding on a line, what it rests on under it. */
function text({ message, where, details }: Point): string {
  const place =
    where.file === undefined ? '' : `${[where.file, where.line, where.column].filter((one) => one !== undefined).join(':')}: `;
  return [`${place}${oneLine(message)}`, ...details.map((line) => `  ${oneLine(line)}`)].join('\n');
}

const oneLine = (said: string): string => said.replace(/\s*[\r\n]+\s*/g, ' ');
