/**
 * Copies of the host folders that a container would write to, so that trying something out changes nothing of the user's. A copy can also be
 * given the owner that a fix asks the real folder to have.
 */
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Launch } from '../launch/launch.ts';
import { copyTree, refuseTooLarge } from './copy-tree.ts';
import { register, undo } from './reaper.ts';
import { applyRemedy, type VolumeOwner } from './volume-remedy.ts';

export interface ScratchBinds {
  /** The same launch over the copies. */
  readonly launch: Launch;
  remove(): void;
}

/** Read-only binds, sockets and devices stay what they are: a container cannot change those folders, and a copy of a socket is no socket. */
export async function scratchBinds(launch: Launch, owners: readonly VolumeOwner[] = []): Promise<ScratchBinds> {
  const sources = new Map<string, string>();
  const removals: (() => void)[] = [];
  const remove = (): void => {
    for (const each of removals.splice(0)) each();
  };
  try {
    for (const mount of launch.mounts) {
      if (mount.type !== 'bind' || mount.origin !== 'settings' || mount.readOnly || mount.source === undefined) continue;
      const stat = lstatSync(mount.source, { throwIfNoEntry: false });
      if (!stat || !(stat.isDirectory() || stat.isFile())) continue;
      const copy = await copyOf(mount.source, removals);
      const wanted = owners.find((each) => each.path === mount.target);
      if (wanted) applyRemedy(copy, wanted);
      sources.set(mount.source, copy);
    }
  } catch (error) {
    remove();
    throw error;
  }
  if (sources.size === 0) return { launch, remove };
  const swap = <T extends { readonly source?: string }>(item: T): T => {
    const copy = item.source === undefined ? undefined : sources.get(item.source);
    return copy === undefined ? item : { ...item, source: copy };
  };
  const volumes = launch.settings.volumes?.map(swap);
  return {
    launch: { ...launch, mounts: launch.mounts.map(swap), settings: { ...launch.settings, ...(volumes ? { volumes } : {}) } },
    remove,
  };
}

async function copyOf(source: string, removals: (() => void)[]): Promise<string> {
  refuseTooLarge(source, 'give a smaller folder with the same owners, or mount it read-only');
  const folder = mkdtempSync(join(tmpdir(), 'unroot-bind-'));
  const written = register(undo.remove(folder));
  removals.push(() => {
    rmSync(folder, { recursive: true, force: true });
    written.release();
  });
  const copy = join(folder, 'copy');
  await copyTree(source, copy);
  return copy;
}
