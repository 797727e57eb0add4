/** The folder of this process for everything that lives only as long as a run; it goes when the process goes. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processAlive, processStartTime } from '../proc.ts';
import { type Registration, register, undo } from '../reaper.ts';
import { cacheFolder } from './locate.ts';

/** A folder of its own for one container. */
export interface RunFolder {
  readonly path: string;
  /** Written down in the reaper's journal; release after it is gone. */
  readonly registration: Registration;
}

/** Beside the layers, so that overlayfs finds both with short names. */
export function runFolder(id: string): RunFolder {
  const all = join(cacheFolder(), 'run');
  mkdirSync(all, { recursive: true, mode: 0o700 });
  sweep(all);
  const path = join(all, `${process.pid}.${processStartTime(process.pid) ?? 0}.${id}`);
  const registration = register(undo.remove(path));
  mkdirSync(path, { mode: 0o700 });
  return { path, registration };
}

/** A short random name, unique on this machine. */
export function newId(): string {
  return `unroot-${randomBytes(6).toString('hex')}`;
}

/** Folders of processes that are gone and whose reaper died with them: after a power cut nothing is mounted there any more. */
function sweep(all: string): void {
  for (const name of readdirSync(all)) {
    const [pid = '', start = ''] = name.split('.');
    if (!/^\d+$/.test(pid) || processAlive(Number(pid), Number(start))) continue;
    try {
      rmSync(join(all, name), { recursive: true, force: true });
    } catch {
      // Still mounted: its reaper is at work this very moment.
    }
  }
}
