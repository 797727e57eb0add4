/** A Launch worked out from as little of an image as the answer needs. */
import type { Image } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Derivation, Launch, Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';
import { launchSubject } from './subject.ts';

const NOT_LOOKED_AT: Derivation = {
  field: 'capabilities.effective',
  value: 'as far as is known',
  source:
    'the program itself was not looked at, its layer was not fetched: a set-user-ID or capability-carrying file, or one that this user may not execute, would change this (unroot check fetches it)',
};

/**
 * Reads the configuration and the two files that name users and groups; of an image that does not start as root also the whole tree, because
 * a set-user-ID entrypoint, file capabilities or a program that this user may not execute change the answer. Root has nothing to gain by them.
 * Layers that are still in a registry stay there: identity does not need them, and the answer says what was not looked at.
 */
export async function whoIn(
  image: Image,
  settings: ContainerSettings,
  profile: PlatformProfile,
  name: string,
): Promise<Launch | Refusal> {
  const input = { settings, profile, name };
  const launch = launchImage({ ...input, image: await launchSubject(image) });
  if (launch.kind === 'refusal' || launch.uid === 0) return launch;
  if (image.far?.() === true) return { ...launch, because: [...launch.because, NOT_LOOKED_AT] };
  return launchImage({
    ...input,
    image: await launchSubject(image, { rootFs: true, argv0: [settings.entrypoint?.[0], settings.command?.[0]] }),
  });
}
