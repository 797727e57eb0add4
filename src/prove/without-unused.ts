/** Takes back what was granted and not made use of, and keeps it so only when one more watched run does the same without. */
import type { Fix } from '../finding/fix.ts';
import { mergeLayer, mergeRun } from '../fixes/merge.ts';
import { compareEffects } from '../trace/compare.ts';
import { newDenials } from '../trace/denials.ts';
import { askedAfter } from './asked-after.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import { asMoved, movedPorts, portsOf } from './ports.ts';
import type { RoundsResult } from './rounds.ts';
import type { RoundsInput } from './rounds-input.ts';
import { settingsOfRun } from './settings.ts';
import { launchOf, readSubject } from './subject.ts';
import { unusedGrants, unusedMounts } from './unused-grants.ts';
import { worksByItself, worksLess } from './verdict.ts';
import { withAccount, withoutInjection } from './with-account.ts';

/** The same rounds when everything was used, when the result does not work anyway, or when it does less without. */
export async function withoutUnused(rounds: RoundsResult, input: RoundsInput): Promise<RoundsResult> {
  const { before, after, launch, fixes, layer } = rounds;
  if (launch.kind === 'refusal' || !worksByItself(before) || after.trace?.tracer !== 'strace') return rounds;
  const moved = movedPorts(rounds.run.ports);
  if (worksLess(before, after, moved)) return rounds;
  const unused = new Set(unusedGrants(fixes, layer, after.trace, launch, input.subject.rootFs).map(({ change }) => change));
  const mounts = unusedMounts(fixes, after.trace, input.subject.rootFs);
  const count = unused.size + mounts.length;
  if (count === 0) return rounds;
  const fewer = fixes.filter((fix) => !mounts.includes(fix)).flatMap((fix) => without(fix, unused));
  const lesser = mergeLayer(fewer);
  const run = mergeRun(fewer, input.recipient, portsOf(before));
  input.onProgress(
    `round ${rounds.rounds + 1}: running it without ${count === 1 ? 'a grant' : `${count} grants`} that nothing used`,
  );
  const image = await input.derive(lesser, run);
  const again = launchOf(
    await readSubject(image),
    settingsOfRun(run, input.recipient, input.settings, input.profile),
    input.profile,
  );
  if (again.kind === 'refusal') return rounds;
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
  if (worksLess(before, last, moved) || doesLess(before, after, last)) return rounds;
  return { ...rounds, fixes: fewer, layer: lesser, run, image, launch: again, after: last, rounds: rounds.rounds + 1 };
}

/** A fix without these changes; nothing when they were all it had. */
function without(fix: Fix, unused: ReadonlySet<Fix['layer'][number]>): readonly Fix[] {
  const layer = fix.layer.filter((change) => !unused.has(change));
  if (layer.length === fix.layer.length) return [fix];
  if (layer.length === 0) return [];
  const paths = (list: Fix['layer']): string => list.map(({ path }) => path).join(', ');
  return [{ ...fix, layer, title: fix.title.replace(paths(fix.layer), paths(layer)) }];
}

/** Was denied something that the run with the grants was not, or left something undone. */
function doesLess(before: Observation, after: Observation, last: Observation): boolean {
  if (before.trace === undefined || after.trace === undefined || last.trace === undefined) return true;
  const known = new Set(newDenials(after.trace, before.trace).map(({ operation }) => JSON.stringify(operation)));
  const fresh = newDenials(last.trace, after.trace).filter(({ operation }) => !known.has(JSON.stringify(operation)));
  return fresh.length > 0 || compareEffects(before.trace, last.trace).length > compareEffects(before.trace, after.trace).length;
}
