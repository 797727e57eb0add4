/**
 * Programs of the machine that run with a container's root without using one file of it: this very Node.js, setpriv, nsenter and setsid, copied with
 * their libraries and loader to one folder of the cache. Attempts and `enter` start them by relative path from that folder.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { libraries, toolBox } from '../engine/builtin-tools.ts';
import { made } from './debian.ts';

const NAMES = ['setpriv', 'nsenter', 'env', 'setsid'] as const;

export interface LabTools {
  readonly folder: string;
  /** Words that start one of them from inside the folder. */
  command(name: 'node' | (typeof NAMES)[number]): readonly string[];
}

/** Makes them, or takes them from the cache. */
export async function labTools(cacheFolder: string): Promise<LabTools> {
  const program = realpathSync(process.execPath);
  const { size, mtimeMs } = statSync(program);
  const hash = createHash('sha256')
    .update(JSON.stringify([program, size, mtimeMs, NAMES]))
    .digest('hex')
    .slice(0, 16);
  const folder = await made(join(cacheFolder, 'tools', hash), { cacheFolder }, async (building) => {
    const box = join(building, 'box');
    toolBox(box, NAMES);
    copyFileSync(program, join(box, 'node'));
    for (const { soname, path } of libraries(program).shared) copyFileSync(path, join(box, soname));
    chmodSync(join(box, 'node'), 0o755);
    mkdirSync(join(building, 'root'), { mode: 0o755 });
    renameSync(box, join(building, 'root'));
    chmodSync(join(building, 'root'), 0o755);
  });
  return toolsIn(folder);
}

/** Such a folder that is there already. */
export function toolsIn(folder: string): LabTools {
  const loader = existsSync(join(folder, 'ld.so'));
  return {
    folder,
    // Node.js wants to know where it is, and its folder has no name in the container's root.
    command: (name) =>
      loader ? ['./ld.so', ...(name === 'node' ? ['--argv0', '/node'] : []), '--library-path', '.', `./${name}`] : [`./${name}`],
  };
}
