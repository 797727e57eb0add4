/** Why a run as the user came to its end, where it shows: at a call that only root may make, or at the program's own question whether it is root. */

import { CHANGES_IDENTITY } from '../linux/operation.ts';
import { isDenied } from '../trace/denials.ts';
import type { TraceEvent } from '../trace/event.ts';
import type { Observation } from './observation.ts';

/** What a program still does on its way out: reading a message in the user's language, telling the log. */
const LOOKS: ReadonlySet<string> = new Set(['stat', 'access', 'connect-unix', 'readlink', ...CHANGES_IDENTITY]);

/** Denied changes of identity after which the process that asked did nothing more. */
export const stoppedByIdentity = (run: Observation): readonly TraceEvent[] => lastDenied(run, CHANGES_IDENTITY, ({ pid }) => pid);

/** Denied calls of these kinds after which nobody did anything more. */
export const endedAt = (run: Observation, kinds: ReadonlySet<string>): readonly TraceEvent[] => lastDenied(run, kinds, () => 0);

/** `whose`: of those that are counted as one, one that goes on shows that the denial was not the end. */
function lastDenied(
  { outcome, exit, trace }: Observation,
  kinds: ReadonlySet<string>,
  whose: (event: TraceEvent) => number,
): readonly TraceEvent[] {
  if (outcome !== 'exited' || exit?.code === 0 || trace === undefined) return [];
  const over = new Set<number>();
  return [...trace.events].reverse().filter((event) => {
    const { operation } = event;
    if (over.has(whose(event))) return false;
    if (kinds.has(operation.kind) && isDenied(event)) return true;
    const looks =
      LOOKS.has(operation.kind) || event.errno !== undefined || (operation.kind === 'open' && operation.access === 'read');
    if (!looks) over.add(whose(event));
    return false;
  });
}

const ROOT = '(?:the )?(?:root|super-?user)\\b(?!/)';
const DEMANDS: readonly RegExp[] = [
  `\\b(?:must|needs?|requires?|required|ha(?:s|ve) to|should|only|not)\\b.*\\bas ${ROOT}`,
  `\\b(?:must|needs?|requires?|ha(?:s|ve) to|should|only|not|unless)(?: to)?(?: be)?(?: run| started)?(?: by)? ${ROOT}`,
  '\\b(?:must|needs?|requires?|required|without|lacks?|only|no|missing|insufficient)\\b.*\\b(?:root|super-?user) (?:privileges?|permissions?|rights|access)\\b',
  `\\bare you ${ROOT}`,
].map((words) => new RegExp(words, 'i'));
/** `must not be run as root`: the opposite. */
const OPPOSITE =
  /\b(?:must|should|do|does|can|may|will)(?: ?not|n['’]t) (?:be )?(?:run|start|launch|use|execut)\w*\b.*\bas\b|\b(?:never|refus\w+)\b.*\bas\b/i;

/** The line by which a program that ended as the user says that it wants to be root; not one that the run as root had too. */
export function demandsRoot(before: Observation, after: Observation): string | undefined {
  if (after.outcome !== 'exited' || after.exit?.code === 0) return undefined;
  const known = new Set(linesOf(before));
  const line = linesOf(after).findLast(
    (one) => DEMANDS.some((words) => words.test(one)) && !OPPOSITE.test(one) && !known.has(one),
  );
  return line?.slice(0, 200);
}

/** `Not as root!`, `please do not run X as root`, `refusing to start as root`, `can not be run as root`. */
const REFUSALS: readonly RegExp[] = [
  OPPOSITE,
  new RegExp(
    `\\b(?:not|never|no|don['’]?t|cannot|can['’]?t|mustn['’]?t|shouldn['’]?t|refus\\w+|unsafe|forbidden|disallowed|unsupported)\\b.{0,60}\\bas ${ROOT}`,
    'i',
  ),
  new RegExp(
    `\\b(?:run|start|launch)\\w*\\b.{0,20}\\bas ${ROOT}.{0,40}\\b(?:not|never|refus\\w+|unsafe|forbidden|disallowed|unsupported)\\b`,
    'i',
  ),
];

const ADVICE = /\bwarn|recommend|advi[sc]|discourag/i;

/** The line by which a program that ended as root says that it does not want to be root. */
export function refusesRoot(run: Observation): string | undefined {
  if (run.outcome !== 'exited') return undefined;
  const line = linesOf(run).findLast((one) => REFUSALS.some((words) => words.test(one)) && !ADVICE.test(one));
  return line?.slice(0, 200);
}

const linesOf = ({ stdout, stderr }: Observation): readonly string[] =>
  `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
