/** An image with what identity needs at hand: its tree and its account files. */
import type { Image, RootFs } from '../image/image.ts';
import type { HostFacts, LaunchInput } from '../launch/input.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';

export interface Subject {
  readonly image: Image;
  readonly rootFs: RootFs;
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** Account files above this size are refused by newer runtimes (containerd maxUserFileBytes), and by us. */
const ACCOUNT_FILE_LIMIT = 10 * 1024 * 1024;

export async function readSubject(image: Image): Promise<Subject> {
  const rootFs = await image.rootFs();
  const files = await rootFs.readFiles(['/etc/passwd', '/etc/group'], { limit: ACCOUNT_FILE_LIMIT });
  const text = (path: string): string | undefined => {
    const bytes = files.get(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  return { image, rootFs, passwd: text('/etc/passwd'), group: text('/etc/group') };
}

export function launchOf(subject: Subject, settings: ContainerSettings, profile: PlatformProfile, host?: HostFacts): Launch | Refusal {
  const { image, rootFs, passwd, group } = subject;
  const input: LaunchInput = {
    image: { reference: image.reference, config: image.config, passwd, group, rootFs },
    settings,
    profile,
    ...(settings.name === undefined ? {} : { name: settings.name }),
    ...(host === undefined ? {} : { host }),
  };
  return launchImage(input);
}
