/** The line of /etc/passwd that some platforms write for a uid no image can list: a run for any uid has it too, whichever engine it is on. */
import type { Recipient } from '../fixes/context.ts';
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';

/** Group and others may write: CRI-O takes the image to write the line itself (utils.GeneratePasswd, checkFilePermissions). */
const WRITABLE = 0o022;

/**
 * The image as it is run for this uid on this platform. Of uids that the image could list nothing is taken for granted: then it works where no
 * platform helps, too.
 */
export async function withAccount(image: Image, launch: Launch, { arbitrary }: Pick<Recipient, 'arbitrary'>): Promise<Image> {
  const { platform, uid, gid, cwd, userName } = launch;
  if (!arbitrary || userName !== undefined || platform.passwdInjection === 'none') return image;
  const rootFs = await image.rootFs();
  const entry = rootFs.resolve('/etc/passwd').entry;
  if (entry?.type !== 'file' || entry.size === 0) return image;
  if (platform.passwdInjection === 'crio' && (entry.mode & WRITABLE) !== 0) return image;
  const text = new TextDecoder().decode(await rootFs.readFile(entry.path));
  // cri-o utils/utils.go GeneratePasswd; libpod container_internal_common.go generateUserPasswdEntry.
  const line =
    platform.passwdInjection === 'crio'
      ? `${uid}:x:${uid}:${gid}:${uid} user:${cwd}:/sbin/nologin`
      : `${uid}:*:${uid}:${gid}:container user:${cwd}:/bin/sh`;
  const { deriveImage } = await import('../image/derive.ts');
  return deriveImage(image, {
    entries: [
      {
        kind: 'file',
        path: entry.path,
        uid: entry.uid,
        gid: entry.gid,
        mode: entry.mode,
        content: `${text.replace(/\n?$/, '\n')}${line}\n`,
      },
    ],
    config: {},
  });
}

/** The same launch where nobody writes that line: what is handed out with the image, manifests and compose files, runs on other platforms too. */
export function withoutInjection(launch: Launch, { arbitrary }: Pick<Recipient, 'arbitrary'>): Launch {
  if (arbitrary || launch.userName !== undefined || launch.platform.passwdInjection === 'none') return launch;
  return { ...launch, platform: { ...launch.platform, passwdInjection: 'none' } };
}
