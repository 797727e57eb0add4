/** Reads the first line of scripts, as the kernel does when it executes them: set-id bits and file capabilities of a script itself count for nothing. */
import type { RootEntry, RootFs } from '../image/image.ts';
import { interpreterOf, MAX_INTERPRETERS, SCRIPT_HEAD } from '../linux/script.ts';

/** Scripts are small; a file above this is taken for a program. */
const LARGEST = 1 << 20;
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Script → interpreter, for what these words may start: only files with set-id bits or capabilities are read, and the interpreters of
 * those that are scripts. Paths are free of symlinks on the left and as written on the right.
 */
export async function readScripts(
  rootFs: RootFs,
  words: readonly (string | undefined)[],
  env: readonly string[],
  cwd: string,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const path = pathOf(env);
  for (const word of words) {
    if (word === undefined || word === '') continue;
    for (const place of placesOf(word, path)) {
      const entry = fileAt(rootFs, place, cwd);
      if (entry !== undefined && special(entry)) await scriptsFrom(entry.path, rootFs, cwd, found);
    }
  }
  return found;
}

/** Where execvp would look. */
export const placesOf = (word: string, path: string): readonly string[] =>
  word.includes('/') ? [word] : path.split(':').map((folder) => `${folder}/${word}`);

export const pathOf = (env: readonly string[]): string =>
  env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? USUAL_PATH;

/** Whether executing it may change who the process is. */
export const special = ({ mode, fileCapabilities }: RootEntry): boolean =>
  (mode & 0o6000) !== 0 || fileCapabilities !== undefined;

function fileAt(rootFs: RootFs, path: string, cwd: string): RootEntry | undefined {
  const { entry } = rootFs.resolve(path.startsWith('/') ? path : `${cwd}/${path}`);
  return entry?.type === 'file' ? entry : undefined;
}

/** The script at `path` and the scripts that interpret it; nothing when it is none. `readable`: which files are the image's own. */
export async function scriptsFrom(
  path: string,
  rootFs: RootFs,
  cwd: string,
  found: Map<string, string> = new Map(),
  readable: (path: string) => boolean = () => true,
): Promise<ReadonlyMap<string, string>> {
  let entry = fileAt(rootFs, path, cwd);
  for (let depth = 0; depth <= MAX_INTERPRETERS && entry !== undefined; depth += 1) {
    if (found.has(entry.path) || entry.size > LARGEST || !readable(entry.path)) break;
    const head = await rootFs.readFiles([entry.path], { limit: SCRIPT_HEAD, head: true });
    const content = head.get(entry.path);
    const interpreter: string | undefined = content === undefined ? undefined : interpreterOf(content);
    if (interpreter === undefined) break;
    found.set(entry.path, interpreter);
    entry = fileAt(rootFs, interpreter, cwd);
  }
  return found;
}
