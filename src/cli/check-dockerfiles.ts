/** `unroot check` on Dockerfiles: what the build would break at, and what its image could not do as that user, at line and column. */
import { readAccounts } from '../build/build-accounts.ts';
import { predictedImage } from '../build/predicted-image.ts';
import { workerOf } from '../build/run-worker.ts';
import type { StageState } from '../build/stage-state.ts';
import { dockerfileChecks } from '../checks/dockerfile/index.ts';
import { placedFinding } from '../checks/dockerfile/placed-finding.ts';
import { findingsWithoutBase } from '../checks/dockerfile/without-base.ts';
import type { Diagnostic, Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { networkOf } from '../launch/network.ts';
import type { PlatformProfile, ProfileName } from '../platform/platform.ts';
import { checkReport } from '../report/documents.ts';
import type { CheckReport } from '../report/report.ts';
import { checkImage } from '../unroot.ts';
import type { ContainerImages, ImageFlags } from './container-images.ts';
import { aboutUsedImage, type DockerfileFlags, type ReadBuild, readBuild, unknownTexts } from './dockerfiles.ts';
import { profileFor } from './profile.ts';
import { usageError } from './usage-error.ts';

export interface DockerfileCheckOptions {
  readonly flags: DockerfileFlags;
  readonly images: ContainerImages;
  readonly profile: PlatformProfile;
  readonly user?: string;
  readonly signal: AbortSignal;
}

export interface CheckedDockerfiles {
  readonly reports: readonly CheckReport[];
  usedImage(one: Diagnostic): boolean;
}

/** All of them; the images are closed in the end. */
export async function checkDockerfiles(
  paths: readonly string[],
  flags: DockerfileFlags &
    ImageFlags & { readonly platformProfile?: ProfileName; readonly user?: string; readonly trace?: boolean },
  images: ContainerImages,
  signal: AbortSignal,
): Promise<CheckedDockerfiles> {
  const reports: CheckReport[] = [];
  if (paths.length > 0 && flags.trace === true)
    throw usageError('--trace runs an image, not a Dockerfile', 'an image', 'Build it and name the image, or leave --trace out');
  try {
    for (const path of paths) {
      signal.throwIfAborted();
      const profile = await profileFor(path, flags.platformProfile);
      const user = flags.user === undefined ? {} : { user: flags.user };
      reports.push(await checkDockerfile(path, { flags, images, profile, ...user, signal }));
    }
  } finally {
    await images.close();
  }
  return { reports, usedImage: aboutUsedImage(images, flags.image ?? []) };
}

/** Without the warnings about images that a FROM has. */
export const withoutUsed = (report: CheckReport, { usedImage }: CheckedDockerfiles): CheckReport => ({
  ...report,
  diagnostics: report.diagnostics.filter((one) => !usedImage(one)),
});

async function checkDockerfile(path: string, options: DockerfileCheckOptions): Promise<CheckReport> {
  const read = await readBuild(path, options.flags, options.images);
  const { findings, fixes, unknown } = await checkBuild(read, options);
  return {
    ...checkReport({
      target: path,
      platform: options.profile.name,
      user: options.user ?? 'as written',
      traced: false,
      findings,
      fixes,
      unknown,
    }),
    diagnostics: read.diagnostics,
  };
}

export interface CheckedBuild {
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly unknown: readonly string[];
}

/** Of the stage that is wanted; what other stages break at counts as well. */
export async function checkBuild(
  read: ReadBuild,
  options: Omit<DockerfileCheckOptions, 'flags' | 'images'>,
): Promise<CheckedBuild> {
  const { wanted, build, name } = read;
  if (wanted === undefined) return { findings: [], fixes: [], unknown: [] };
  const { state, stage } = wanted;
  const own: Finding[] = [];
  // Of the stages before, only what stops the build: their files are not in the image.
  for (const one of build.built.values())
    for (const check of dockerfileChecks)
      if (one === wanted || check.id === 'build-needs-root')
        for (const finding of check.run(one.state, one.stage.name ?? `stage ${one.stage.index}`))
          if (!own.some((other) => other.id === finding.id && sameLine(other, finding))) own.push(finding);
  const unknown = [...unknownTexts(read.file, state.opaque)];
  const worker = workerOf(state.config.user, await readAccounts(state.tree), state);
  if (state.baseMissing !== undefined || (worker.uid === undefined && worker.missing === undefined)) {
    if (state.baseMissing === undefined)
      unknown.push(`USER ${state.config.user} is nobody that the file makes; a RUN line may bring the account`);
    return { findings: [...own, ...findingsWithoutBase(state, name, lowestPort(options.profile))], fixes: [], unknown };
  }
  const { image, assumed } = predictedImage(wanted, read.file.path);
  const checked = await checkImage(image, {
    settings: { name },
    profile: options.profile,
    ...(options.user === undefined ? {} : { user: options.user }),
    engine: 'auto',
    signal: options.signal,
    asWritten: true,
  });
  if (assumed !== undefined)
    unknown.push(`${assumed.path} was not seen being made: it is taken for a plain program that everybody may execute`);
  const findings = checked.findings.map((finding) => placedFinding(lessSure(finding, state), state, stage.from));
  // An image that does not start is asked nothing more; its name is wrong all the same.
  const named =
    checked.asIs.kind === 'refusal' ? findingsWithoutBase(state, name, 0).filter(({ id }) => id === 'named-user') : [];
  return {
    findings: [...own, ...findings, ...named],
    fixes: checked.fixes,
    unknown: [...unknown, ...withoutAdvice(checked.unknown)],
  };
}

/** The first port that everybody may bind. */
function lowestPort(profile: PlatformProfile): number {
  const network = networkOf({}, profile, undefined);
  return 'facts' in network ? network.facts.unprivilegedPortStart : 1024;
}

const sameLine = (a: Finding, b: Finding): boolean =>
  a.where.line === b.where.line && a.where.column === b.where.column && a.where.path === b.where.path;

/** What was not understood may have changed what a finding rests on. */
function lessSure(finding: Finding, state: StageState): Finding {
  if (finding.operation === undefined || finding.operation.kind === 'bind' || finding.confidence !== 'high') return finding;
  const path = finding.decision?.deniedAt?.path ?? finding.where.path;
  const layer = path === undefined ? undefined : state.tree.get(path)?.layer;
  const later = state.opaque.some(
    (step) => step.asRoot && step.kind !== 'content' && (layer === undefined || step.layer > layer),
  );
  return later ? { ...finding, confidence: 'medium' } : finding;
}

/** `--trace` runs images, not Dockerfiles. */
const withoutAdvice = (texts: readonly string[]): readonly string[] =>
  texts.map((text) => text.replace(/ \(--trace runs it\)$/, ''));
