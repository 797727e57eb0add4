/** Whose the files of a kept volume are. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { snapshot } from './changes.ts';

export interface KeptOwners {
  readonly files: number;
  /** Of files and folders, the top folder too. */
  readonly uids: readonly number[];
  /** Octal, of the top folder. */
  readonly mode: string;
  /** Paths in the container. */
  readonly paths: ReadonlySet<string>;
}

export function keptOwners(folder: string, target: string): KeptOwners {
  const entries = snapshot(folder);
  return {
    files: [...entries.values()].filter(({ type }) => type !== 'directory').length,
    uids: [...new Set([...entries.values()].map(({ uid }) => uid))].sort((a, b) => a - b),
    mode: (lstatSync(folder).mode & 0o7777).toString(8).padStart(4, '0'),
    paths: new Set([...entries.keys()].map((path) => (path === '/' ? target : join(target, path)))),
  };
}
