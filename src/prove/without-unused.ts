/** Takes back what was granted and not made use of, and keeps it so only when one more watched run does the same without. */
import type { Fix } from '../finding/fix.ts';
import { mergeLayer, mergeRun } from '../fixes/merge.ts';
import type { Unresolved } from '../fixes/plan.ts';
import type { Launch } from '../launch/launch.ts';
import { compareEffects } from '../trace/compare.ts';
import { newDenials } from '../trace/denials.ts';
import { askedAfter } from './asked-after.ts';
import { observedFindings } from './findings.ts';
import { newErrorLines } from './log-lines.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import { asMoved, movedPorts, portsOf } from './ports.ts';
import { normalise } from './probes.ts';
import { ROOTS } from './remedies.ts';
import type { RoundsResult } from './rounds.ts';
import type { RoundsInput } from './rounds-input.ts';
import { settingsOfRun } from './settings.ts';
import { launchOf, readSubject, type Subject } from './subject.ts';
import { unusedGrants, unusedMounts } from './unused-grants.ts';
import { lostBy, mayLoseWork, worksByItself, worksLess } from './verdict.ts';
import { withAccount, withoutInjection } from './with-account.ts';

/** The same rounds when everything was used, or when the result does less without. */
export async function withoutUnused(rounds: RoundsResult, input: RoundsInput): Promise<RoundsResult> {
  const { before, after, launch, fixes, layer, doubtful = [] } = rounds;
  if (launch.kind === 'refusal' || !worksByItself(before) || after.trace?.tracer !== 'strace') return rounds;
  const moved = movedPorts(rounds.run.ports);
  // Of what does not work, nothing tells which grants it uses; what it did not help to change is left alone all the same.
  if (worksLess(before, after, moved)) return withoutDoubtful(rounds, doubtful, input);
  const unused = new Set(unusedGrants(fixes, layer, after.trace, launch, input.subject.rootFs).map(({ change }) => change));
  const mounts = unusedMounts(fixes, after.trace, input.subject.rootFs);
  const count = unused.size + mounts.length;
  const words = count === 1 ? 'a grant that nothing used' : `${count} grants that nothing used`;
  const fewer = fixes.filter((fix) => !mounts.includes(fix)).flatMap((fix) => without(fix, unused));
  const lesser = count === 0 ? rounds : ((await tryWith(fewer, words, rounds, input)) ?? rounds);
  return withoutDoubtful(lesser, doubtful, input);
}

/** How many are tried one by one, where it does not do without all of them. */
const MOST_DOUBTFUL = 4;

async function withoutDoubtful(rounds: RoundsResult, doubtful: readonly Fix[], input: RoundsInput): Promise<RoundsResult> {
  const isOne = (fix: Fix): boolean => doubtful.some((one) => one.id === fix.id && one.subject === fix.subject);
  const those = rounds.fixes.filter(isOne);
  if (those.length === 0) return rounds;
  const drop = (now: RoundsResult, gone: readonly Fix[]): Promise<RoundsResult | undefined> => {
    const words = gone.map(({ id, subject }) => `${id} ${subject}`).join(', ');
    return tryWith(
      now.fixes.filter((fix) => !gone.includes(fix)),
      `${words}, which may not have helped`,
      now,
      input,
      gone,
    );
  };
  const all = await drop(rounds, those);
  if (all !== undefined || those.length === 1) return all ?? rounds;
  let now = rounds;
  for (const fix of those.slice(0, MOST_DOUBTFUL)) now = (await drop(now, [fix])) ?? now;
  return now;
}

/** One more round with these fixes; undefined when it does less. */
async function tryWith(
  fewer: readonly Fix[],
  words: string,
  rounds: RoundsResult,
  input: RoundsInput,
  gone: readonly Fix[] = [],
): Promise<RoundsResult | undefined> {
  const { before, after } = rounds;
  const lesser = mergeLayer(fewer);
  const run = mergeRun(fewer, input.recipient, portsOf(before));
  const moved = movedPorts(run.ports);
  input.onProgress(`round ${rounds.rounds + 1}: running it without ${words}`);
  const image = await input.derive(lesser, run);
  const again = launchOf(
    await readSubject(image),
    settingsOfRun(run, input.recipient, input.settings, input.profile),
    input.profile,
  );
  if (again.kind === 'refusal') return undefined;
  const last = await (input.run ?? observe)(
    await input.prepare(await withAccount(image, again, input.recipient)),
    withoutInjection(again, input.recipient),
    {
      ...input.observe,
      ...askedAfter(input.observe, image, moved),
      tracer: input.tracer,
      like: asMoved(before, moved),
      volumeOwners: run.volumes,
    },
  );
  const lost = lostBy(before, last, moved);
  const known = lostBy(before, after, movedPorts(rounds.run.ports));
  if (lost.some((text) => !known.includes(text)) || doesLess(before, after, last, gone)) return undefined;
  const left = gone.length === 0 ? [] : deniedAgain(await readSubject(image), rounds, again, last);
  if (left.some(({ finding }) => mayLoseWork(finding, before))) return undefined;
  return {
    ...rounds,
    fixes: fewer,
    layer: lesser,
    run,
    image,
    launch: again,
    after: last,
    rounds: rounds.rounds + 1,
    left: [...rounds.left, ...left],
  };
}

/** What a fix was about that is gone: for the reader. */
function deniedAgain(fixed: Subject, { asIs, after }: RoundsResult, launch: Launch, last: Observation): readonly Unresolved[] {
  if (last.trace === undefined || after.trace === undefined) return [];
  const findings = observedFindings(fixed, asIs, launch, newDenials(last.trace, after.trace), last.trace);
  return findings.map((finding) => ({ finding, reason: 'denied in the last run too, and the program went on' }));
}

/** A fix without these changes; nothing when they were all it had. */
function without(fix: Fix, unused: ReadonlySet<Fix['layer'][number]>): readonly Fix[] {
  const layer = fix.layer.filter((change) => !unused.has(change));
  if (layer.length === fix.layer.length) return [fix];
  if (layer.length === 0) return [];
  const paths = (list: Fix['layer']): string => list.map(({ path }) => path).join(', ');
  return [{ ...fix, layer, title: fix.title.replace(paths(fix.layer), paths(layer)) }];
}

/** Was denied something that the run with the fixes was not, or left something undone; what a fix was about that is gone is denied again. */
function doesLess(before: Observation, after: Observation, last: Observation, gone: readonly Fix[]): boolean {
  if (before.trace === undefined || after.trace === undefined || last.trace === undefined) return true;
  const known = new Set(newDenials(after.trace, before.trace).map(({ operation }) => JSON.stringify(operation)));
  const fresh = newDenials(last.trace, after.trace).filter(
    ({ operation }) => !known.has(JSON.stringify(operation)) && !(gone.length > 0 && ROOTS.has(operation.kind)),
  );
  const complaints = newErrorLines(before, last).filter(({ denial }) => denial);
  const said = new Set(newErrorLines(before, after).map(({ text }) => normalise(text)));
  return (
    fresh.length > 0 ||
    (gone.length > 0 && complaints.some(({ text }) => !said.has(normalise(text)))) ||
    compareEffects(before.trace, last.trace).length > compareEffects(before.trace, after.trace).length
  );
}
