/** `unroot who` on Dockerfiles: as whom the image would start that the file builds. */
import { readAccounts } from '../build/build-accounts.ts';
import { configOf, predictedImage } from '../build/predicted-image.ts';
import { workerOf } from '../build/run-worker.ts';
import { placedBecause } from '../checks/dockerfile/placed-finding.ts';
import type { Diagnostic } from '../finding/finding.ts';
import type { Derivation } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { launchSubject } from '../launch/subject.ts';
import type { PlatformProfile, ProfileName } from '../platform/platform.ts';
import type { InWorkload, WhoContainer } from '../report/report.ts';
import { unknownContainer, whoContainer } from '../report/who.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { ContainerImages, ImageFlags } from './container-images.ts';
import { aboutUsedImage, type DockerfileFlags, type ReadBuild, readBuild } from './dockerfiles.ts';
import { profileFor } from './profile.ts';

export interface WhoInDockerfiles {
  readonly containers: readonly WhoContainer[];
  readonly diagnostics: readonly Diagnostic[];
  /** A warning that is none, because a FROM has that image. */
  usedImage(one: Diagnostic): boolean;
}

/** All of them; the images are closed in the end. */
export async function whoInDockerfiles(
  paths: readonly string[],
  flags: DockerfileFlags & ImageFlags & { readonly platformProfile?: ProfileName },
  settings: ContainerSettings,
  images: ContainerImages,
  signal: AbortSignal,
): Promise<WhoInDockerfiles> {
  const containers: WhoContainer[] = [];
  const diagnostics: Diagnostic[] = [];
  try {
    for (const path of paths) {
      signal.throwIfAborted();
      const one = await whoInDockerfile(path, flags, images, settings, await profileFor(path, flags.platformProfile));
      containers.push(...one.containers);
      diagnostics.push(...one.diagnostics);
    }
  } finally {
    await images.close();
  }
  return { containers, diagnostics, usedImage: aboutUsedImage(images, flags.image ?? []) };
}

async function whoInDockerfile(
  path: string,
  flags: DockerfileFlags,
  images: ContainerImages,
  settings: ContainerSettings,
  profile: PlatformProfile,
): Promise<{ readonly containers: readonly WhoContainer[]; readonly diagnostics: readonly Diagnostic[] }> {
  const read = await readBuild(path, flags, images);
  const containers = read.wanted === undefined ? [] : [await answer(read, settings, profile)];
  return { containers, diagnostics: read.diagnostics };
}

/** As whom what the file builds would start with these settings. */
export async function answer(read: ReadBuild, settings: ContainerSettings, profile: PlatformProfile): Promise<WhoContainer> {
  const { wanted, name, file } = read;
  const { stage, state } = wanted!;
  const { line, column } = stage.from.span;
  const place: InWorkload = { kind: 'Dockerfile', name, role: 'container', file: file.path, line, column };
  const container = settings.name ?? name;
  const unknown = (message: string, known: Partial<WhoContainer> = {}, because: readonly Derivation[] = []): WhoContainer =>
    unknownContainer(
      { name: container, image: file.path, outcome: 'unknown', message, ...known, because } as Parameters<
        typeof unknownContainer
      >[0],
      profile,
      place,
    );
  const worker = workerOf(settings.user ?? state.config.user, await readAccounts(state.tree), state);
  if (state.baseMissing !== undefined || (worker.uid === undefined && worker.missing === undefined)) {
    const why =
      state.baseMissing ?? `USER ${state.config.user} is nobody that the file makes, but a RUN line may bring the account`;
    const user = state.set.get('USER');
    const because: readonly Derivation[] =
      worker.uid === undefined || user?.span === undefined
        ? []
        : [
            {
              field: 'uid',
              value: String(worker.uid),
              source: `USER ${state.config.user}, whatever the base says`,
              where: placeOf(user.span),
            },
          ];
    const known = worker.uid === undefined ? {} : { uid: worker.uid, ...(worker.uid === 0 ? { isRoot: true } : {}) };
    const said = worker.uid === undefined ? 'who it runs as is unknown' : `uid ${worker.uid} is sure, its groups are unknown`;
    return unknown(`${why}; ${said}`, known, because);
  }
  const { image, assumed } = predictedImage(wanted!, file.path);
  const subject = await launchSubject(image, { rootFs: true, argv0: [settings.entrypoint?.[0], settings.command?.[0]] });
  const launch = launchImage({ image: { ...subject, config: configOf(state) }, settings, profile, name: container });
  const because = [
    ...placedBecause(launch.because, state, stage.from),
    ...(assumed === undefined
      ? []
      : [
          {
            field: 'executable',
            value: assumed.path,
            source: `nobody has seen it: ${assumed.step.text} is taken to make it, a plain program of root's that everybody may execute`,
            where: placeOf(assumed.step.span),
          },
        ]),
  ];
  return whoContainer({ ...launch, because }, place);
}

const placeOf = ({
  file,
  line,
  column,
}: {
  file: string;
  line: number;
  column: number;
}): { file: string; line: number; column: number } => ({
  file,
  line,
  column,
});
