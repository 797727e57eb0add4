/** What shall be written for one container of a manifest: decided by the manifest and the image, so that nothing breaks that works. */
import { UnrootError } from '../error.ts';
import { findingKey } from '../fixes/need.ts';
import type { Unresolved } from '../fixes/plan.ts';
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { launchOf, readSubject, type Subject } from '../prove/subject.ts';
import type { FixedContainer } from '../report/report.ts';
import { DEFAULT_USER, type FixResult, fixImageStatically } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { handedTo } from '../workload/formats/kubernetes/handed-volumes.ts';
import type { KubernetesWorkload } from '../workload/formats/kubernetes/read.ts';
import { BASICS, changeOf, withGroup, withoutIdentity } from './container-change.ts';
import type { ContainerImages } from './container-images.ts';
import {
  type ConfigEdits,
  editConfigs,
  splitLayer,
  withConfigEdits,
  withConfigs,
  withoutImageChanges,
} from './manifest-configs.ts';
import { type AnyContainer, type AnyWorkload, imageOf, type ManifestContainer, targetOf } from './manifest-containers.ts';
import { mountedFolders, withFolders } from './mounted-folders.ts';
import { movedPorts } from './moved-port.ts';
import { withoutVolumeOwners } from './volume-owners.ts';
import { wantsRoot, withoutEffect } from './wants-root.ts';

export interface Decided<W extends AnyWorkload = KubernetesWorkload> {
  readonly one: ManifestContainer<W>;
  readonly outcome: FixedContainer['outcome'];
  /** Absent: the container stays as it is. */
  readonly change?: ContainerChange;
  readonly message?: string;
  readonly verdict?: FixedContainer['verdict'];
  readonly layout?: string;
  /** Why findings are left, by id; '' for all others. */
  readonly reasons: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
}

export interface DecideOptions {
  readonly profile: PlatformProfile;
  readonly user?: string;
  readonly images: ContainerImages;
  readonly signal: AbortSignal;
  readonly portStrategy?: PortStrategy;
  /** Runs the image, writes the result, and answers what it is called from then on. */
  readonly prove?: (image: Image, one: AnyContainer) => Promise<ProvedImage>;
}

export interface ProvedImage {
  readonly result: FixResult;
  /** Of the written OCI layout, when the image had to change. */
  readonly layout?: string;
  /** The reference that manifests shall name; absent when nobody said. */
  readonly name?: string;
}

/** A container that stays as it is, or nearly, with the reason. */
type Nothing<W extends AnyWorkload> = (
  outcome: Decided['outcome'],
  message: string,
  more?: Partial<Omit<Decided, 'one'>>,
) => Decided<W>;

export async function decide<W extends AnyWorkload>(one: ManifestContainer<W>, options: DecideOptions): Promise<Decided<W>> {
  const { container, refusal } = one;
  const { settings, name: container_ } = container;
  const nothing: Nothing<W> = (outcome, message, more = {}) => ({
    one,
    outcome,
    message,
    reasons: new Map([['', message]]),
    unknown: [],
    ...more,
  });
  if (container.role === 'ephemeral') return nothing('left', 'ephemeral containers are added by the API, not by a manifest');
  if (refusal !== undefined) return nothing('left', `the API server refuses the object as it is: ${refusal.message}`);
  if (settings.pod?.object?.spec?.os?.name === 'windows') return nothing('left', 'it is a pod of Windows');

  if (container.unknown !== undefined) return nothing('unknown', container.unknown);
  const found = await imageOf(one, options.images, async (image): Promise<Image> => image);
  if ('missing' in found) return withoutImage(one, options, found.missing, nothing);
  // A run of a whole project has its files as they are on this machine.
  const runs = one.workload.format === 'compose' && options.prove !== undefined;
  const configured = await withConfigs(found.value, runs ? { ...settings, volumes: [] } : settings);
  const { image } = configured;
  const subject = await readSubject(image);
  const launch = launchOf(subject, { ...settings, name: container_ }, options.profile);
  const runsAs = launch.kind === 'launch' ? (launch.effectiveUid ?? launch.uid) : undefined;
  if (runsAs !== undefined && runsAs !== 0 && options.user === undefined)
    return {
      one,
      outcome: 'changed',
      change: { container: container_, ...nonRoot(launch as Launch, subject, one), ...BASICS },
      // An fsGroup opens files to the group, which programs that insist on the mode of their data refuse.
      reasons: new Map([['volume-access-unknown', 'it is not root so far either, and may be used to what it finds there']]),
      unknown: withoutEffect(settings, runsAs).map((text) => `${container_}: ${text}`),
    };

  const root = wantsRoot(settings);
  if (root !== undefined && runsAs === 0) return nothing('left', root);
  // What an init container hands over at every start belongs to that user, whatever fsGroup gave it before.
  const given = one.workload.format === 'kubernetes' ? handedTo(one.workload.containers, container) : undefined;
  const owner = given === undefined ? undefined : `${given.uid}:${given.gid}`;
  const user = options.user ?? ownUser(subject, options.profile) ?? owner ?? DEFAULT_USER;
  let result: FixResult | undefined;
  let proved: ProvedImage | undefined;
  let edits: ConfigEdits | undefined;
  const statically = (of: Image): Promise<FixResult> =>
    fixImageStatically(of, {
      settings: { ...withGroup(one, withoutIdentity(settings), user, options.profile), name: container_ },
      profile: options.profile,
      user,
      ...(options.portStrategy === undefined ? {} : { portStrategy: options.portStrategy }),
      engine: 'auto',
      signal: options.signal,
    });
  try {
    if (options.prove === undefined || configured.files.length > 0) {
      const first = await statically(image);
      edits = configured.files.length === 0 ? undefined : await editConfigs(configured, settings, first, statically);
      const enough = edits && (withoutImageChanges(edits.result) ?? withFoldersOnly(edits, settings));
      // Half of it is no use: the image would have to change all the same.
      if (enough === undefined) edits = undefined;
      result = enough ?? first;
    }
    if (options.prove !== undefined) {
      proved = await options.prove(edits?.image ?? image, one);
      result = proved.result;
    }
  } catch (error) {
    if (!(error instanceof UnrootError) || error.exitCode === 130 || error.code === 'usage.user') throw error;
    return nothing('left', error.code === 'launch.refused' ? `it would not start as ${user}: ${error.message}` : error.message);
  }
  // A proof of the image alone had the image's own folder.
  const whole = proved === undefined ? withoutVolumeOwners(one, result as FixResult) : (result as FixResult);
  const other =
    given === undefined || given.uid === whole.recipient.uid
      ? []
      : [
          `${container_}: init container ${given.by} gives ${given.path} to ${owner} at every start: whether ${user} works there is not known`,
        ];
  return fromResult(one, { ...whole, unknown: [...whole.unknown, ...other] }, proved, nothing, options, edits);
}

/** Where a port must move, the configuration is the place; what is left of it may be folders, which a pod can mount anew. */
function withFoldersOnly({ result, ports }: ConfigEdits, settings: ContainerSettings): FixResult | undefined {
  const left = result.fixes.filter(({ layer }) => splitLayer(settings, layer).rest.length > 0);
  return ports.length > 0 && mountedFolders(result, left).rest.length === 0 ? result : undefined;
}

/** Nothing of an image that is not here is known to work as somebody else: only what the manifest says itself is made sure. */
function withoutImage<W extends AnyWorkload>(
  one: ManifestContainer<W>,
  { user }: DecideOptions,
  missing: string,
  nothing: Nothing<W>,
): Decided<W> {
  const { settings, name } = one.container;
  const root = wantsRoot(settings);
  // A service's user is a number or a name; names mean something in the image only.
  const uid =
    settings.runAsUser ?? (/^\d+(?::|$)/.test(settings.user ?? '') ? Number.parseInt(settings.user as string, 10) : undefined);
  const declared = settings.runAsNonRoot === true || (uid ?? 0) > 0;
  if (root === undefined && declared && user === undefined && uid !== 0) {
    const message = `${missing}: what it needs is unknown; only what the manifest says of itself is made sure`;
    return {
      one,
      outcome: 'unknown',
      change: { container: name, runAsNonRoot: true, ...BASICS },
      message,
      reasons: new Map(),
      unknown: [`${name}: nothing of ${one.container.image ?? 'its image'} was looked at`],
    };
  }
  const asked = /^(\d+)(?::(\d+))?$/.exec(user ?? '');
  if (root === undefined && asked !== null) {
    const uid = Number(asked[1]);
    const change: ContainerChange = {
      container: name,
      user: { uid, gid: Number(asked[2] ?? uid) },
      runAsNonRoot: true,
      ...BASICS,
    };
    return {
      one,
      outcome: 'unknown',
      change,
      message: `${missing}: --user says whom it shall run as, and nothing was looked at`,
      reasons: new Map(),
      unknown: [`${name}: whether ${one.container.image ?? 'its image'} works as ${user} was not looked at`],
    };
  }
  return nothing(
    'unknown',
    `${missing}: whom it could run as is unknown (--image NAME=TARGET says where it is, --user whom it shall run as)`,
  );
}

/** The user that the image names, by number; undefined when that is root. */
function ownUser(subject: Subject, profile: PlatformProfile): string | undefined {
  const launch = launchOf(subject, {}, profile);
  return launch.kind === 'launch' && launch.uid !== 0 ? `${launch.uid}:${launch.gid}` : undefined;
}

/** It is not root already: that is said, and by number where the kubelet could not see it. */
function nonRoot(
  launch: Launch,
  { image }: Subject,
  { workload, container: { settings } }: AnyContainer,
): Partial<ContainerChange> {
  // No engine looks at it.
  if (workload.format === 'compose') return {};
  const numeric = settings.runAsUser !== undefined || /^\d+(?::\d+)?$/.test(image.config.user);
  return { runAsNonRoot: true, ...(numeric ? {} : { user: { uid: launch.uid, gid: launch.gid } }) };
}

/** Findings that are only decided by a run do not hold anything up. */
const WAIT = new Set(['identity-change', 'ownership-change']);

function fromResult<W extends AnyWorkload>(
  one: ManifestContainer<W>,
  result: FixResult,
  proved: ProvedImage | undefined,
  nothing: Nothing<W>,
  { portStrategy, images }: DecideOptions,
  edits?: ConfigEdits,
): Decided<W> {
  const { name, settings } = one.container;
  const verdict = result.proof?.verdict;
  const ports = proved === undefined ? movedPorts(one, result, edits?.ports ?? [], portStrategy) : undefined;
  const reasons = new Map([...reasonsOf(result.unresolved), ...(ports?.reasons ?? [])]);
  const unknown = result.unknown.map((text) => `${name}: ${text}`);
  const told = verdict === undefined ? {} : { verdict };
  const rest = { reasons, unknown, ...told };
  if (verdict !== undefined && verdict !== 'proved') {
    const first = result.proof?.reasons.find(({ kind }) => kind === 'bad' || kind === 'unsure');
    return nothing(
      'left',
      `as ${result.run.user} it was not proved to work (${verdict}${first === undefined ? '' : `: ${first.text}`})`,
      rest,
    );
  }
  const stopping = [
    ...result.unresolved.filter(
      ({ finding }) => finding.severity === 'error' && !WAIT.has(finding.id) && ports?.settled.has(finding) !== true,
    ),
    // A port that is declared is one that the program takes until somebody knows better.
    ...(ports?.left ?? []),
  ];
  if (proved === undefined && stopping.length > 0)
    return nothing(
      'left',
      `as ${result.run.user} it would not work: ${stopping[0]!.finding.message} (${stopping[0]!.reason})`,
      rest,
    );
  const ofImage = result.fixes.filter(({ layer }) => splitLayer(settings, layer).rest.length > 0);
  const mounted = proved === undefined && one.workload.format === 'kubernetes' ? mountedFolders(result, ofImage) : undefined;
  const inImage = mounted?.rest ?? ofImage;
  for (const [key, reason] of mounted?.reasons ?? []) reasons.set(key, reason);
  if (inImage.length > 0 && proved?.name === undefined) {
    const titles = inImage.map(({ title }) => title);
    const shown = `${titles.slice(0, 3).join('; ')}${titles.length > 3 ? ` and ${titles.length - 3} more` : ''}`;
    const how =
      proved?.layout === undefined
        ? `unroot fix ${targetOf(one, images)} --out DIR makes it`
        : `it lies in ${proved.layout}: --tag says under which name manifests shall use it`;
    const asked = new Map(reasons);
    for (const { answers, title } of inImage) for (const answer of answers) asked.set(answer, `the image must change: ${title}`);
    const more = proved?.layout === undefined ? {} : { layout: proved.layout };
    return nothing('left', `the image must change before it can run as ${result.run.user}: ${shown}. ${how}`, {
      ...rest,
      reasons: asked,
      ...more,
    });
  }
  return {
    one,
    outcome: 'changed',
    change: withConfigEdits(
      { ...withFolders(changeOf(one, result, proved?.name), mounted?.tmpfs ?? []), ...ports?.change },
      edits,
      splitLayer(settings, result.layer).files,
    ),
    reasons,
    unknown,
    ...told,
    ...(proved?.layout === undefined ? {} : { layout: proved.layout }),
  };
}

/** By the key that fixes answer, and by id. */
const reasonsOf = (unresolved: readonly Unresolved[]): ReadonlyMap<string, string> =>
  new Map(unresolved.flatMap(({ finding, reason }) => [[findingKey(finding), reason]]));
