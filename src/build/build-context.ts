/** The folder that COPY and ADD take files from, as whoever reads it hands it in: no host path, no owner of the host. */

export interface ContextEntry {
  /** Relative, with `/` between the parts; '' is the folder itself. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** The 12 bits of the host's file, which builders keep. */
  readonly mode: number;
  readonly size: number;
  /** Symlinks. */
  readonly target?: string;
  readonly mtime: number;
}

export interface BuildContext {
  /** How it is shown: `.`, `services/web`. */
  readonly label: string;
  /** What .dockerignore leaves, parents before children. Undefined: there are too many to look at. */
  entries(): readonly ContextEntry[] | undefined;
  read(path: string, limit: number): Promise<Uint8Array>;
  /** The tar archive in a file, decompressed; undefined = none, or one that cannot be read here. */
  archive?(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

interface Rule {
  readonly regex: RegExp;
  readonly keep: boolean;
}

/** Lines of a .dockerignore (github.com/moby/patternmatcher): `*`, `?`, `**`, `[a-z]`, `!` to keep. The last one that fits decides. */
export function ignoreRules(text: string): (path: string) => boolean {
  const rules: Rule[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    let pattern = line.trim();
    if (pattern === '' || pattern.startsWith('#')) continue;
    const keep = pattern.startsWith('!');
    if (keep) pattern = pattern.slice(1).trim();
    pattern = pattern
      .replace(/\/+/g, '/')
      .replace(/^\.?\//, '')
      .replace(/\/\.?$/, '');
    if (pattern === '' || pattern === '.') continue;
    rules.push({ regex: contextPattern(pattern), keep });
  }
  const decided = (path: string): boolean => {
    let ignored = false;
    // A rule for a folder is one for what is in it.
    const parts = path.split('/');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    for (const { regex, keep } of rules) if (prefixes.some((prefix) => regex.test(prefix))) ignored = !keep;
    return ignored;
  };
  return decided;
}

/** Go's filepath.Match with `**`. */
export function contextPattern(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!;
    if (char === '*') {
      if (pattern[at + 1] === '*') {
        while (pattern[at + 1] === '*') at += 1;
        if (pattern[at + 1] === '/') {
          at += 1;
          source += '(?:.*/)?';
        } else source += '.*';
      } else source += '[^/]*';
    } else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 1);
      if (end < 0) source += '\\[';
      else {
        source += `[${pattern
          .slice(at + 1, end)
          .replace(/\\/g, '\\\\')
          .replace(/\[/g, '\\[')}]`;
        at = end;
      }
    } else if (char === '\\') source += (pattern[++at] ?? '\\').replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    else source += char.replace(/[.+^${}()|\\]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /(?!)/;
  }
}
