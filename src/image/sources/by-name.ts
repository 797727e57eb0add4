/** A bare image name: the folder of `UNROOT_IMAGES` first, podman's store, then Docker's daemon, then the registry of that name. */
import { UnrootError } from '../../error.ts';
import type { Image } from '../image.ts';
import { findInStore } from './containers-storage.ts';
import { findInFolder, namesInFolder } from './image-folder.ts';
import { openLayoutFolder } from './layout-folder.ts';
import type { OpenImageOptions } from './options.ts';

/** Opens the image of that name from wherever it is first found. */
export async function openByName(name: string, options: OpenImageOptions): Promise<Image> {
  const layout = findInFolder(name);
  if (layout !== undefined) return openLayoutFolder(name, layout.folder, layout.tag, options, { image: name });
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
  const own = namesInFolder();
  const local = `no file or folder of that name, ${own === undefined ? '' : `not in UNROOT_IMAGES (${own.folder}), `}not in the local container store, and ${daemon}`;
  const { openRegistryImage } = await import('./registry/open.ts');
  try {
    return await openRegistryImage(name, name, options);
  } catch (error) {
    if (!(error instanceof UnrootError)) throw error;
    if (error.code === 'registry.offline' || error.code === 'image.bad-reference') {
      throw new UnrootError(`there is no image ${name} here: ${local}`, {
        code: 'image.not-found',
        where: { image: name },
        expected:
          error.code === 'registry.offline'
            ? 'a path, the name of a local image, or one read before (--offline forbids to ask its registry)'
            : 'a path, or the name of an image',
        hint:
          error.code === 'registry.offline'
            ? `Leave out --offline, or fetch it first: skopeo copy docker://${name} oci:DIR, then use oci:DIR`
            : (error.hint ?? `As a name: ${error.message}`),
        cause: error,
      });
    }
    if (!error.code.startsWith('registry.')) throw error;
    throw new UnrootError(error.message, {
      code: error.code,
      where: error.where ?? { image: name },
      ...(error.expected === undefined ? {} : { expected: error.expected }),
      ...hint(error.hint, own?.names),
      exitCode: error.exitCode,
      // Whoever meant a file or a local image sees why the registry was asked at all.
      cause: new Error(`on this machine there is ${local}`, { cause: error.cause }),
    });
  }
}

/** Whoever has a folder of images mostly means one of them. */
function hint(given: string | undefined, names: readonly string[] = []): { readonly hint?: string } {
  const parts = [
    ...(names.length === 0 ? [] : [`The images here are ${names.join(', ')}.`]),
    ...(given === undefined ? [] : [given]),
  ];
  return parts.length === 0 ? {} : { hint: parts.join(' ') };
}
