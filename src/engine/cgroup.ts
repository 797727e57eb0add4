/** Control groups of this machine, as far as an engine may make some. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
/** statfs(2): CGROUP2_SUPER_MAGIC. */
const CGROUP2 = 0x63677270;

/** A path for a new group, and the folders that will be it. */
export interface FreeCgroup {
  readonly path: string;
  readonly version: 1 | 2;
  readonly folders: readonly string[];
}

/** Version 2 alone, 1 (also beside 2), or none mounted. */
export function cgroupVersion(): 1 | 2 | undefined {
  try {
    if (statfsSync(ROOT).type === CGROUP2) return 2;
    return readdirSync(ROOT).length > 0 ? 1 : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where no group can be made: nothing is mounted, or it is read-only, as inside most containers. */
export function freeCgroup(id: string): FreeCgroup | undefined {
  const version = cgroupVersion();
  if (version === undefined) return undefined;
  const path = `/${id}`;
  const parents =
    version === 2
      ? [ROOT]
      : readdirSync(ROOT)
          .map((name) => join(ROOT, name))
          .filter((folder) => !lstatSync(folder).isSymbolicLink());
  const usable = parents.filter((folder) => existsSync(join(folder, 'cgroup.procs')));
  try {
    for (const folder of usable) accessSync(folder, constants.W_OK);
  } catch {
    return undefined;
  }
  return usable.length > 0 ? { path, version, folders: usable.map((folder) => join(folder, id)) } : undefined;
}

/** Removes empty groups; one is busy until the last process in it is quite gone. */
export async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (let left = 50; existsSync(folder) && left > 0; left -= 1) {
      try {
        rmdirSync(folder);
      } catch {
        await sleep(20);
      }
    }
  }
}
