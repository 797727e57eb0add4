/**
 * The search for the smallest change that works: run as the image says, see what the recipient may not do, fix, run as the recipient, see what is
 * still denied, fix again, until nothing new is denied or nothing more can be done.
 */

import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import { accessAsked } from '../fixes/access-asked.ts';
import { formerUser, passwdEntry, serviceUser } from '../fixes/accounts.ts';
import { configLine, withoutIdentityLines } from '../fixes/config-line.ts';
import type { FixContext } from '../fixes/context.ts';
import { handedOver } from '../fixes/handed-over.ts';
import { identityArguments, withoutIdentityArguments } from '../fixes/identity-arguments.ts';
import { mergeLayer, mergeRun } from '../fixes/merge.ts';
import { planFixes, type Unresolved } from '../fixes/plan.ts';
import { privilegeDrop } from '../fixes/privilege-drop.ts';
import { conflicts, recipe } from '../fixes/recipe.ts';
import type { Image } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { newDenials } from '../trace/denials.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';
import { workingBaseline } from './baseline.ts';
import { findingsOf, fixContext, observedFindings } from './findings.ts';
import { logEvents } from './log-events.ts';
import { notStarted, type Observation } from './observation.ts';
import { observe } from './observe.ts';
import { portsOf } from './ports.ts';
import { recipesFor, recipeTrials, rootNotes } from './recipe-trials.ts';
import type { RoundsInput } from './rounds-input.ts';
import { settingsAs, settingsOfRun } from './settings.ts';
import { stillDenied } from './still-denied.ts';
import { configsRead, launchOf, programsRun, readSubject } from './subject.ts';
import { worksByItself, worksLess } from './verdict.ts';

export const MAX_ROUNDS = 9;

export interface RoundsResult {
  readonly asIs: Launch;
  readonly before: Observation;
  /** As the image says, on the untouched image: what would be denied. */
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly layer: readonly LayerChange[];
  readonly run: Run;
  readonly image: Image;
  readonly launch: Launch | Refusal;
  readonly after: Observation;
  /** Denials of the last run that nothing answers. */
  readonly left: readonly Unresolved[];
  readonly rounds: number;
  /** What a reader must know of how it was compared. */
  readonly notes: readonly string[];
}

export async function runRounds(input: RoundsInput, asTheImageSays: Launch): Promise<RoundsResult> {
  const { subject, recipient, settings, profile, onProgress } = input;
  onProgress('running it as the image says, watched');
  const base = await input.prepare(subject.image);
  const first = await observe(base, asTheImageSays, { ...input.observe, tracer: input.tracer });
  const { asIs, before, notes } = await workingBaseline(input, base, asTheImageSays, first);
  const baseline = before.trace ?? NO_TRACE;

  const wanted = input.readOnly === true ? { ...settings, readOnly: true } : settings;
  const target = launchOf(subject, settingsAs(recipient, wanted, profile), profile);
  if (target.kind === 'refusal') throw new Error(`the model refuses the recipient: ${target.message}`);
  const context = fixContext(subject, asIs, target, recipient, {
    trace: baseline,
    left: before.changes,
    configs: await configsRead(baseline, subject),
    programs: await programsRun(baseline, subject),
    ...(input.portStrategy === undefined ? {} : { portStrategy: input.portStrategy }),
  });
  const findings = findingsOf(subject, asIs, target, baseline);

  const met: Finding[] = [];
  const extra: Fix[] = [];
  let plan = planFixes(findings, context);
  const recipes = recipesFor(before, context);
  const experiments: readonly ((after: Observation) => readonly Fix[])[] = [
    ...recipeTrials(recipes, context).map((one) => () => recipe(one, context, extra)),
    () => nameFor(extra, context),
    ({ trace }) => toldToBeSomebody(extra, context, filesRead(trace)),
    () =>
      formerUser(
        idsOf(before, (one) => one.uids[1]),
        idsOf(before, (one) => one.gid),
        context,
      ),
  ];
  let trial: readonly Fix[] = [];
  let untried: { readonly extra: readonly Fix[]; readonly met: readonly Finding[] } | undefined;
  let tried = 0;
  let lookedTwice = false;
  let withoutTrial: RoundsResult | undefined;
  for (let round = 1; ; round++) {
    const fixes = [...plan.fixes, ...extra];
    const layer = mergeLayer(fixes);
    const run = mergeRun(fixes, recipient, portsOf(before));
    onProgress(`round ${round}: running it as ${run.user} with ${fixes.length} ${fixes.length === 1 ? 'fix' : 'fixes'}`);
    const image = await input.derive(layer, run);
    const fixed = await readSubject(image);
    const launch = launchOf(fixed, settingsOfRun(run, recipient, settings, profile), profile);
    const after =
      launch.kind === 'refusal'
        ? notStarted(launch.message)
        : await observe(await input.prepare(image), launch, {
            ...input.observe,
            tracer: input.tracer,
            like: before,
            volumeOwners: run.volumes,
          });
    const denials = launch.kind === 'refusal' ? [] : denialsOf(after, before, launch);
    const fresh = launch.kind === 'refusal' ? [] : observedFindings(fixed, asIs, launch, denials, after.trace ?? NO_TRACE);
    const done = (left: readonly Unresolved[]): RoundsResult => ({
      asIs,
      before,
      findings,
      fixes,
      layer,
      run,
      image,
      launch,
      after,
      left,
      rounds: round,
      notes: [...notes, ...rootNotes(recipes)],
    });

    met.push(...fresh.filter((finding) => !met.some((other) => sameOperation(other, finding))));
    const next = planFixes([...findings, ...met], context);
    const broken = worksLess(before, after);
    if (broken)
      addRemedies(
        extra,
        remedies(met, context).filter((fix) => !trial.some((one) => conflicts(one, fix))),
      );
    const changed = fingerprint([...next.fixes, ...extra]) !== fingerprint(fixes);
    const left = next.unresolved
      .filter(({ finding }) => fresh.some((each) => sameOperation(each, finding)))
      .map(({ finding, reason }) => ({
        finding,
        reason: WENT_ON.has(finding.id) && !broken ? 'denied in the last run too, and the program went on' : reason,
      }));
    if (!changed) left.push(...stillDenied(fresh, next.unresolved));
    // A trial that made it run at all gets a second look before it is dropped: on a busy machine an answer may come late once.
    if (broken && !changed && trial.length > 0 && !lookedTwice && after.outcome === before.outcome && round < MAX_ROUNDS) {
      lookedTwice = true;
      continue;
    }
    if (broken && !changed && worksByItself(before)) {
      // An experiment that did not help is no fix: the next one starts without it, and the result is the one before the first.
      withoutTrial ??= done(left);
      untried ??= { extra: [...extra], met: [...met] };
      extra.splice(0, extra.length, ...untried.extra);
      met.splice(0, met.length, ...untried.met);
      trial = [];
      while (trial.length === 0 && tried < experiments.length && round < MAX_ROUNDS) trial = experiments[tried++]?.(after) ?? [];
      if (trial.length === 0) return { ...withoutTrial, rounds: round };
      const chosen = trial;
      extra.splice(0, extra.length, ...extra.filter((fix) => !chosen.some((one) => conflicts(one, fix))));
      addRemedies(extra, trial);
      lookedTwice = false;
      plan = planFixes([...findings, ...met], context);
      continue;
    }
    if (!changed || round === MAX_ROUNDS || !worksByItself(before))
      return broken && withoutTrial ? { ...withoutTrial, rounds: round } : done(left);
    plan = next;
  }
}

/** What programs commonly try and do without. */
const WENT_ON = new Set(['identity-change', 'ownership-change', 'capability-needed']);

/**
 * What else can be done about what the recipient was denied: wrappers and lines of configuration first; a service user's name moves to the
 * recipient only when neither applies.
 */
function remedies(met: readonly Finding[], context: FixContext): readonly Fix[] {
  const unwrapped = privilegeDrop(met, context);
  const argv = unwrapped.flatMap(({ run }) => (run.entrypoint ? [[...run.entrypoint, ...(run.command ?? [])]] : [])).at(-1);
  const direct = [...unwrapped, ...identityArguments(met, context, argv), ...configLine(met, context)];
  return [...(direct.length > 0 ? direct : serviceUser(met, context)), ...handedOver(met, context), ...accessAsked(met, context)];
}

/** A name for the recipient, unless another remedy has given it one: two versions of /etc/passwd could not both be in the layer. */
const nameFor = (extra: readonly Fix[], context: FixContext): readonly Fix[] => {
  const entry = extra.some((fix) => fix.id === 'service-user') ? undefined : passwdEntry(context);
  return entry ? [entry] : [];
};

/** Words and lines that name a user, for a program that looks who it is and gives up without a call that could be denied. */
const toldToBeSomebody = (extra: readonly Fix[], context: FixContext, read: ReadonlySet<string>): readonly Fix[] =>
  [...withoutIdentityArguments(context), ...withoutIdentityLines(context, read)].filter(
    (fix) => !extra.some((other) => other.id === fix.id && other.subject === fix.subject),
  );

const idsOf = (
  { processes }: Observation,
  id: (one: Observation['processes'][number]) => number | undefined,
): ReadonlySet<number> => new Set(processes.map((one) => id(one) ?? 0));

const filesRead = (trace: Trace = NO_TRACE): ReadonlySet<string> =>
  new Set(trace.events.flatMap(({ operation, errno }) => (operation.kind === 'open' && !errno ? [operation.path] : [])));

const NO_TRACE: Trace = { tracer: 'log', events: [], processes: [], blindSpots: ['there was no run to watch'] };

/** What the recipient was denied and root was not: seen by the tracer, or told by the program itself where the tracer does not look. */
function denialsOf(after: Observation, before: Observation, launch: Launch): readonly TraceEvent[] {
  const traced = newDenials(after.trace ?? NO_TRACE, before.trace ?? NO_TRACE);
  // What is started inside for a probe is no child of the container's first process, so no tracer follows it.
  const probed = logEvents(failedProbes(before, after), launch);
  if (after.trace?.tracer === 'strace') return [...traced, ...probed];
  return [...traced, ...logEvents(`${after.stdout}\n${after.stderr}`, launch), ...probed];
}

/** What health check and probe command said when they failed, if they succeeded before. */
const failedProbes = (before: Observation, after: Observation): string =>
  (['healthcheck', 'command'] as const)
    .filter((what) => before[what]?.code === 0 && after[what] !== undefined && after[what].code !== 0)
    .map((what) => after[what]?.output ?? '')
    .join('\n');

const sameOperation = (a: Finding, b: Finding): boolean =>
  a.id === b.id && JSON.stringify(a.operation) === JSON.stringify(b.operation);

const fingerprint = (fixes: readonly Fix[]): string => JSON.stringify(fixes.map(({ layer, run }) => [layer, run]));

function addRemedies(list: Fix[], more: readonly Fix[]): void {
  for (const remedy of more) {
    const at = list.findIndex((fix) => fix.id === remedy.id && fix.subject === remedy.subject);
    // A later round knows more: it may switch off one more line of the same file.
    if (at < 0) list.push(remedy);
    else list[at] = remedy;
  }
}
