/** The runs behind the commands: composes the layers, holds no logic of its own. */
import { denialTexts } from './finding/denial-texts.ts';
import type { Finding } from './finding/finding.ts';
import type { Fix, LayerChange, Run } from './finding/fix.ts';
import type { Recipient } from './fixes/context.ts';
import { mergeLayer, mergeRun } from './fixes/merge.ts';
import { plainFixes } from './fixes/plain-fixes.ts';
import { planFixes, type Unresolved } from './fixes/plan.ts';
import type { DerivedImage } from './image/derive.ts';
import type { Image } from './image/image.ts';
import type { Launch, Refusal } from './launch/launch.ts';
import { started } from './launch/started.ts';
import type { PlatformProfile } from './platform/platform.ts';
import { arbitraryNotes } from './prove/arbitrary-notes.ts';
import { deriveRun } from './prove/derive-run.ts';
import { findingsOf, fixContext } from './prove/findings.ts';
import { foreseenOf } from './prove/foreseen.ts';
import type { ImageOptions } from './prove/image-options.ts';
import type { Measured } from './prove/measured.ts';
import type { Observation } from './prove/observation.ts';
import { type ObserveOptions, observe } from './prove/observe.ts';
import { overOldData, worksWhenNew } from './prove/old-data.ts';
import type { Proof } from './prove/prove.ts';
import { expectationOf, proveRounds } from './prove/prove-rounds.ts';
import { recipientOf } from './prove/recipient.ts';
import { runRounds } from './prove/rounds.ts';
import type { RoundsInput } from './prove/rounds-input.ts';
import { differencesOf, openSession } from './prove/session.ts';
import { settingsAs, withAsked } from './prove/settings.ts';
import { type SmallerRoot, smallerRoot } from './prove/smaller-root.ts';
import { launchOf, readSubject, type Subject } from './prove/subject.ts';
import { targetOf } from './prove/target.ts';
import { unusedPaths } from './prove/unused-grants.ts';
import type { Expectation } from './prove/verdict.ts';
import { volumeNotes } from './prove/volume-notes.ts';
import { withoutUnused } from './prove/without-unused.ts';
import type { Trace } from './trace/event.ts';

export type { ImageOptions } from './prove/image-options.ts';

export const DEFAULT_USER = '10001';

/** Whom the image shall run as when nobody says: on a platform that gives out uids of its own, any of them. */
const userFor = (options: ImageOptions, profile: PlatformProfile): string =>
  options.user ?? (profile.arbitraryUid === undefined ? DEFAULT_USER : 'arbitrary');

export interface CheckResult {
  readonly asIs: Launch | Refusal;
  readonly target: Launch | Refusal;
  readonly recipient: Recipient;
  readonly profile: PlatformProfile;
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly observation?: Observation;
  readonly unknown: readonly string[];
}

const startsAsRoot = (launch: Launch | Refusal): boolean => launch.kind === 'launch' && (launch.effectiveUid ?? launch.uid) === 0;

/** Findings for one image. Executes something of it only with `trace`. */
export async function checkImage(
  image: Image,
  options: ImageOptions & {
    readonly profile: PlatformProfile;
    readonly trace?: boolean | Trace;
    /** The settings are somebody's manifest: a container that is not root there is checked as what it is, not as somebody else. */
    readonly asWritten?: boolean;
  },
): Promise<CheckResult> {
  const subject = await readSubject(image);
  const { profile, settings } = options;
  const asIs = launchOf(subject, settings, profile);
  const kept = options.asWritten === true && options.user === undefined && !startsAsRoot(asIs);
  const recipient =
    kept && asIs.kind === 'launch'
      ? { uid: asIs.uid, gid: asIs.gid, arbitrary: false }
      : recipientOf(userFor(options, profile), subject);
  const target = kept ? asIs : launchOf(subject, settingsAs(recipient, settings, profile), profile);
  const watched = options.trace === true && asIs.kind === 'launch' ? await traceImage(image, options) : undefined;
  const trace = typeof options.trace === 'object' ? options.trace : watched?.observation.trace;
  const findings = findingsOf(subject, asIs, target, trace, trace ? [] : await foreseenOf(subject, asIs));
  const fixes =
    asIs.kind === 'launch' && target.kind === 'launch'
      ? planFixes(findings, fixContext(subject, asIs, target, recipient, portStrategyOf(options))).fixes
      : [];
  return {
    asIs,
    target,
    recipient,
    profile,
    findings,
    fixes,
    ...(watched ? { observation: watched.observation } : {}),
    unknown: trace
      ? trace.blindSpots
      : [
          'nothing was run: of what the program writes, binds or changes while it works, only what scripts and configuration say is known (--trace runs it)',
        ],
  };
}

/** Runs the image once as it says, watched. */
export async function traceImage(
  image: Image,
  options: ImageOptions,
): Promise<{ launch: Launch; engine: string; observation: Observation }> {
  const subject = await readSubject(image);
  const session = await openSession(options);
  try {
    const launch = started(launchOf(subject, options.settings, session.profile));
    const prepared = await session.watcher.prepare(image, hooks(options));
    const observation = await observe(prepared, launch, { ...observeOptions(image, options), tracer: session.tracer });
    return { launch, engine: session.watcher.kind, observation };
  } finally {
    await session.close();
  }
}

export interface FixResult {
  readonly subject: Subject;
  readonly recipient: Recipient;
  readonly profile: PlatformProfile;
  readonly engine: string;
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly unresolved: readonly Unresolved[];
  readonly layer: readonly LayerChange[];
  /** To start the result with, what was asked for on the command line included. */
  readonly run: Run;
  /** The part of it that the fixes brought, which the image itself says. */
  readonly fixedRun: Run;
  readonly image: DerivedImage;
  readonly asIs: Launch;
  readonly rounds: number;
  readonly proof?: Proof;
  /** What somebody else has to look for who proves it among others; with `run`. */
  readonly expectation?: Omit<Expectation, 'hostUid'>;
  /** When nothing proved it and it is root that is missing. */
  readonly smallerRoot?: SmallerRoot;
  /** Absent when nothing was run. */
  readonly measured?: Pick<Measured, 'seconds' | 'serviceStartMs' | 'grantsUnused'>;
  /** Denials that the watched runs met, in words. */
  readonly denials: { readonly before: readonly string[]; readonly after: readonly string[] };
  readonly unknown: readonly string[];
}

/** What a platform mounts by itself over a read-only root, others do not: the result says all it needs. */
const readOnlyProfile = (profile: PlatformProfile, { readOnly }: ImageOptions): PlatformProfile =>
  readOnly === true ? { ...profile, readOnlyTmpfs: [] } : profile;

/** The same from image bytes alone: what could not be known is said. */
export async function fixImageStatically(
  image: Image,
  options: ImageOptions & { readonly profile: PlatformProfile },
): Promise<FixResult> {
  const { settings } = options;
  const profile = readOnlyProfile(options.profile, options);
  const subject = await readSubject(image);
  const recipient = recipientOf(userFor(options, profile), subject);
  const asIs = started(launchOf(subject, settings, profile));
  const wanted = options.readOnly === true ? { ...settings, readOnly: true } : settings;
  const target = started(targetOf(subject, asIs, settingsAs(recipient, wanted, profile), profile));
  const findings = findingsOf(subject, asIs, target, undefined, await foreseenOf(subject, asIs));
  const plan = planFixes(findings, fixContext(subject, asIs, target, recipient, portStrategyOf(options)));
  const layer = mergeLayer(plan.fixes);
  const run = mergeRun(plan.fixes, recipient, []);
  return {
    subject,
    recipient,
    profile,
    engine: 'none',
    findings,
    fixes: plan.fixes,
    unresolved: plan.unresolved,
    layer,
    run: withAsked(run, settings),
    fixedRun: run,
    image: await deriveRun(image, layer, run),
    asIs,
    rounds: 0,
    denials: { before: [], after: [] },
    unknown: [
      ...(plan.unknown ?? []),
      'nothing was run: of what the program writes, binds or changes while it works, only what scripts and configuration say is known',
      'the result was not proved',
    ],
  };
}

/** Runs, fixes, runs again, and proves it. */
export async function fixImage(image: Image, options: ImageOptions & { readonly prove?: boolean }): Promise<FixResult> {
  const { settings } = options;
  const onProgress = options.onProgress ?? (() => undefined);
  const began = performance.now();
  const subject = await readSubject(image);
  const session = options.session ?? (await openSession(options));
  try {
    const profile = readOnlyProfile(session.profile, options);
    const recipient = recipientOf(userFor(options, profile), subject);
    const asIs = started(launchOf(subject, settings, profile));
    // Refused before anything runs: no change of the image makes a platform take a user that it does not allow.
    started(targetOf(subject, asIs, settingsAs(recipient, settings, profile), profile));
    const input: RoundsInput = {
      subject,
      recipient,
      settings,
      profile,
      readOnly: options.readOnly === true,
      prepare: (each) => session.watcher.prepare(each, hooks(options)),
      prepareMapped: async (each) => (await session.userNamespaces?.())?.prepare(each, hooks(options)),
      derive: (layer, run) => deriveRun(image, layer, run),
      tracer: session.tracer,
      observe: observeOptions(image, options),
      keep: session.keep,
      ...(options.run === undefined ? {} : { run: options.run }),
      ...portStrategyOf(options),
      onProgress,
    };
    const found = await withoutUnused(await runRounds(input, asIs), input);
    const { rounds, reasons: oldData } =
      options.prove === false ? { rounds: found, reasons: [] } : await overOldData(found, input);
    const { engine } = session;
    const observing = { observe: input.observe, prepare: hooks(options), onProgress };
    const proof =
      options.prove === false
        ? undefined
        : await proveRounds({ rounds, oldData, subject, recipient, engine, profile, settings, ...observing });
    const lesser = proof === undefined || worksWhenNew(proof, oldData) ? undefined : await smallerRoot(rounds, input);
    return {
      subject,
      recipient,
      profile,
      engine: session.engine.kind,
      findings: rounds.findings,
      fixes: plainFixes(rounds.fixes),
      unresolved: rounds.left,
      layer: rounds.layer,
      run: withAsked(rounds.run, settings),
      fixedRun: rounds.run,
      image: rounds.image as DerivedImage,
      asIs: rounds.asIs,
      rounds: rounds.rounds,
      ...(proof ? { proof } : {}),
      ...(options.run === undefined ? {} : { expectation: await expectationOf({ rounds, subject, profile, settings, oldData }) }),
      ...(lesser ? { smallerRoot: lesser } : {}),
      measured: {
        seconds: (performance.now() - began) / 1000,
        serviceStartMs: rounds.before.readyMs,
        ...unusedPaths(rounds, subject),
      },
      denials: { before: denialTexts(rounds.before.trace), after: denialTexts(rounds.after.trace) },
      unknown: [
        ...new Set([
          ...rounds.notes,
          ...arbitraryNotes(rounds, recipient),
          ...volumeNotes(rounds, subject),
          ...(rounds.before.trace?.blindSpots ?? []),
          ...session.notes,
          ...differencesOf(session.engine, [rounds.asIs, rounds.launch]),
        ]),
      ],
    };
  } finally {
    if (options.session === undefined) await session.close();
  }
}

const portStrategyOf = ({ portStrategy }: ImageOptions): Pick<ImageOptions, 'portStrategy'> =>
  portStrategy === undefined ? {} : { portStrategy };

const hooks = (options: ImageOptions): { signal?: AbortSignal; onProgress?: (message: string) => void } => ({
  ...(options.signal ? { signal: options.signal } : {}),
  ...(options.onProgress ? { onProgress: options.onProgress } : {}),
});

/** How long an image that names a port (EXPOSE) may take to open the first: a database is made at the first start. */
const ANNOUNCED_MS = 12_000;

const observeOptions = (image: Image, options: ImageOptions): ObserveOptions => ({
  ...(image.config.healthcheck ? { healthcheck: image.config.healthcheck } : {}),
  ...(options.probeCommand ? { probeCommand: options.probeCommand } : {}),
  ...(options.probePath ? { probePath: options.probePath } : {}),
  ...(image.config.exposedPorts?.some((port) => !port.endsWith('/udp')) ? { settle: { portlessMs: ANNOUNCED_MS } } : {}),
  ...hooks(options),
});
