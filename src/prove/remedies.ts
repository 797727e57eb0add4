/** What is done beyond the plan: about wrappers, lines of configuration, owners, and names. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { accessAsked } from '../fixes/access-asked.ts';
import { atHome, passwdEntry, serviceUser } from '../fixes/accounts.ts';
import { configLine } from '../fixes/config-line.ts';
import type { FixContext } from '../fixes/context.ts';
import { handedOver } from '../fixes/handed-over.ts';
import { identityArguments } from '../fixes/identity-arguments.ts';
import { isMadeInState } from '../fixes/made-in-state.ts';
import { modesSet } from '../fixes/modes-set.ts';
import { isSharedBeside } from '../fixes/owned-files.ts';
import { privilegeDrop } from '../fixes/privilege-drop.ts';
import { CHANGES_IDENTITY } from '../linux/operation.ts';
import { logDenials } from '../trace/log-denials.ts';
import type { Observation } from './observation.ts';
import { endedAt } from './stopped-by.ts';

/**
 * What else can be done about what the recipient was denied: wrappers and lines of configuration first; a service user's name moves to the
 * recipient only when neither applies.
 */
export function remedies(met: readonly Finding[], context: FixContext, gates: readonly string[]): readonly Fix[] {
  const unwrapped = privilegeDrop(met, context, gates);
  const argv = unwrapped.flatMap(({ run }) => (run.entrypoint ? [[...run.entrypoint, ...(run.command ?? [])]] : [])).at(-1);
  const direct = [...unwrapped, ...identityArguments(met, context, argv), ...configLine(met, context)];
  return [
    ...(direct.length > 0 ? direct : serviceUser(met, context)),
    ...handedOver(met, context),
    ...modesSet(met, context),
    ...accessAsked(met, context),
  ];
}

/** A name for the recipient, unless another remedy has given it one: two versions of /etc/passwd could not both be in the layer. */
export const nameFor = (extra: readonly Fix[], context: FixContext): readonly Fix[] => {
  const entry = extra.some((fix) => fix.id === 'service-user') ? undefined : passwdEntry(context);
  return entry ? [entry] : [];
};

/** The same for a program that goes on without, and says that it found none. */
export const nameMissed = (
  before: Observation,
  after: Observation,
  extra: readonly Fix[],
  context: FixContext,
): readonly Fix[] => (missesName(after) && !missesName(before) ? nameFor(extra, context) : []);

const missesName = ({ stdout, stderr }: Observation): boolean =>
  logDenials(`${stdout}\n${stderr}`).some(({ category }) => category === 'passwd_entry_missing');

/** What is planned, unless something else is done about the same. */
export const withExtra = (planned: readonly Fix[], extra: readonly Fix[]): readonly Fix[] => {
  const needed = planned.filter(
    (fix) => !isSharedBeside(fix, extra) && !isMadeInState(fix, extra) && !extra.some((other) => sameSubject(other, fix)),
  );
  return atHome([...needed, ...extra]);
};

export const sameSubject = (a: Fix, b: Fix): boolean => a.id === b.id && a.subject === b.subject;

export function addRemedies(list: Fix[], more: readonly Fix[]): void {
  for (const remedy of more) {
    // Its version of /etc/passwd gives the recipient a name too.
    const spare = remedy.id === 'service-user' ? list.findIndex(({ id }) => id === 'passwd-entry') : -1;
    if (spare >= 0) list.splice(spare, 1);
    const at = list.findIndex((fix) => sameSubject(fix, remedy));
    // A later round knows more: it may switch off one more line of the same file.
    if (at < 0) list.push(remedy);
    else list[at] = remedy;
  }
}

/** What changes words of the image's author, on no more than a denial. */
const AUTHORS: ReadonlySet<string> = new Set(['config-line', 'identity-arguments', 'service-user', 'privilege-drop']);
export const isAuthors = ({ id }: Fix): boolean => AUTHORS.has(id);
/** What only root may do, and programs mostly do to be root no more. */
export const ROOTS: ReadonlySet<string> = new Set([...CHANGES_IDENTITY, 'chroot']);

/**
 * Remedies that may have nothing to do with why the run was broken: the process that was denied went on. They came together with what did help, or
 * something else helped afterwards.
 */
export const doubted = (added: readonly Fix[], broken: Observation): readonly Fix[] =>
  endedAt(broken, ROOTS).length > 0 ? [] : added.filter(isAuthors);
