/** A Launch worked out from as little of an image as the answer needs. */
import type { Image } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Launch, Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';
import { launchSubject } from './subject.ts';

/**
 * Reads the configuration and the two files that name users and groups; of an image that does not start as root also the whole tree, because
 * a set-user-ID entrypoint, file capabilities or a program that this user may not execute change the answer. Root has nothing to gain by them.
 * Layers that are still in a registry stay there: identity does not need them, and what only they can tell stays unknown.
 */
export async function whoIn(
  image: Image,
  settings: ContainerSettings,
  profile: PlatformProfile,
  name: string,
): Promise<Launch | Refusal> {
  const input = { settings, profile, name };
  const launch = launchImage({ ...input, image: await launchSubject(image) });
  if (launch.kind === 'refusal' || launch.uid === 0 || image.far?.() === true) return launch;
  return launchImage({
    ...input,
    image: await launchSubject(image, { rootFs: true, argv0: [settings.entrypoint?.[0], settings.command?.[0]] }),
  });
}
