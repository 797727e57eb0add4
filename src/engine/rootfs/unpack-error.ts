/** How unpacking a layer says that it cannot go on. */
import { UnrootError } from '../../error.ts';

/** The layer asks for something that would lead out of the image, or makes no sense. */
export function unsafe(path: string, why: string): UnrootError {
  return new UnrootError(`the layer cannot be unpacked: entry ${JSON.stringify(path)}: ${why}`, {
    code: 'engine.unsafe-layer',
    where: { entry: path },
    expected: 'names and links that stay inside the image',
  });
}

/** The file system of this machine said no. */
export function failed(path: string, error: unknown): UnrootError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UnrootError(`the layer cannot be unpacked${path ? `: entry ${JSON.stringify(path)}` : ''}: ${message}`, {
    code: code === 'ENOSPC' ? 'engine.no-space' : 'engine.unpack-failed',
    where: { entry: path },
    ...(code === 'ENOSPC' ? { hint: 'free some disk space, or name a roomier place in UNROOT_CACHE' } : {}),
    cause: error,
  });
}
