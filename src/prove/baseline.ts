/** Something that works, to compare with: the image as it is, or as whoever it can work. */

import type { PreparedImage } from '../engine/engine.ts';
import { hostBinds } from '../engine/host-binds.ts';
import { fileTree } from '../launch/file-tree.ts';
import type { Launch } from '../launch/launch.ts';
import { profile as platformProfile } from '../platform/profiles.ts';
import { isDenied } from '../trace/denials.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import type { RoundsInput } from './rounds-input.ts';
import { settingsAs } from './settings.ts';
import { refusesRoot } from './stopped-by.ts';
import { launchOf } from './subject.ts';
import { lastDenied, unopenedOutput } from './told-reasons.ts';
import { worksByItself } from './verdict.ts';

export interface Baseline {
  readonly asIs: Launch;
  readonly before: Observation;
  readonly notes: readonly string[];
}

/** `before` when it works; else a run as root, or, of a program that refuses to be root, as the user whose files it wants. */
export async function workingBaseline(
  input: RoundsInput,
  image: PreparedImage,
  asIs: Launch,
  before: Observation,
): Promise<Baseline> {
  const works = worksByItself(before) && !lacksPort(before, asIs) && !(asIs.uid === 0 && sentAway(before));
  if (works) return { asIs, before, notes: [] };
  const other = asIs.uid === 0 ? await asSomebody(input, image, asIs, before) : await asRoot(input, image, asIs.uid);
  return other ?? { asIs, before, notes: [] };
}

/** A script may end well although the server in it could not bind: as somebody who may not, the first run shows no work to compare with. */
const lacksPort = ({ trace }: Observation, { uid }: Launch): boolean =>
  uid !== 0 && (trace?.events ?? []).some(({ operation, errno }) => operation.kind === 'bind' && errno === 'EACCES');

/** An image that names a user, or a platform that assigns one, may fail just because of that user; a run as root shows what the program wants. */
async function asRoot(input: RoundsInput, image: PreparedImage, uid: number): Promise<Baseline | undefined> {
  input.onProgress('it does not work as the image says: running it as root, watched');
  // OpenShift's restricted constraint assigns a uid and refuses root; its runtime without the constraint does not.
  const permissive = input.profile.arbitraryUid === undefined ? input.profile : platformProfile('crio');
  const root: ContainerSettings = permissive.kubelet ? { runAsUser: 0, runAsGroup: 0 } : { user: '0:0' };
  const note = `as uid ${uid}, which is what it would get as it is, it does not work; "before" is a run as root`;
  return runAs(input, image, { ...input.settings, ...root }, permissive, note);
}

/** It ended well, left nothing, and said that it does not want to be root. */
const sentAway = (before: Observation): boolean => before.changes.length === 0 && refusesRoot(before) !== undefined;

/** Programs that end when they are root want to be somebody else: their service user, or anybody. */
async function asSomebody(
  input: RoundsInput,
  image: PreparedImage,
  asRoot: Launch,
  before: Observation,
): Promise<Baseline | undefined> {
  const { subject, recipient, settings, profile } = input;
  const stranger = launchOf(subject, settingsAs(recipient, settings, profile), profile);
  if (before.outcome === 'refused' || stranger.kind === 'refusal') return undefined;
  input.onProgress('it does not work as root: looking for the user that it wants to be');
  const watched = await (input.run ?? observe)(image, stranger, { ...input.observe, tracer: input.tracer });
  return (
    (await asServiceUser(input, image, stranger, watched)) ??
    (await asAnybody(input, image, unhindered(stranger, asRoot), before)) ??
    (await asAnybody(input, image, stranger, before, watched))
  );
}

/** The owner of what everybody else is denied. */
async function asServiceUser(
  input: RoundsInput,
  image: PreparedImage,
  stranger: Launch,
  watched: Observation,
): Promise<Baseline | undefined> {
  const { recipient, settings, profile } = input;
  const owner = wantedOwner(watched, stranger, input) ?? namesake(stranger, input);
  if (owner === undefined || owner.uid === recipient.uid) return undefined;
  const user: ContainerSettings = profile.kubelet
    ? { runAsUser: owner.uid, runAsGroup: owner.gid }
    : { user: `${owner.uid}:${owner.gid}` };
  const note = `as root it ends by itself; "before" is a run as uid ${owner.uid}, who owns what it needs`;
  return runAs(input, image, { ...settings, ...user }, profile, note);
}

/** The recipient, with all that root would have had: who looks whether it is root sees that it is not, and the kernel denies it nothing. */
function unhindered(stranger: Launch, { runtimeCapabilities: { bounding }, noNewPrivileges }: Launch): Launch {
  const all = { bounding, permitted: bounding, effective: bounding, inheritable: bounding, ambient: bounding };
  return { ...stranger, runtimeCapabilities: all, capabilities: all, noNewPrivileges };
}

/**
 * A program that takes anybody but root has no run as root to compare with. Compared is with the recipient itself, to whom nothing is denied, or, where
 * such a one is sent away too, with the recipient as it is, as long as nothing was denied to it.
 */
async function asAnybody(
  input: RoundsInput,
  image: PreparedImage,
  launch: Launch,
  asRoot: Observation,
  watched?: Observation,
): Promise<Baseline | undefined> {
  if (watched !== undefined && (!worksByItself(watched) || watched.trace === undefined || watched.trace.events.some(isDenied)))
    return undefined;
  const before =
    watched ?? (await (input.run ?? observe)(image, launch, { ...input.observe, tracer: input.tracer, keep: input.keep }));
  if (!worksByItself(before)) return undefined;
  const words = refusesRoot(asRoot);
  const why =
    words === undefined ? (unopenedOutput(asRoot.trace, input.subject.rootFs) ?? lastDenied(asRoot.trace)) : `it says: ${words}`;
  const as = `uid ${launch.uid}${watched === undefined ? ' with the capabilities of root, to whom nothing is denied' : ''}`;
  return {
    asIs: launch,
    before,
    notes: [
      `there is no run as root to compare with: as root it ends by itself${why === undefined ? '' : ` (${why})`}; "before" is a run as ${as}`,
    ],
  };
}

/** Owner and group of the first thing that a stranger was denied and somebody but root owns. */
function wantedOwner(
  { trace }: Observation,
  launch: Launch,
  { subject }: RoundsInput,
): { readonly uid: number; readonly gid: number } | undefined {
  const tree = fileTree(launch, subject.rootFs, { binds: hostBinds(launch) });
  for (const { operation, errno } of trace?.events ?? []) {
    if ((errno !== 'EACCES' && errno !== 'EPERM') || !('path' in operation)) continue;
    for (const path of [operation.path, operation.path.slice(0, operation.path.lastIndexOf('/')) || '/']) {
      const node = tree.lookup(path);
      if (typeof node !== 'object') continue;
      const { uid, gid } = node.inode;
      if (uid > 0) return { uid, gid };
      // `root:icecast 0640`: who belongs to that group first of all.
      const member = gid > 0 ? primaryMember(gid, subject.passwd ?? '') : undefined;
      if (member !== undefined) return { uid: member, gid };
    }
  }
  return undefined;
}

/** The account that is called like the program: what its package made for it. For machines where nothing watches, and programs that ask nothing. */
function namesake({ argv }: Launch, { subject }: RoundsInput): { readonly uid: number; readonly gid: number } | undefined {
  const program = argv[0]?.split('/').at(-1);
  const fields = (subject.passwd ?? '').split('\n').map((line) => line.split(':'));
  const [, , uid, gid] = fields.find(([name, , id]) => name === program && id !== '0') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function primaryMember(gid: number, passwd: string): number | undefined {
  const fields = passwd.split('\n').map((line) => line.split(':'));
  const uid = fields.find((line) => line[3] === String(gid) && line[2] !== '0')?.[2];
  return uid === undefined ? undefined : Number(uid);
}

async function runAs(
  input: RoundsInput,
  image: PreparedImage,
  settings: ContainerSettings,
  profile: RoundsInput['profile'],
  note: string,
): Promise<Baseline | undefined> {
  const launch = launchOf(input.subject, settings, profile);
  if (launch.kind === 'refusal') return undefined;
  const again = await (input.run ?? observe)(image, launch, { ...input.observe, tracer: input.tracer, keep: input.keep });
  return worksByItself(again) ? { asIs: launch, before: again, notes: [note] } : undefined;
}
