/**
 * The search for the smallest change that works: run as the image says, see what the recipient may not do, fix, run as the recipient, see what is
 * still denied, fix again, until nothing new is denied or nothing more can be done.
 */

import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import type { FixContext } from '../fixes/context.ts';
import { leftOutFolders } from '../fixes/left-out-folders.ts';
import { mergeLayer, mergeRun } from '../fixes/merge.ts';
import { neededCapabilities } from '../fixes/needed-capability.ts';
import { planFixes, type Unresolved } from '../fixes/plan.ts';
import { conflicts } from '../fixes/recipe.ts';
import { stateFolders } from '../fixes/state-folder.ts';
import type { Image } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { newDenials } from '../trace/denials.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';
import { askedAfter } from './asked-after.ts';
import { workingBaseline } from './baseline.ts';
import type { Experiment } from './experiment.ts';
import { experimentsFor, sameOperation } from './experiments.ts';
import { findingsOf, fixContext, observedFindings } from './findings.ts';
import { logEvents } from './log-events.ts';
import { notStarted, type Observation } from './observation.ts';
import { observe } from './observe.ts';
import { afterFixes } from './port-trials.ts';
import { asMoved, movedPorts, portsOf } from './ports.ts';
import { recipesFor, rootNotes } from './recipe-trials.ts';
import { addRemedies, doubted, isAuthors, nameMissed, remedies, sameSubject, withExtra } from './remedies.ts';
import type { RoundsInput } from './rounds-input.ts';
import { saidNames } from './said-names.ts';
import { settingsAs, settingsOfRun } from './settings.ts';
import { stillDenied } from './still-denied.ts';
import { stoppedByIdentity } from './stopped-by.ts';
import { configsRead, launchOf, programsRun, readSubject } from './subject.ts';
import { targetOf } from './target.ts';
import { rootQuestions } from './told-reasons.ts';
import { gatesStarted, withoutGates } from './user-gates.ts';
import { mayLoseWork, worksByItself, worksLess } from './verdict.ts';
import { withAccount, withoutInjection } from './with-account.ts';

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
  /** Denied changes of identity at which one of the runs as the user stopped, whatever was tried. */
  readonly stoppedBy?: readonly TraceEvent[];
  /** Remedies of which nothing shows that they were what helped. */
  readonly doubtful?: readonly Fix[];
}

export async function runRounds(input: RoundsInput, asTheImageSays: Launch): Promise<RoundsResult> {
  const { subject, recipient, settings, profile, onProgress } = input;
  onProgress('running it as the image says, watched');
  const base = await input.prepare(subject.image);
  const run = input.run ?? observe;
  const observed: typeof run = async (...args) => withoutGates(await run(...args));
  const first = await observed(base, asTheImageSays, { ...input.observe, tracer: input.tracer, keep: input.keep });
  const { asIs, before, notes } = await workingBaseline(input, base, asTheImageSays, first);
  const baseline = before.trace ?? NO_TRACE;

  const wanted = input.readOnly === true ? { ...settings, readOnly: true } : settings;
  const target = targetOf(subject, asIs, settingsAs(recipient, wanted, profile), profile);
  if (target.kind === 'refusal') throw new Error(`the model refuses the recipient: ${target.message}`);
  const names = saidNames(baseline, subject, asIs);
  let context = fixContext(subject, asIs, target, recipient, {
    trace: baseline,
    says: names.says,
    ...(before.home === undefined ? {} : { servedHome: before.home }),
    left: before.changes,
    configs: await configsRead(baseline, subject),
    programs: await programsRun(baseline, subject),
    ...(input.portStrategy === undefined ? {} : { portStrategy: input.portStrategy }),
  });
  const findings = findingsOf(subject, asIs, target, baseline);
  await names.learn(findings);

  const met: Finding[] = [];
  const extra: Fix[] = [...stateFolders(baseline, new Set(before.processes.map(({ uids }) => uids[1] ?? 0)), context)];
  let plan = planFixes(findings, context);
  const recipes = recipesFor(before, context);
  const questions = await rootQuestions(baseline, subject);
  const low = ['auto', 'move'].includes(context.portStrategy ?? 'auto') ? portsToMove(plan.unresolved) : [];
  const experiments = experimentsFor(before, recipes, context, low, subject.image.config.healthcheck?.test);
  let trial: readonly Fix[] = [];
  let helped: Experiment['helped'];
  let without: Experiment['without'];
  let untried: { readonly extra: readonly Fix[]; readonly met: readonly Finding[]; readonly broken: boolean } | undefined;
  let tried = 0;
  let lookedTwice = false;
  let withoutTrial: RoundsResult | undefined;
  let stoppedBy: readonly TraceEvent[] = [];
  const doubtful = new Set<string>();
  for (let round = 1; ; round++) {
    const fixes = withExtra(plan.fixes, extra);
    const layer = mergeLayer(fixes);
    const run = mergeRun(fixes, recipient, portsOf(before));
    const moved = movedPorts(run.ports);
    onProgress(`round ${round}: running it as ${run.user} with ${fixes.length} ${fixes.length === 1 ? 'fix' : 'fixes'}`);
    const image = await input.derive(layer, run);
    const fixed = await readSubject(image);
    const launch = launchOf(fixed, settingsOfRun(run, recipient, settings, profile), profile);
    const after =
      launch.kind === 'refusal'
        ? notStarted(launch.message)
        : await observed(await input.prepare(await withAccount(image, launch, recipient)), withoutInjection(launch, recipient), {
            ...input.observe,
            ...askedAfter(input.observe, image, moved),
            tracer: input.tracer,
            like: asMoved(before, moved),
            volumeOwners: run.volumes,
          });
    const denials = launch.kind === 'refusal' ? [] : denialsOf(after, before, launch);
    const fresh = launch.kind === 'refusal' ? [] : observedFindings(fixed, asIs, launch, denials, after.trace ?? NO_TRACE);
    const stopped = stoppedByIdentity(after);
    if (stopped.length > 0) stoppedBy = stopped;
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
      stoppedBy,
      doubtful: fixes.filter((fix) => doubtful.has(keyOf(fix)) || (trial.length > 1 && trial.includes(fix) && isAuthors(fix))),
      notes: [
        ...notes,
        ...(after.outcome === 'exited' && after.exit?.code !== 0 ? questions : []),
        ...rootNotes(recipes),
        ...neededCapabilities(fresh, context).impossible,
      ],
    });
    // What an experiment was for is there: it stays whatever else is broken, and later remedies build on it. So does what brought it to its port.
    const binds = low.length > 0 && fresh.some(({ operation }) => operation?.kind === 'bind');
    const further = binds && withoutTrial !== undefined && portsToMove(withoutTrial.left).length === 0;
    if (trial.length > 0 && (further || helped?.(after, fresh))) {
      context = afterFixes(trial, context);
      if (further) tried = 0;
      [trial, helped, untried, withoutTrial] = [[], undefined, undefined, undefined];
    }

    met.push(...fresh.filter((finding) => !met.some((other) => sameOperation(other, finding))));
    await names.learn(met);
    const next = planFixes([...findings, ...met], context);
    const broken = worksLess(before, after, moved);
    const more = [
      ...(broken ? remedies(met, context, gatesStarted(after.trace)) : nameMissed(before, after, extra, context)),
      ...(broken ? leftOutFolders(after, context) : []),
      ...(broken && trial.length > 0 ? capabilitiesFor(fresh, context) : []),
    ].filter((fix) => !trial.some((one) => conflicts(one, fix)) && !(trial.length > 0 && without?.(fix)));
    const added = more.filter((fix) => !extra.some((one) => sameSubject(one, fix)));
    for (const fix of doubted(added, after)) doubtful.add(keyOf(fix));
    addRemedies(extra, more);
    const changed = fingerprint(withExtra(next.fixes, extra)) !== fingerprint(fixes);
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
    const less = broken || left.some(({ finding }) => finding.id === 'capability-needed' && mayLoseWork(finding, before));
    if (less && !changed && worksByItself(before)) {
      // An experiment that did not help is no fix: the next one starts without it, and the result is the one before the first.
      withoutTrial ??= done(left);
      untried ??= { extra: [...extra], met: [...met], broken };
      extra.splice(0, extra.length, ...untried.extra);
      met.splice(0, met.length, ...untried.met);
      trial = [];
      while (trial.length === 0 && tried < experiments.length && round < MAX_ROUNDS) {
        const experiment = experiments[tried++] as Experiment;
        if (!untried.broken && experiment.forLostWork !== true) continue;
        if ((experiment.forPorts === true) !== portsToMove(withoutTrial.left).length > 0) continue;
        trial = experiment.try({ after, met, extra, fixes, context });
        ({ helped, without } = experiment);
      }
      if (trial.length === 0) return { ...withoutTrial, rounds: round, stoppedBy };
      const chosen = trial;
      extra.splice(0, extra.length, ...extra.filter((fix) => !chosen.some((one) => conflicts(one, fix)) && !without?.(fix)));
      addRemedies(extra, trial);
      lookedTwice = false;
      plan = planFixes([...findings, ...met], context);
      continue;
    }
    if (!changed || round === MAX_ROUNDS || !worksByItself(before))
      return less && withoutTrial ? { ...withoutTrial, rounds: round, stoppedBy } : done(left);
    plan = next;
  }
}

/** A program that a trial brought one step further asks for what it could not ask for before: all of it at once. */
const capabilitiesFor = (fresh: readonly Finding[], context: FixContext): readonly Fix[] => {
  const last = neededCapabilities(fresh, context).trials.at(-1);
  return last === undefined ? [] : [last.fix];
};

/** What programs commonly try and do without. */
const WENT_ON = new Set(['identity-change', 'ownership-change', 'capability-needed']);

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

/** Low ports that no setting and no capability opens: seen bound by the first run, or denied in one of the others. */
const portsToMove = (unresolved: readonly Unresolved[]): readonly number[] =>
  unresolved.flatMap(({ finding: { operation } }) => (operation?.kind === 'bind' ? [operation.port] : []));

const keyOf = ({ id, subject }: Fix): string => `${id} ${subject}`;

const fingerprint = (fixes: readonly Fix[]): string => JSON.stringify(fixes.map(({ layer, run }) => [layer, run]));
