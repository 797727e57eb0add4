/** Reads the beginning of what is to be executed: the kernel decides by it what the file is, and a script's interpreter counts instead of the script. */
import type { RootEntry, RootFs } from '../image/image.ts';
import { PROGRAM_HEAD, type Program, programOf } from '../linux/program.ts';
import { MAX_INTERPRETERS } from '../linux/script.ts';

const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What these words may start, with the interpreters of those that are scripts. Paths are free of symlinks. */
export async function readPrograms(
  rootFs: RootFs,
  words: readonly (string | undefined)[],
  env: readonly string[],
  cwd: string,
  architecture?: string,
): Promise<ReadonlyMap<string, Program>> {
  const found = new Map<string, Program>();
  const path = pathOf(env);
  for (const word of words) {
    if (word === undefined || word === '') continue;
    for (const place of placesOf(word, path)) {
      const entry = fileAt(rootFs, place, cwd);
      if (entry !== undefined && (entry.mode & 0o111) !== 0) await programsFrom(entry.path, rootFs, cwd, architecture, found);
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

/** The program at `path`, and what interprets it when it is a script. `readable`: which files are the image's own. */
export async function programsFrom(
  path: string,
  rootFs: RootFs,
  cwd: string,
  architecture: string | undefined,
  found: Map<string, Program> = new Map(),
  readable: (path: string) => boolean = () => true,
): Promise<ReadonlyMap<string, Program>> {
  let entry = fileAt(rootFs, path, cwd);
  for (let depth = 0; depth <= MAX_INTERPRETERS && entry !== undefined; depth += 1) {
    if (found.has(entry.path) || !readable(entry.path)) break;
    const head = (await rootFs.readFiles([entry.path], { limit: PROGRAM_HEAD, head: true })).get(entry.path);
    if (head === undefined) break;
    const program: Program = programOf(head, architecture);
    found.set(entry.path, program);
    if (program.kind !== 'script') break;
    entry = fileAt(rootFs, program.interpreter, cwd);
  }
  return found;
}
