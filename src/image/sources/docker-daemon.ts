/** Images in a Docker daemon. */
import { UnrootError } from '../../error.ts';
import type { Image } from '../image.ts';
import type { OpenImageOptions } from './options.ts';

/** Opens an image of the local store. */
export async function openDockerDaemon(target: string, name: string, _options: OpenImageOptions): Promise<Image> {
  throw new UnrootError(`${name}: not yet`, { code: 'image.not-yet', where: { image: target } });
}
