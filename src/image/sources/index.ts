/** Opens an image wherever it is. Every source is loaded only when it is the one. */
import { type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError, type Where } from '../../error.ts';
import type { Image } from '../image.ts';
import { parseReference } from '../reference.ts';
import type { OpenImageOptions } from './options.ts';

export type { OpenImageOptions } from './options.ts';

/** Finds out what `target` is (a transport, a path or a name) and opens it. Call `close()` on the result. */
export async function openImage(target: string, options: OpenImageOptions = {}): Promise<Image> {
  const reference = parseReference(target);
  const where: Where = { image: target };
  switch (reference.transport) {
    case 'oci':
      return openLayoutFolder(target, reference.path, reference.tag, options, where);
    case 'oci-archive':
      return openArchiveAs(target, reference.path, 'oci-archive', reference.tag, options, where);
    case 'docker-archive':
      return openArchiveAs(target, reference.path, 'docker-archive', reference.reference, options, where);
    case 'containers-storage': {
      const { openContainersStorage } = await import('./containers-storage.ts');
      return openContainersStorage(target, reference.name, options);
    }
    case 'docker-daemon': {
      const { openDockerDaemon } = await import('./docker-daemon.ts');
      return openDockerDaemon(target, reference.name, options);
    }
    case 'docker': {
      const { openRegistryImage } = await import('./registry/open.ts');
      return openRegistryImage(target, reference.name, options);
    }
    case 'bare': {
      const kind = kindOf(reference.text);
      if (kind === 'folder') return openLayoutFolder(target, reference.text, undefined, options, where);
      if (kind === 'file') return openArchiveAs(target, reference.text, undefined, undefined, options, where);
      if (kind === 'other') {
        throw new UnrootError(`${target} is neither a file nor a folder`, {
          code: 'image.not-a-file',
          where,
          expected: 'an archive or an OCI layout',
        });
      }
      if (reference.onlyPath) {
        throw new UnrootError(`cannot read ${target}: it does not exist`, {
          code: 'image.not-found',
          where,
          expected: 'an archive or an OCI layout folder',
        });
      }
      const { openByName } = await import('./by-name.ts');
      return openByName(reference.text, options);
    }
  }
}

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

function kindOf(path: string): 'file' | 'folder' | 'other' | undefined {
  const stat = statIfThere(path);
  if (stat === undefined) return undefined;
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
}

async function openLayoutFolder(
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

/** `kind` undefined: look inside. Newer `docker save` writes both forms; its own knows the image's names. */
async function openArchiveAs(
  target: string,
  path: string,
  kind: 'oci-archive' | 'docker-archive' | undefined,
  choose: string | undefined,
  options: OpenImageOptions,
  where: Where,
): Promise<Image> {
  // Both at once: nearly every archive needs both, and each wait for a module costs a millisecond.
  const docker = import('./docker-archive.ts');
  const { notAnArchive, openArchive } = await import('./archive-file.ts');
  const files = await openArchive(path, options, where);
  try {
    const isLayout = files.file('index.json') !== undefined;
    if (kind === 'oci-archive' && !isLayout) throw notAnArchive(path, 'it has no index.json', where);
    if (isLayout && (kind === 'oci-archive' || (kind === undefined && files.file('manifest.json') === undefined))) {
      const { openLayout } = await import('./oci-layout.ts');
      return openLayout(
        files,
        { reference: target, transport: 'oci-archive', ...(choose === undefined ? {} : { tag: choose }) },
        options,
      );
    }
    const { openDockerArchive } = await docker;
    return await openDockerArchive(
      files,
      { reference: target, path, transport: 'docker-archive', ...(choose === undefined ? {} : { choose }) },
      options,
    );
  } catch (error) {
    files.close();
    throw error;
  }
}
