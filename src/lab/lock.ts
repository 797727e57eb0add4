/** A folder as a lock: two players that need the same thing wait for one build. One left behind by a process that is gone is taken over. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processAlive, processStartTime } from '../engine/proc.ts';

/** Runs `work` while nobody else holds the lock. */
export async function withLock<T>(folder: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const owner = join(folder, 'owner');
  mkdirSync(dirname(folder), { recursive: true });
  for (;;) {
    signal?.throwIfAborted();
    try {
      mkdirSync(folder);
      writeFileSync(owner, `${process.pid} ${processStartTime(process.pid) ?? 0}`);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isAbandoned(folder, owner)) rmSync(folder, { recursive: true, force: true });
      else await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isAbandoned(folder: string, owner: string): boolean {
  try {
    const [pid, start] = readFileSync(owner, 'utf8').split(' ').map(Number);
    return !processAlive(pid ?? 0, start);
  } catch {
    // Made this moment, or by somebody who died before he could write his name.
    const made = statSync(folder, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs > 5000;
  }
}
