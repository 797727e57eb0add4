/** Opens an image wherever it is. Every source is loaded only when it is the one. */
import { UnrootError, type Where } from '../../error.ts';
import type { Image } from '../image.ts';
import { parseReference } from '../reference.ts';
import { kindOf, openLayoutFolder } from './layout-folder.ts';
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
