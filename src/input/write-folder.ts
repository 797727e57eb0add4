/** Writes files into a folder that is new, empty, or holds nothing but such files. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';

/** Names of what a fix of manifests writes beside kustomization.yaml. */
const OURS = /^(?:images|kustomization\.yaml|[a-z0-9.-]+\.(?:yaml|json))$/;

/** Before any work is done. */
export function requireOutFolder(folder: string): void {
  if (!existsSync(folder)) return;
  const foreign = statSync(folder).isDirectory() ? readdirSync(folder).filter((name) => !OURS.test(name)) : [folder];
  if (foreign.length === 0) return;
  throw new UnrootError(`${folder} holds other things: ${foreign.slice(0, 3).join(', ')}`, {
    code: 'output.not-empty',
    where: { file: folder },
    expected: 'a new folder, an empty one, or one that an earlier fix wrote',
    hint: 'give another folder with --out',
  });
}

/** Each file is there in full or not at all. */
export function writeFiles(folder: string, files: readonly { readonly path: string; readonly text: string }[]): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const { path, text } of files) {
      const temporary = join(folder, `${path}.${process.pid}.tmp`);
      try {
        writeFileSync(temporary, text, { flag: 'wx' });
        renameSync(temporary, join(folder, path));
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    }
  } catch (error) {
    throw new UnrootError(`Cannot write into ${folder}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      code: 'output.unwritable',
      where: { file: folder },
      cause: error,
    });
  }
}
