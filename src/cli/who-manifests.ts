/** `unroot who` on manifests: as whom every container of every workload would start. */
import { UnrootError } from '../error.ts';
import type { Diagnostic } from '../finding/finding.ts';
import type { Image } from '../image/image.ts';
import type { GroupOptions } from '../input/find-groups.ts';
import { type LoadedManifests, loadManifests } from '../input/manifests.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { placed, placeOf } from '../launch/placed.ts';
import { whoIn } from '../launch/who-in.ts';
import { withoutImage } from '../launch/without-image.ts';
import type { PlatformProfile, ProfileName } from '../platform/platform.ts';
import type { WhoContainer } from '../report/report.ts';
import { unknownContainer, whoContainer } from '../report/who.ts';
import { type BuildLinks, nearBuilds, readLink } from './build-links.ts';
import type { ContainerImages } from './container-images.ts';
import { type AnyContainer, containersIn, imageOf, refusalSpan, skippedText, unusedImage } from './manifest-containers.ts';
import { manifestProfiles } from './profile.ts';

export interface WhoInManifests {
  readonly containers: readonly WhoContainer[];
  readonly diagnostics: readonly Diagnostic[];
  /** What was passed over, in words. */
  readonly skipped: string;
}

/** Reads the files and answers for each container; images that are not here leave it unknown. */
export async function whoInManifests(
  targets: readonly string[],
  asked: ProfileName | undefined,
  images: ContainerImages,
  signal: AbortSignal,
  groups: GroupOptions = {},
  linksOf: (services: LoadedManifests['services']) => BuildLinks | undefined = () => undefined,
): Promise<WhoInManifests> {
  const loaded = loadManifests(targets, groups);
  const { problems, formats } = loaded;
  const profiles = manifestProfiles(asked, formats);
  const links = linksOf(loaded.services);
  const near = nearBuilds(images, links);
  const containers: WhoContainer[] = [];
  for (const one of containersIn(loaded)) {
    signal.throwIfAborted();
    containers.push(await answer(one, profiles(one.workload.format), near, links));
  }
  const unused = (links?.unused() ?? []).map((name) => unusedImage(name));
  return { containers, diagnostics: [...problems, ...unused], skipped: skippedText(loaded) };
}

/** A service whose image was not built here yet: what its Dockerfile would make, when that can be told. */
async function predicted(
  { workload, container, in: place }: AnyContainer,
  profile: PlatformProfile,
  images: ContainerImages,
  links: BuildLinks | undefined,
): Promise<WhoContainer | undefined> {
  const build = workload.format === 'compose' ? workload.service.build : links?.of(container.image ?? '');
  if (build?.dockerfile === undefined) return undefined;
  try {
    const { answer: ofBuild } = await import('./who-dockerfiles.ts');
    const read = await readLink({ ...build, dockerfile: build.dockerfile }, images);
    if (read.wanted === undefined) return undefined;
    const made = await ofBuild(read, { ...container.settings, name: container.name }, profile);
    const because = placed(made.because, container.settings, container.spans);
    return { ...made, because, image: container.image ?? `${workload.namespace}-${workload.name}`, workload: place };
  } catch (error) {
    // No such file, or no such stage: then it is unknown for want of the image.
    if (error instanceof UnrootError && error.exitCode !== 130) return undefined;
    throw error;
  }
}

async function answer(
  one: AnyContainer,
  profile: PlatformProfile,
  images: ContainerImages,
  links: BuildLinks | undefined,
): Promise<WhoContainer> {
  const { container, refusal } = one;
  const { settings, spans, name, image = '' } = container;
  if (refusal !== undefined && profile.kubelet) {
    const where = placeOf(refusalSpan(one, refusal));
    const { by, reason, message } = refusal;
    const because = refusal.because.map((step) => ({ ...step, where }));
    return whoContainer({ kind: 'refusal', name, image, platform: profile, by, reason, message, because }, one.in);
  }
  if (container.unknown !== undefined)
    return unknownContainer({ name, image, outcome: 'unknown', message: container.unknown, because: [] }, profile, one.in);
  const found = await imageOf(one, images, async (opened): Promise<Image> => opened);
  if ('missing' in found) {
    const built = await predicted(one, profile, images, links);
    if (built !== undefined) return built;
    const known = withoutImage({ name, image, settings, profile, why: found.missing });
    const because = placed(known.because, settings, spans);
    return 'kind' in known
      ? whoContainer({ ...known, because }, one.in)
      : unknownContainer({ ...known, because }, profile, one.in);
  }
  const launch: Launch | Refusal = await whoIn(found.value, settings, profile, name);
  return whoContainer({ ...launch, image, because: placed(launch.because, settings, spans) }, one.in);
}
