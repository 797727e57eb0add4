/** Finds `.unroot.yaml`: by itself, because every command looks for one and few find one. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { statOf } from './stat-of.ts';

const NAMES = ['.unroot.yaml', '.unroot.yml'];

/** In the folder or above it, as far as the repository reaches: what lies beyond belongs to somebody else. */
export function findConfig(start: string): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const found = NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return relative('', found) || found;
    if (existsSync(join(folder, '.git')) || folder === dirname(folder)) return undefined;
  }
}

/** The folder to begin in: that of the first target which is a path, else the one of the process. */
export function configStart(targets: readonly string[]): string {
  for (const target of targets) {
    const stat = statOf(target);
    if (stat !== undefined) return stat.isDirectory() ? target : dirname(target);
  }
  return '.';
}
