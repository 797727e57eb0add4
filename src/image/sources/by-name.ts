/** A bare image name: podman's store first, then Docker's daemon. Registries come later. */
import { UnrootError } from '../../error.ts';
import type { Image } from '../image.ts';
import { findInStore } from './containers-storage.ts';
import type { OpenImageOptions } from './options.ts';

/** Opens the image of that name from whichever local store has it. */
export async function openByName(name: string, options: OpenImageOptions): Promise<Image> {
  const stored = await findInStore(name, name, options);
  if (stored !== undefined) return stored;
  const { findInDaemon } = await import('./docker-daemon.ts');
  let daemon = 'the Docker daemon does not have it';
  try {
    const image = await findInDaemon(name, name, options);
    if (image !== undefined) return image;
  } catch (error) {
    if (!(error instanceof UnrootError) || error.code !== 'image.no-daemon') throw error;
    daemon = 'no Docker daemon answers';
  }
  throw new UnrootError(
    `there is no image ${name} here: no file or folder of that name, not in the local container store, and ${daemon}`,
    {
      code: 'image.not-found',
      where: { image: name },
      expected: 'a path, or the name of a local image (registries are not read yet)',
      hint: `Fetch it first: skopeo copy docker://${name} oci:DIR, then use oci:DIR`,
    },
  );
}
