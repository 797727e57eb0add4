/** Control groups of this machine, as far as an engine may make some. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, statfsSync } from 'node:fs';
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
  /** Version 1: the devices that the group around it allows, when they are not all. No group below may allow more. */
  readonly devices?: readonly CgroupDevice[];
}

/** A line of devices.list, as the runtime specification writes it; absent numbers are all of them. */
export interface CgroupDevice {
  readonly type: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
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
  if (usable.length === 0) return undefined;
  const devices = version === 1 ? devicesAround(join(ROOT, 'devices/devices.list')) : undefined;
  return { path, version, folders: usable.map((folder) => join(folder, id)), ...(devices === undefined ? {} : { devices }) };
}

/** Undefined: all. */
function devicesAround(file: string): readonly CgroupDevice[] | undefined {
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
  if (lines.some((line) => line.startsWith('a '))) return undefined;
  return lines.map((line) => {
    const [type = '', numbers = '', access = ''] = line.split(' ');
    const [major, minor] = numbers.split(':').map((number) => (number === '*' ? undefined : Number(number)));
    return {
      type,
      ...(major === undefined ? {} : { major }),
      ...(minor === undefined ? {} : { minor }),
      access,
    };
  });
}

/** Removes empty groups; one is busy until the last process in it is quite gone. */
export async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (let left = 250; existsSync(folder) && left > 0; left -= 1) {
      try {
        rmdirSync(folder);
      } catch {
        await sleep(20);
      }
    }
  }
}
