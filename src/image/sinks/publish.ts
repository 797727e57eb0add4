/** Nothing half-written: results grow under a temporary name beside the final one and are renamed when they are complete. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UnrootError } from '../../error.ts';

/**
 * Runs `write` with a fresh temporary folder beside `target`, then moves the thing named `name` in it (default: the folder itself) to
 * `target`, replacing what was there only now.
 */
export async function publish<T>(target: string, name: string | undefined, write: (path: string) => Promise<T>): Promise<T> {
  const final = resolve(target);
  let folder: string | undefined;
  try {
    mkdirSync(dirname(final), { recursive: true });
    folder = mkdtempSync(join(dirname(final), `.${basename(final)}.`));
    const growing = join(folder, name ?? 'new');
    if (name === undefined) mkdirSync(growing);
    const result = await write(growing);
    const existing = statSync(final, { throwIfNoEntry: false });
    if (existing?.isDirectory()) renameSync(final, join(folder, 'old'));
    renameSync(growing, final);
    return result;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (cause instanceof UnrootError || code === undefined) throw cause;
    throw new UnrootError(`cannot write ${target}: ${(cause as Error).message}`, {
      code: 'image.cannot-write',
      where: { file: target },
      expected: 'a place that can be written',
      cause,
    });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
