/** An image with what a launch is worked out from at hand. */
import type { Image, RootFs } from '../image/image.ts';
import type { LaunchSubject } from '../launch/input.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { launchSubject } from '../launch/subject.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';

export interface Subject extends LaunchSubject {
  readonly image: Image;
  readonly rootFs: RootFs;
}

export async function readSubject(image: Image): Promise<Subject> {
  const subject = await launchSubject(image, { rootFs: true });
  return { ...subject, image, rootFs: await image.rootFs() };
}

export function launchOf(subject: Subject, settings: ContainerSettings, profile: PlatformProfile): Launch | Refusal {
  const name = settings.name ?? subject.image.name;
  return launchImage({ image: subject, settings, profile, ...(name === undefined ? {} : { name }) });
}
