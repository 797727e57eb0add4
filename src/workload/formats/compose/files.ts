/** What reading a compose file asks of the world: other files, and the environment. */
import type { SourceFile } from '../../../text/source-file.ts';

export interface ComposeFiles {
  /** The file at a path, or why it cannot be read; `absent`: there is none. */
  read(path: string): SourceFile | { readonly missing: string; readonly absent: boolean };
  /** Absolute, without `.` and `..`. */
  absolute(path: string): string;
  /** Of the process that would start compose. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A path of a compose file, from the folder that relative ones start in. */
export function pathFrom(dir: string, path: string, home: string | undefined): string {
  const expanded = path === '~' || path.startsWith('~/') ? `${home ?? '~'}${path.slice(1)}` : path;
  return expanded.startsWith('/') || dir === '' ? expanded : tidy(`${dir}/${expanded}`);
}

/** Without `.`, `..` and double slashes, as far as that is possible without looking. */
export function tidy(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !path.startsWith('/')) parts.push(part);
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}` || '.';
}

/** The folder of a path. */
export function folderOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? '.' : cut === 0 ? '/' : path.slice(0, cut);
}

/** Names that compose looks for, the first one there wins (compose-go cli/options.go). */
export const DEFAULT_NAMES: readonly string[] = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
export const OVERRIDE_NAMES: readonly string[] = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
