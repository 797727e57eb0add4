/** What is tried when the general remedies leave a program broken, one thing at a time, in the order of what it costs: see {@link experimentsFor}. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { formerUser, serviceUser } from '../fixes/accounts.ts';
import { withoutIdentityLines } from '../fixes/config-line.ts';
import type { FixContext } from '../fixes/context.ts';
import { withoutIdentityArguments } from '../fixes/identity-arguments.ts';
import { neededCapabilities } from '../fixes/needed-capability.ts';
import { ownedFiles } from '../fixes/owned-files.ts';
import { recipe } from '../fixes/recipe.ts';
import { ownedClaims } from '../fixes/volume-owner.ts';
import type { Recipe } from '../recipes/recipe.ts';
import type { Experiment } from './experiment.ts';
import type { Observation } from './observation.ts';
import { portTrials } from './port-trials.ts';
import { recipeTrials } from './recipe-trials.ts';
import { nameFor } from './remedies.ts';

/** Trials with capabilities: a sysctl, each alone, all together. */
const CAPABILITY_TRIALS = 4;

/** Ports first, because nothing else helps a program that cannot bind; then owners that programs insist on; then calls that only a capability allows; then what is known of the program. */
export function experimentsFor(
  before: Observation,
  recipes: readonly Recipe[],
  context: FixContext,
  low: readonly number[],
  healthcheck: readonly string[] | undefined,
): readonly Experiment[] {
  return [
    ...(low.length === 0 ? [] : portTrials(low, before, recipes, healthcheck)),
    { try: ({ fixes, context: now }) => ownedClaims(fixes, now) },
    ...fileOwnerTrials(),
    { try: ({ extra, met, context: now }) => whoTheyName(extra, met, before, now), without: isIdentityLine },
    ...capabilityTrials(false),
    ...recipeTrials(recipes, context).map((one): Experiment => ({ try: ({ context: now, extra }) => recipe(one, now, extra) })),
    nameTrial(),
    ...fileOwnerTrials(),
    { try: ({ after, extra, context: now }) => toldToBeSomebody(extra, now, filesRead(after)) },
    {
      try: ({ context: now }) =>
        formerUser(
          idsOf(before, (one) => one.uids[1]),
          idsOf(before, (one) => one.gid),
          now,
        ),
    },
    ...capabilityTrials(true),
  ];
}

const words = ({ stdout, stderr }: Observation): string => `${stdout}\n${stderr}`;

/** How many files one after the other, each named when the one before is right. */
const FILES_NAMED = 3;

/** It helped when the program speaks of the file no more, whatever it wants next. */
const fileOwnerTrials = (): readonly Experiment[] =>
  Array.from({ length: FILES_NAMED }, (): Experiment => {
    let named: readonly string[] = [];
    return {
      try: ({ fixes, context, after }) => {
        const trial = ownedFiles(fixes, context, words(after), filesSeen(after));
        named = trial.map(({ subject }) => subject).filter((subject) => words(after).includes(subject));
        return trial;
      },
      helped: (after) => named.length > 0 && named.every((subject) => !words(after).includes(subject)),
    };
  });

/** A program that asked who it is (getpwuid(3)) and was told nobody. */
const NOBODY = /getpw|passwd|\b(?:user|uid)\b/i;

/** It helped when that is what the program gave up for, and it gives up for it no more. */
function nameTrial(): Experiment {
  let asked = false;
  return {
    try: ({ extra, context, after }) => {
      asked = NOBODY.test(words(after));
      return nameFor(extra, context);
    },
    helped: (after) => asked && !NOBODY.test(words(after)),
  };
}

const capabilityTrials = (comfort: boolean): readonly Experiment[] =>
  Array.from({ length: CAPABILITY_TRIALS }, (_, at): Experiment => {
    let about: readonly Finding[] = [];
    return {
      try: ({ met, context }) => {
        const trial = neededCapabilities(met, context, comfort).trials[at];
        about = trial?.about ?? [];
        return trial === undefined ? [] : [trial.fix];
      },
      helped: (_after, fresh) => !fresh.some((one) => about.some((other) => sameOperation(one, other))),
      ...(comfort ? {} : { forLostWork: true }),
    };
  });

/** A line or word that names a user, switched off. */
const isIdentityLine = ({ id }: Fix): boolean => id === 'config-line' || id === 'identity-arguments';

/** Some programs end, or do less, without the line that says whom to be: then it stays, and whoever it names is the recipient. */
function whoTheyName(extra: readonly Fix[], met: readonly Finding[], before: Observation, context: FixContext): readonly Fix[] {
  if (!extra.some(isIdentityLine)) return [];
  const denied = serviceUser(met, context);
  if (denied.length > 0) return denied;
  const became = (before.trace?.events ?? []).filter(({ errno }) => errno === undefined).map(({ operation }) => operation);
  return formerUser(
    became.flatMap((operation) => (operation.kind === 'setuid' ? operation.ids : [])),
    became.flatMap((operation) => (operation.kind === 'setgid' ? operation.ids : [])),
    context,
  );
}

/** Words and lines that name a user, for a program that looks who it is and gives up without a call that could be denied. */
const toldToBeSomebody = (extra: readonly Fix[], context: FixContext, read: ReadonlySet<string>): readonly Fix[] =>
  [...withoutIdentityArguments(context), ...withoutIdentityLines(context, read)].filter(
    (fix) =>
      !extra.some(
        (other) => other.id === fix.id && other.subject === fix.subject && (fix.id !== 'config-line' || sameChange(other, fix)),
      ),
  );

const sameChange = (a: Fix, b: Fix): boolean => JSON.stringify([a.layer, a.run]) === JSON.stringify([b.layer, b.run]);

export const sameOperation = (a: Finding, b: Finding): boolean =>
  a.id === b.id && JSON.stringify(a.operation) === JSON.stringify(b.operation);

const idsOf = (
  { processes }: Observation,
  id: (one: Observation['processes'][number]) => number | undefined,
): ReadonlySet<number> => new Set(processes.map((one) => id(one) ?? 0));

/** Of which it asked whose they are. */
const filesSeen = ({ trace }: Observation): ReadonlySet<string> =>
  new Set((trace?.events ?? []).flatMap(({ operation, errno }) => (operation.kind === 'stat' && !errno ? [operation.path] : [])));

const filesRead = ({ trace }: Observation): ReadonlySet<string> =>
  new Set((trace?.events ?? []).flatMap(({ operation, errno }) => (operation.kind === 'open' && !errno ? [operation.path] : [])));
