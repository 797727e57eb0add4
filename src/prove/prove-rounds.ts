/** The proof of what the rounds came to: their image and settings, unwatched, as every user it is meant for. */
import type { Engine, EngineOptions } from '../engine/engine.ts';
import type { Recipient } from '../fixes/context.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { compareEffects, socketsInBoth } from '../trace/compare.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { leftDenials } from './left-denials.ts';
import type { ObserveOptions } from './observe.ts';
import { movedPorts } from './ports.ts';
import { type Proof, prove } from './prove.ts';
import type { Reason } from './reason.ts';
import { arbitraryUids } from './recipient.ts';
import type { RoundsResult } from './rounds.ts';
import { settingsOfRun } from './settings.ts';
import { configsRead, launchOf, readSubject, type Subject } from './subject.ts';
import { lastDenied, unopenedOutput } from './told-reasons.ts';
import { unaskedWork } from './unasked.ts';
import type { Expectation } from './verdict.ts';
import { withAccount } from './with-account.ts';

export interface ProveRoundsInput {
  readonly rounds: RoundsResult;
  /** What showed over the data of an earlier run. */
  readonly oldData: readonly Reason[];
  readonly subject: Subject;
  readonly recipient: Recipient;
  readonly engine: Engine;
  readonly profile: PlatformProfile;
  readonly settings: ContainerSettings;
  readonly observe: ObserveOptions;
  readonly prepare: EngineOptions;
  readonly onProgress: (message: string) => void;
}

/** How many uids a result for arbitrary ones is tried as. */
const ARBITRARY_TRIALS = 3;

export async function proveRounds(input: ProveRoundsInput): Promise<Proof> {
  const { rounds, subject, recipient, settings, engine, profile } = input;
  const fixed = await readSubject(rounds.image);
  const uids = recipient.arbitrary ? arbitraryUids(ARBITRARY_TRIALS, subject.image.configDigest) : [recipient.uid];
  const launches = uids.map((uid) =>
    launchOf(fixed, settingsOfRun(rounds.run, { ...recipient, uid }, settings, profile), profile),
  );
  const before = await engine.prepare(subject.image, input.prepare);
  const after = await Promise.all(
    launches.map(async (launch) => {
      const image = launch.kind === 'launch' ? await withAccount(rounds.image, launch, recipient) : rounds.image;
      return { image: await engine.prepare(image, input.prepare), launch };
    }),
  );
  return prove({
    before: { image: before, launch: rounds.asIs },
    after,
    expectation: await expectationOf(input),
    volumeOwners: rounds.run.volumes,
    like: rounds.before,
    observe: input.observe,
    onProgress: input.onProgress,
  });
}

/** What the proof has to find, from what the watched runs showed. */
export async function expectationOf(
  input: Pick<ProveRoundsInput, 'rounds' | 'oldData' | 'subject' | 'profile' | 'settings'> & {
    readonly observe?: ObserveOptions;
  },
): Promise<Omit<Expectation, 'hostUid'>> {
  const { rounds, oldData } = input;
  const traces = rounds.before.trace && rounds.after.trace ? ([rounds.before.trace, rounds.after.trace] as const) : undefined;
  const moved = movedPorts(rounds.run.ports);
  const whyBroken = unopenedOutput(rounds.before.trace, input.subject.rootFs) ?? lastDenied(rounds.before.trace);
  return {
    ...(whyBroken === undefined ? {} : { whyBroken }),
    ...(input.observe?.probePath === undefined ? {} : { askedPath: input.observe.probePath }),
    moved,
    lostEffects: traces ? inShort(compareEffects(...traces, moved)) : [],
    sockets: traces ? socketsInBoth(...traces) : [],
    leftDenials: [...leftDenials(rounds), ...(await unasked(input))],
    oldData,
    volumes: rounds.asIs.mounts
      .filter(({ type, readOnly, origin }) => (type === 'volume' || type === 'bind') && !readOnly && origin !== 'platform')
      .map(({ target }) => target),
  };
}

/** A database that does not start is missing a thousand files. */
const MOST_FILES = 6;

function inShort(lost: readonly string[]): readonly string[] {
  const files = lost.filter((text) => text.startsWith('it no longer writes '));
  if (files.length <= MOST_FILES) return lost;
  const rest = lost.filter((text) => !files.includes(text));
  return [...rest, ...files.slice(0, MOST_FILES), `it no longer writes ${files.length - MOST_FILES} more files`];
}

/** Like work that is lost, unless a probe of the user's own shows that what is needed works. */
async function unasked({
  rounds,
  subject,
  settings,
  profile,
}: Pick<ProveRoundsInput, 'rounds' | 'subject' | 'profile' | 'settings'>): Promise<Expectation['leftDenials']> {
  const { asIs, before } = rounds;
  const said = launchOf(subject, settings, profile);
  // What the image itself does not run as root was root for our comparison only.
  if (asIs.uid !== 0 || (said.kind === 'launch' && said.uid !== 0)) return [];
  const configs = before.trace ? await configsRead(before.trace, subject) : new Map<string, string>();
  const work = await unaskedWork(before, subject, configs);
  return work.map((text) => ({
    text: `${text} (--probe CMD shows whether what you need works)`,
    losesWork: before.command?.code !== 0,
  }));
}
