/** Reads of an image what a Launch is worked out from. */
import type { Image } from '../image/image.ts';
import type { LaunchSubject } from './input.ts';

/**
 * With `rootFs` the whole merged tree is read (executable, volumes, file capabilities become known); without it only passwd and group, which
 * is all that identity needs and costs next to nothing.
 */
export async function launchSubject(image: Image, options: { readonly rootFs?: boolean } = {}): Promise<LaunchSubject> {
  const rootFs = options.rootFs === true ? await image.rootFs() : undefined;
  const paths = ['/etc/passwd', '/etc/group'];
  const files = rootFs === undefined ? await image.readFiles(paths) : await rootFs.readFiles(paths);
  const text = (path: string): string | undefined => {
    const bytes = files.get(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  return { reference: image.reference, config: image.config, passwd: text('/etc/passwd'), group: text('/etc/group'), rootFs };
}
