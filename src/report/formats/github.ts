/** A report as workflow commands of GitHub Actions: annotations on the lines of a pull request. */
import { plural } from '../block.ts';
import type { Report } from '../report.ts';
import { harmless } from './harmless.ts';
import { type Point, pointsOf } from './points.ts';
import { titleOf } from './title.ts';

/** One command a point, then a line for people: never empty, so that a log shows that something was looked at. */
export function renderGithub(report: Report): string {
  const points = pointsOf(report);
  const count = (wanted: Point['notice']): number => points.filter(({ notice }) => notice === wanted).length;
  const parts = [plural(count('error'), 'error'), plural(count('warning'), 'warning'), plural(count('notice'), 'notice')];
  const said = parts.filter((part) => !part.startsWith('0 ')).join(', ') || 'nothing to say';
  return [...points.flatMap(command), `${quiet(titleOf(report))}: ${said}`, ''].join('\n');
}

/** The runner looks for commands of the older form anywhere in a line. */
const quiet = (text: string): string => harmless(text).replace(/#(?=#\[)/g, '#\\');

/** As @actions/core does it: the runner undoes these, and no more. */
const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

function command({ notice, check, subject, where, message, details }: Point): readonly string[] {
  if (notice === undefined) return [];
  // Standard input is no file of the repository.
  const file = where.file === '-' ? undefined : where.file?.replace(/^(?:\.\/+)+/, '');
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['file', file],
    ['line', file === undefined ? undefined : where.line],
    ['col', file === undefined || where.line === undefined ? undefined : where.column],
    ['title', annotationTitle(check, subject, where.file)],
  ];
  const written = fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${property(quiet(String(value)))}`]));
  return [`::${notice} ${written.join(',')}::${data([message, ...details].map(quiet).join('\n'))}`];
}

/** `path-not-writable: Deployment/web nginx`; the file is said already. */
function annotationTitle(check: string, subject: string, file: string | undefined): string {
  const about = file !== undefined && subject.startsWith(file) ? subject.slice(file.length).trim() : subject;
  const name = check.startsWith('not looked at: ') ? 'not looked at' : check;
  return about === '' ? name : `${name}: ${about}`;
}
