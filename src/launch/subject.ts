/** Reads of an image what a Launch is worked out from. */
import type { Image } from '../image/image.ts';
import { ACCOUNT_FILE_BYTES, type LaunchSubject } from './input.ts';
import { readPrograms } from './scripts.ts';

export interface SubjectOptions {
  readonly rootFs?: boolean;
  /** What is started instead of the image's own entrypoint or command, when known. */
  readonly argv0?: readonly (string | undefined)[];
}

/**
 * With `rootFs` the whole merged tree is read (executable, volumes, file capabilities become known); without it only passwd and group, which
 * is all that identity needs and costs next to nothing.
 */
export async function launchSubject(image: Image, options: SubjectOptions = {}): Promise<LaunchSubject> {
  const { config } = image;
  const rootFs = options.rootFs === true ? await image.rootFs() : undefined;
  const paths = ['/etc/passwd', '/etc/group'] as const;
  const limit = { limit: ACCOUNT_FILE_BYTES + 1, head: true };
  const files = rootFs === undefined ? await image.readFiles(paths, limit) : await rootFs.readFiles(paths, limit);
  const text = (path: string): string | undefined => {
    const bytes = files.get(path);
    // A byte order mark is a part of the first name to every runtime (observed with podman 4.3.1 and Docker 20.10).
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return bytes === undefined ? undefined : decoder.decode(bytes.subarray(0, ACCOUNT_FILE_BYTES));
  };
  const partial = paths.filter((path) => (files.get(path)?.length ?? 0) > ACCOUNT_FILE_BYTES);
  const words = [...(options.argv0 ?? []), config.entrypoint[0], config.cmd[0]];
  const { architecture } = image.platform;
  const programs =
    rootFs === undefined ? undefined : await readPrograms(rootFs, words, config.env, config.workingDir || '/', architecture);
  return {
    reference: image.reference,
    config,
    passwd: text('/etc/passwd'),
    group: text('/etc/group'),
    ...(partial.length === 0 ? {} : { partial }),
    rootFs,
    programs,
    ...(architecture === '' ? {} : { architecture }),
  };
}
