/** What a run left in its volumes, kept as copies after the container is gone: the old data that another run is tried on. */
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Launch } from '../launch/launch.ts';
import { copyTree, whyTooLarge } from './copy-tree.ts';
import type { Container } from './engine.ts';
import { register, undo } from './reaper.ts';

export interface KeptVolumes {
  /** Called when the program has ended and its container is still there; what an earlier call kept is let go. */
  take(container: Container, launch: Launch): Promise<void>;
  /** Host folders by mount target. */
  readonly folders: ReadonlyMap<string, string>;
  /** Why something could not be kept, in words. */
  readonly notes: readonly string[];
  remove(): void;
}

/** Keeps nothing until it is told to. */
export function keptVolumes(): KeptVolumes {
  const folders = new Map<string, string>();
  const notes: string[] = [];
  let home: { readonly path: string; release(): void } | undefined;
  const remove = (): void => {
    folders.clear();
    notes.length = 0;
    if (home === undefined) return;
    rmSync(home.path, { recursive: true, force: true });
    home.release();
    home = undefined;
  };
  return {
    folders,
    notes,
    remove,
    async take(container, launch) {
      remove();
      const found = container.volumes?.() ?? new Map<string, string>();
      for (const { type, target, readOnly, origin } of launch.mounts) {
        if (readOnly || origin === 'platform' || (type !== 'volume' && type !== 'bind')) continue;
        const folder = found.get(target);
        if (folder === undefined || !existsSync(folder)) {
          notes.push(`what is in ${target} is out of reach here, so nothing was tried on old data of it`);
          continue;
        }
        if (!lstatSync(folder).isDirectory()) continue;
        const why = whyTooLarge(folder);
        if (why !== undefined) {
          notes.push(`nothing was tried on old data of ${target}: ${why}`);
          continue;
        }
        if (home === undefined) {
          const path = mkdtempSync(join(tmpdir(), 'unroot-kept-'));
          home = { path, release: register(undo.remove(path)).release };
        }
        const copy = join(home.path, String(folders.size));
        await copyTree(folder, copy);
        folders.set(target, copy);
      }
    },
  };
}
