/** `unroot check` on manifests: every container by the checks, with the image at hand; without it, what the manifest alone shows. */
import { startRefused } from '../checks/start-refused.ts';
import { unknownAccess } from '../checks/volume-access-unknown.ts';
import { unreadableFiles } from '../checks/volume-not-readable.ts';
import type { Diagnostic, Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { IgnoresOfFiles } from '../finding/ignores-in.ts';
import type { Image } from '../image/image.ts';
import type { GroupOptions } from '../input/find-groups.ts';
import { type LoadedManifests, loadManifests } from '../input/manifests.ts';
import type { Refusal } from '../launch/launch.ts';
import { placeOf } from '../launch/placed.ts';
import { withoutImage } from '../launch/without-image.ts';
import { NO_CAPABILITIES } from '../linux/capability.ts';
import { isWithin } from '../linux/file-path.ts';
import type { PlatformProfile, ProfileName } from '../platform/platform.ts';
import { knownResult } from '../prove/known-launches.ts';
import { checkReport } from '../report/documents.ts';
import type { CheckReport } from '../report/report.ts';
import { checkImage } from '../unroot.ts';
import { givenAway } from '../workload/formats/compose/handed-volumes.ts';
import type { Span } from '../workload/workload.ts';
import type { ContainerImages } from './container-images.ts';
import { withConfigs } from './manifest-configs.ts';
import {
  type AnyContainer,
  containersIn,
  imageOf,
  refusalSpan,
  skippedText,
  spanOfWorkload,
  unusedImages,
} from './manifest-containers.ts';
import { manifestProfiles } from './profile.ts';

export interface ManifestCheck {
  readonly targets: readonly string[];
  /** Whose rules decide, where they fit what is written. */
  readonly asked?: ProfileName;
  /** Whom to check for; absent = as the manifest says, and 10001 instead of root. */
  readonly user?: string;
  readonly images: ContainerImages;
  readonly signal: AbortSignal;
  /** Images that are not here are told by whoever asks. */
  readonly leaveMissing?: boolean;
  /** About charts. */
  readonly groups?: GroupOptions;
  /** What could be written to answer the findings; absent = nobody asks. */
  readonly offers?: (loaded: LoadedManifests) => Promise<readonly Fix[]>;
}

export interface CheckedManifests {
  readonly report: CheckReport;
  readonly skipped: string;
  readonly ignores: IgnoresOfFiles;
}

export interface Checked {
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly unknown: readonly string[];
  readonly missing?: string;
}

/** One document for all files. */
export async function checkManifests({
  targets,
  asked,
  user,
  images,
  signal,
  leaveMissing,
  groups,
  offers,
}: ManifestCheck): Promise<CheckedManifests> {
  const loaded = loadManifests(targets, groups);
  const profiles = manifestProfiles(asked, loaded.formats);
  const findings: Finding[] = [];
  const fixes: Fix[] = [];
  const unknown = new Set<string>();
  const missing = new Map<string, { diagnostic: Diagnostic; count: number }>();
  for (const one of containersIn(loaded)) {
    signal.throwIfAborted();
    const profile = profiles(one.workload.format);
    // What the API server says of an object it says once.
    if (one.refusal !== undefined && profile.kubelet && one.container !== one.workload.containers[0]) continue;
    const checked = await check(one, profile, user, images, signal);
    for (const finding of checked.findings) findings.push(finding);
    for (const fix of checked.fixes) fixes.push(fix);
    for (const text of checked.unknown) unknown.add(text);
    if (checked.missing !== undefined) noteMissing(missing, one, checked.missing);
  }
  for (const fix of (await offers?.(loaded)) ?? []) fixes.push(fix);
  return {
    report: {
      ...checkReport({
        target: targets.map((target) => (target === '-' ? 'standard input' : target)).join(', '),
        platform: (loaded.formats.length === 0 ? (['kubernetes'] as const) : loaded.formats)
          .map((format) => profiles(format).name)
          .join(', '),
        user: user ?? 'as written',
        traced: false,
        findings,
        fixes,
        unknown: [...unknown],
      }),
      diagnostics: [
        ...loaded.problems,
        ...(leaveMissing === true ? [] : [...missing.values()]).map(({ diagnostic, count }) => told(diagnostic, count)),
        ...unusedImages(images),
      ],
    },
    skipped: skippedText(loaded),
    ignores: loaded.ignores,
  };
}

/** One word for an image that many containers have. */
function noteMissing(missing: Map<string, { diagnostic: Diagnostic; count: number }>, one: AnyContainer, why: string): void {
  const known = missing.get(why);
  const where = placeOf(one.container.spans.image ?? one.container.span ?? spanOfWorkload(one.workload));
  missing.set(
    why,
    known === undefined
      ? { diagnostic: { severity: 'warning', message: why, where }, count: 1 }
      : { ...known, count: known.count + 1 },
  );
}

const told = (diagnostic: Diagnostic, count: number): Diagnostic => ({
  ...diagnostic,
  message: `${diagnostic.message}: as whom ${count === 1 ? 'its container' : `its ${count} containers`} would run is unknown where the manifest does not say it (--image NAME=TARGET says where an image is)`,
});

/** One container by the checks. */
export async function check(
  one: AnyContainer,
  profile: PlatformProfile,
  user: string | undefined,
  images: ContainerImages,
  signal: AbortSignal,
): Promise<Checked> {
  const { container, refusal } = one;
  const { settings, name, image = '' } = container;
  if (refusal !== undefined && profile.kubelet) {
    const { by, reason, message, because } = refusal;
    const at = refusalSpan(one, refusal);
    return refused(one, { kind: 'refusal', name, image, platform: profile, by, reason, message, because }, at);
  }
  if (container.unknown !== undefined)
    return {
      findings: [],
      fixes: [],
      unknown: [`${one.workload.kind} ${one.workload.name}: ${container.unknown}, so it was not checked`],
    };
  const found = await imageOf(one, images, async (opened): Promise<Image> => opened);
  if ('missing' in found) {
    const known = withoutImage({ name, image, settings, profile, why: found.missing });
    if ('kind' in known) return { ...refused(one, known), missing: found.missing };
    const findings = [...(known.isRoot === true ? [rootFinding(one)] : []), ...handedOver(one, profile)];
    return { findings, fixes: [], unknown: [], missing: found.missing };
  }
  const { image: configured } = await withConfigs(found.value, settings);
  const named = { ...settings, name };
  const { findings, fixes, unknown } = await knownResult(configured, named, profile, `check ${user ?? ''}`, async () => {
    const asked = user === undefined ? {} : { user };
    const result = await checkImage(configured, { settings: named, profile, ...asked, engine: 'auto', signal, asWritten: true });
    return { findings: result.findings, fixes: result.fixes, unknown: result.unknown };
  });
  // A service that gives a volume away does with it what only root can, and nothing else.
  const given = one.workload.format === 'compose' ? [...givenAway(settings).keys()] : [];
  const told = findings.filter(
    ({ id, where }) => id !== 'volume-not-writable' || !given.some((path) => isWithin(where.path ?? '', path)),
  );
  return { findings: told.map((finding) => placedFinding(one, finding)), fixes, unknown: withoutAdvice(unknown) };
}

/** `--trace` runs images, not manifests. */
const withoutAdvice = (texts: readonly string[]): readonly string[] =>
  texts.map((text) => text.replace(/ \(--trace runs it\)$/, ''));

function refused(one: AnyContainer, refusal: Refusal, at?: Span): Checked {
  const findings = startRefused.run({ target: refusal } as Parameters<typeof startRefused.run>[0]);
  return { findings: findings.map((finding) => placedFinding(one, finding, at)), fixes: [], unknown: [] };
}

/** What the settings alone say of volumes: as whom, and what the kubelet writes. The image could only add groups. */
function handedOver(one: AnyContainer, platform: PlatformProfile): readonly Finding[] {
  const { settings, name } = one.container;
  const { runAsUser: uid, runAsGroup: gid = 0, supplementalGroups = [], fsGroup } = settings;
  if (one.workload.format !== 'kubernetes' || uid === undefined || uid === 0) return [];
  const groups = [gid, ...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])];
  const who = { uid, gid, groups, capabilities: NO_CAPABILITIES, noNewPrivileges: false };
  const recipient = { name, uid, settings, platform, who };
  return [...unreadableFiles(recipient), ...unknownAccess(recipient, false)].map((finding) => placedFinding(one, finding));
}

function rootFinding(one: AnyContainer): Finding {
  return placedFinding(one, {
    id: 'runs-as-root',
    severity: 'warning',
    confidence: 'high',
    message: `runs as uid 0: ${one.container.spans.runAsUser === undefined ? 'user' : 'runAsUser'} 0, whatever the image says`,
    container: one.container.name,
    where: {},
    evidence: [{ kind: 'derived', text: `${one.container.spans.runAsUser === undefined ? 'user' : 'runAsUser'} is 0` }],
  });
}

/** Settings whose field a finding is about, the first that was written; the image's line otherwise. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'runs-as-root': ['runAsUser', 'runAsNonRoot', 'user'],
  'start-refused': ['runAsUser', 'runAsNonRoot', 'capAdd', 'noNewPrivileges', 'user'],
  'low-port': ['ports'],
  'volume-not-writable': ['volumes'],
  'volume-not-readable': ['volumes'],
  'volume-access-unknown': ['volumes'],
  'workdir-not-usable': ['workdir'],
  'entrypoint-not-executable': ['entrypoint', 'command'],
  'capability-needed': ['capDrop', 'capAdd'],
};

/** As `foreseenFinding` names the text of a shell. */
const SHELL_TEXT = /^\S*sh -c line \d+: (?!(?:postStart|preStop|\w+Probe): )/;

function placedFinding(one: AnyContainer, finding: Finding, at?: Span): Finding {
  const { workload, container } = one;
  const span =
    at ?? mountSpan(one, finding) ?? spanOf(one, finding) ?? container.spans.image ?? container.span ?? spanOfWorkload(workload);
  return {
    ...finding,
    object: `${workload.kind}/${workload.name}`,
    container: container.name,
    where: { ...placeOf(span), ...finding.where },
  };
}

/** Of a service: where the mount was written that a finding's path lies on. */
function mountSpan({ workload }: AnyContainer, { id, where }: Finding): Span | undefined {
  const { path } = where;
  if (workload.format !== 'compose' || id === 'runs-as-root' || path === undefined) return undefined;
  const fits = Object.keys(workload.service.mounts).filter((target) => path === target || path.startsWith(`${target}/`));
  const [nearest] = fits.sort((a, b) => b.length - a.length);
  return nearest === undefined ? undefined : workload.service.mounts[nearest];
}

/** A refusal is about the settings that its words name; anything else about what its kind of finding hangs on. */
function spanOf({ workload, container: { spans } }: AnyContainer, { id, message, evidence }: Finding): Span | undefined {
  // A volume of a service that is written down was found already: this one is the image's.
  if (workload.format === 'compose' && id === 'volume-not-writable') return undefined;
  // What the shell is told stands in the manifest, when it says the words at all.
  const names = SHELL_TEXT.test(evidence[0]?.text ?? '') ? ['entrypoint', 'command'] : (FIELDS[id] ?? []);
  const words = id === 'start-refused' ? `${message} ${evidence.map(({ text }) => text).join(' ')}` : undefined;
  const fits = names.find((name) => spans[name] !== undefined && (words === undefined || words.includes(name)));
  return fits === undefined ? undefined : spans[fits];
}
