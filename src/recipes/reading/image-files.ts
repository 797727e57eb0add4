/** The files that a reader of scripts and configurations looks at, each read once, and bounded. */
import type { RootFs } from '../../image/image.ts';

const MAX_BYTES = 64 * 1024;
const MAX_FILES = 100;

export interface ImageFiles {
  readonly rootFs: RootFs;
  /** Undefined: no such file, too long, no text, or too many were read. */
  text(path: string): Promise<string | undefined>;
  /** Paths that a pattern with `*` and `?` in its last part names, sorted; a path without any is itself. */
  glob(pattern: string): readonly string[];
}

export function imageFiles(rootFs: RootFs): ImageFiles {
  const read = new Map<string, string | undefined>();
  return {
    rootFs,
    text: async (path) => {
      const entry = rootFs.resolve(path).entry;
      if (entry?.type !== 'file' || entry.size > MAX_BYTES) return undefined;
      if (!read.has(entry.path)) {
        if (read.size >= MAX_FILES) return undefined;
        const bytes = await rootFs.readFile(entry.path, { limit: MAX_BYTES });
        read.set(entry.path, bytes === undefined || bytes.includes(0) ? undefined : new TextDecoder().decode(bytes));
      }
      return read.get(entry.path);
    },
    glob: (pattern) => {
      const cut = pattern.lastIndexOf('/');
      const [folder, last] = [pattern.slice(0, cut) || '/', pattern.slice(cut + 1)];
      if (!/[*?]/.test(last)) return [pattern];
      if (/[*?]/.test(folder)) return [];
      const matches = globPattern(last);
      return rootFs
        .list(folder)
        .filter((name) => !name.startsWith('.') && matches.test(name))
        .slice(0, MAX_FILES)
        .map((name) => `${folder === '/' ? '' : folder}/${name}`);
    },
  };
}

/** Shell patterns of `*` and `?`; runs of stars are one, so that no text makes it slow. */
export function globPattern(pattern: string): RegExp {
  const source = pattern.replace(/\*+/g, '*').replace(/[.+^${}()|[\]\\]/g, '\\$&');
  if ((source.match(/\*/g) ?? []).length > 4) return /(?!)/;
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

/** `cwd` and a path as somebody wrote it, as one absolute path without `.` and `..`. */
export function absolute(cwd: string, path: string): string {
  const out: string[] = [];
  for (const part of `${path.startsWith('/') ? '' : cwd}/${path}`.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}
