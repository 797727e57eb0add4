/** Keeps podman from adding a line to /etc/passwd where it has no flag for that: over a mount it writes none. */
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import type { PodmanFacts } from './arguments.ts';

const PASSWD = '/etc/passwd';

/**
 * The image's own /etc/passwd as a mount (libpod container_internal_linux.go generatePasswdAndGroup looks for one first). Only for platforms that
 * write no such line, with a podman before 4.4. The copy goes with the folder of the context.
 */
export async function ownAccounts(
  { facts, folder }: { readonly facts: PodmanFacts; readonly folder: string },
  image: Image,
  launch: Launch,
  name: string,
): Promise<string[]> {
  if (facts.passwdFlag || launch.platform.passwdInjection === 'podman' || launch.userName !== undefined) return [];
  if (launch.mounts.some(({ target }) => target === PASSWD || target === '/etc')) return [];
  const rootFs = await image.rootFs();
  const entry = rootFs.resolve(PASSWD).entry;
  if (entry?.type !== 'file' || entry.path !== PASSWD) return [];
  const copy = join(folder, `${name}.passwd`);
  writeFileSync(copy, (await rootFs.readFile(PASSWD)) ?? '', { mode: 0o600 });
  chownSync(copy, entry.uid, entry.gid);
  chmodSync(copy, entry.mode);
  return [`--volume=${copy}:${PASSWD}`];
}
