/** Reads the first line of scripts, which the kernel reads too when it executes them. */
import type { RootFs } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { interpreterOf, MAX_INTERPRETERS } from '../linux/script.ts';
import { absolute } from './path-actions.ts';
import { fromImage } from './seen-tree.ts';

/** Scripts are small; a program above this is none. */
const LARGEST = 1 << 20;

/** The script at `path` and the scripts that interpret it: path → interpreter, both absolute and free of symlinks on the left. */
export async function scriptsFrom(path: string, launch: Launch, rootFs: RootFs): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let next: string | undefined = path;
  for (let depth = 0; next !== undefined && depth <= MAX_INTERPRETERS; depth += 1) {
    const { entry } = rootFs.resolve(next);
    if (entry?.type !== 'file' || entry.size > LARGEST || found.has(entry.path) || !fromImage(entry.path, launch.mounts)) break;
    const content = await rootFs.readFile(entry.path, { limit: LARGEST });
    const word: string | undefined = content === undefined ? undefined : interpreterOf(content);
    if (word === undefined) break;
    next = absolute(word, launch.cwd);
    found.set(entry.path, next);
  }
  return found;
}
