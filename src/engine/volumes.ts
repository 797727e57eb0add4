/** Folders behind a launch's volumes: made new, filled from the image where the platform does so, owned as the launch says. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Launch, LaunchMount } from '../launch/launch.ts';
import { folderChanges, type Snapshot, snapshot } from './changes.ts';
import type { FileChange, SharedVolume } from './engine.ts';
import { register, undo } from './reaper.ts';
import { insidePath } from './rootfs/inside.ts';

/** A volume or bind, with what it held before the run. */
export interface VolumeFolder {
  readonly mount: LaunchMount;
  readonly folder: string;
  readonly before: Snapshot;
}

/** One folder for each mount of type volume, below `home`; the binds' sources are looked at, so that their changes can be told too. */
export function makeVolumes(launch: Launch, root: string, home: string): readonly VolumeFolder[] {
  return launch.mounts.flatMap((mount, index): VolumeFolder[] => {
    if (mount.type === 'bind') {
      const folder = mount.source ?? '';
      const stat = lstatSync(folder, { throwIfNoEntry: false });
      if (!stat) {
        throw new UnrootError(`the bind mount at ${mount.target} needs ${folder || 'a source'}, which is not there`, {
          code: 'engine.bind-source',
          where: { file: folder },
        });
      }
      return stat.isDirectory() && !mount.readOnly ? [{ mount, folder, before: snapshot(folder) }] : [];
    }
    if (mount.type !== 'volume') return [];
    const folder = mount.source?.startsWith('/') ? mount.source : join(home, `volume-${index}`);
    if (!existsSync(folder)) {
      mkdirSync(folder, { mode: 0o755 });
      chmodSync(folder, 0o755);
      if (mount.copiesImageContent) fill(folder, root, mount.target);
      if (mount.uid !== undefined || mount.gid !== undefined) {
        const { uid, gid } = lstatSync(folder);
        chownSync(folder, mount.uid ?? uid, mount.gid ?? gid);
      }
      if (mount.mode !== undefined) chmodSync(folder, mount.mode);
    }
    // As long as nothing is in it, every container that mounts it may be the one that fills it (moby volume/mounts, CopyImagePathContent).
    else if (mount.copiesImageContent && mount.source !== undefined && readdirSync(folder).length === 0)
      fill(folder, root, mount.target);
    return [{ mount, folder, before: snapshot(folder) }];
  });
}

/** Where a volume shall be that outlives the containers which share it: the first of them makes it. */
export function volumeFolder(): SharedVolume {
  const home = mkdtempSync(join(tmpdir(), 'unroot-volume-'));
  const written = register(undo.remove(home));
  return {
    id: join(home, 'data'),
    async remove() {
      rmSync(home, { recursive: true, force: true });
      written.release();
    },
  };
}

/** What the run changed in them. */
export function volumeChanges(volumes: readonly VolumeFolder[]): readonly FileChange[] {
  return volumes.flatMap(({ mount, folder, before }) => folderChanges(mount.target, before, snapshot(folder)));
}

/** Where they lie, by mount target. */
export const volumeFolders = (volumes: readonly VolumeFolder[]): ReadonlyMap<string, string> =>
  new Map(volumes.map(({ mount, folder }) => [mount.target, folder]));

function fill(folder: string, root: string, target: string): void {
  const inside = insidePath(root, target);
  if (inside === undefined) return;
  const source = join(root, inside);
  const stat = lstatSync(source, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return;
  try {
    // The folder's own owner and mode come along.
    execFileSync('cp', ['-a', '--reflink=auto', `${source}/.`, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    throw new UnrootError(
      `the image's content at ${target} cannot be copied into a volume: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`,
      {
        code: 'engine.volume',
        cause: error,
      },
    );
  }
}
