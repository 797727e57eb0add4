/** An OCI layout as a folder of this machine. */
import { type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError, type Where } from '../../error.ts';
import type { Image } from '../image.ts';
import type { OpenImageOptions } from './options.ts';

/** Below a file there is nothing; everything else that goes wrong (no permission, a loop of links) is an error. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw new UnrootError(`cannot read ${path}: ${(cause as Error).message}`, {
      code: 'image.unreadable',
      where: { file: path },
      expected: 'an image that can be read',
      cause,
    });
  }
}

/** What is at a path; undefined when nothing is. */
export function kindOf(path: string): 'file' | 'folder' | 'other' | undefined {
  const stat = statIfThere(path);
  if (stat === undefined) return undefined;
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
}

/** The image of an OCI layout; without a tag the only one. */
export async function openLayoutFolder(
  target: string,
  folder: string,
  tag: string | undefined,
  options: OpenImageOptions,
  where: Where,
): Promise<Image> {
  if (statIfThere(join(folder, 'index.json')) === undefined) {
    const exists = kindOf(folder) !== undefined;
    throw new UnrootError(
      exists ? `${folder} is not an OCI layout: it has no index.json` : `cannot read ${folder}: it does not exist`,
      {
        code: exists ? 'image.not-a-layout' : 'image.not-found',
        where,
        expected: 'a folder with oci-layout, index.json and blobs/',
        hint: 'skopeo copy IMAGE oci:DIR writes such a folder.',
      },
    );
  }
  const [{ openLayout }, { createOpenFiles }] = await Promise.all([import('./oci-layout.ts'), import('./blob-file.ts')]);
  const files = createOpenFiles();
  try {
    return openLayout(
      {
        file: (name) => {
          const path = join(folder, name);
          return statIfThere(path) === undefined ? undefined : files.open(path, where);
        },
        close: () => files.close(),
      },
      { reference: target, transport: 'oci', ...(tag === undefined ? {} : { tag }) },
      options,
    );
  } catch (error) {
    files.close();
    throw error;
  }
}
