/** A bare image name: the local stores first. */
import { UnrootError } from '../../error.ts';
import type { Image } from '../image.ts';
import type { OpenImageOptions } from './options.ts';

/** Looks for the name in podman's store, then in Docker's. */
export async function openByName(name: string, _options: OpenImageOptions): Promise<Image> {
  throw new UnrootError(`${name}: not yet`, { code: 'image.not-yet', where: { image: name } });
}
