/** Finds Dockerfiles by their names, in folders too, and reads them. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UnrootError } from '../error.ts';
import { type SourceFile, sourceFile } from '../text/source-file.ts';
import { statOf } from './stat-of.ts';

/** `Dockerfile`, `Containerfile`, `web.Dockerfile`, `Dockerfile.web`; what belongs to one, and editors' copies, not. */
export function isDockerfileName(path: string): boolean {
  const name = basename(path);
  if (/\.(?:dockerignore|ya?ml|json|md|bak|orig|rej|swp|tmpl|template|j2|in)$|~$/i.test(name)) return false;
  return /^(?:Dockerfile|Containerfile)(?:[.-].+)?$/.test(name) || /\.(?:dockerfile|containerfile)$/i.test(name);
}

const DEEPEST = 64;
const MOST = 5000;
/** No Dockerfile is larger. */
const LARGEST = 4 * 1024 * 1024;

/** Whether there is a file below the folder whose name is a manifest's. */
export const manifestNamesIn = (folder: string): boolean =>
  filesIn(folder, (name) => /\.(?:ya?ml|json)$/i.test(name), 1).length > 0;

/** Dockerfiles below a folder. */
export const dockerfilesIn = (folder: string): readonly string[] => filesIn(folder, isDockerfileName, MOST);

/** Below a folder, by name; what cannot be looked into is somebody else's to tell. */
function filesIn(folder: string, fits: (name: string) => boolean, most: number): readonly string[] {
  const out: string[] = [];
  const walk = (at: string, depth: number): void => {
    if (depth > DEEPEST || out.length >= most) return;
    let entries: readonly Dirent[];
    try {
      entries = readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch {
      return;
    }
    for (const entry of entries) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== '.git' && entry.name !== 'node_modules') walk(path, depth + 1);
      } else if (entry.isFile() && out.length < most && fits(entry.name)) out.push(path);
    }
  };
  walk(folder, 0);
  return out;
}

export const isFolder = (path: string): boolean => statOf(path)?.isDirectory() === true;

/** Throws when it cannot be read, or is no text. */
export function readDockerfile(path: string): SourceFile {
  const fail = (why: string, cause?: unknown): UnrootError =>
    new UnrootError(`Cannot read ${path}: ${why}`, {
      code: 'input.unreadable',
      where: { file: path },
      expected: 'a Dockerfile',
      cause,
    });
  let bytes: Buffer;
  try {
    const stat = statSync(path);
    if (stat.size > LARGEST) throw fail(`it is larger than ${LARGEST / 1024 / 1024} MiB, which no Dockerfile is`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof UnrootError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw fail(
      code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : (error as Error).message,
      error,
    );
  }
  try {
    return sourceFile(path, new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw fail('it is not text: its bytes are no UTF-8', error);
  }
}
