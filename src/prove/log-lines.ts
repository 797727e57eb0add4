/** Lines of trouble in the second run's log that the first run's log does not have. */
import { logDenials } from '../trace/log-denials.ts';
import type { Observation } from './observation.ts';
import { normalise } from './probes.ts';

export interface LogLine {
  readonly text: string;
  /** It says that something was not permitted. */
  readonly denial: boolean;
  /** What was not permitted is becoming another user. */
  readonly identity: boolean;
  /** What was not permitted is giving files to somebody. */
  readonly ownership: boolean;
}

const TROUBLE =
  /\b(error|errno|fatal|panic|emerg|alert|crit(ical)?|fail(ed|ure)?|denied|not permitted|cannot|can't|could not|couldn't|unable|refused|abort(ed|ing)?)\b/i;

/** At most ten, in order. Normalised for the comparison (times, pids), shown as written. */
export function newErrorLines(before: Observation, after: Observation): LogLine[] {
  const known = new Set(lines(before).map(normalise));
  const seen = new Set<string>();
  const fresh: LogLine[] = [];
  for (const line of lines(after)) {
    const plain = normalise(line);
    if (!TROUBLE.test(line) || known.has(plain) || seen.has(plain)) continue;
    seen.add(plain);
    const denials = logDenials(line);
    fresh.push({
      text: line.slice(0, 240),
      denial: denials.length > 0,
      identity: denials.length > 0 && denials.every(({ category }) => category === 'setuid_setgid_denied'),
      ownership: denials.length > 0 && denials.every(({ operation }) => operation === 'chown'),
    });
    if (fresh.length === 10) break;
  }
  return fresh;
}

/** Lines of trouble of one run, at most ten, each once. */
export function errorLines(observation: Observation): string[] {
  return [...new Set(lines(observation).filter((line) => TROUBLE.test(line)))].slice(0, 10).map((line) => line.slice(0, 240));
}

const lines = (observation: Observation): string[] =>
  `${observation.stdout}\n${observation.stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
