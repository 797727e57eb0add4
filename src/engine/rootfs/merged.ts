/** Looks into a stack of unpacked layers (overlayfs form) as if it were mounted: for what a layer does not say about its parents. */
import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs';

/** A whiteout of overlayfs: a character device 0:0 (kernel Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
export function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

/** The layers below the one that is being unpacked. Paths are relative, without leading slash; '' is the root. */
export interface MergedLayers {
  /** What the stack shows at that path, without following symlinks. */
  entry(path: string): { readonly file: string; readonly stat: Stats } | undefined;
  /** Names in a directory of the stack. Empty when it is none. */
  list(path: string): readonly string[];
}

/** `folders`: roots of the layers, top first. They must not change while this is in use. */
export function mergedLayers(folders: readonly string[]): MergedLayers {
  const known = new Map<string, readonly string[]>([['', folders]]);

  // The folders that together make up the directory: top down, until one hides what is below it.
  const parts = (path: string): readonly string[] => {
    const before = known.get(path);
    if (before) return before;
    const [parent, name] = split(path);
    const found: string[] = [];
    for (const folder of parts(parent)) {
      const stat = lstat(`${folder}/${name}`);
      if (stat === undefined) continue;
      if (!stat.isDirectory()) break;
      found.push(`${folder}/${name}`);
    }
    known.set(path, found);
    return found;
  };

  return {
    entry(path) {
      if (path === '') {
        const file = folders[0];
        return file === undefined ? undefined : { file, stat: lstatSync(file) };
      }
      const [parent, name] = split(path);
      for (const folder of parts(parent)) {
        const file = `${folder}/${name}`;
        const stat = lstat(file);
        if (stat) return isWhiteout(stat) ? undefined : { file, stat };
      }
      return undefined;
    },
    list(path) {
      const names = new Map<string, boolean>();
      for (const folder of parts(path)) {
        for (const entry of readdirSync(folder, { withFileTypes: true })) {
          if (!names.has(entry.name)) names.set(entry.name, !hides(folder, entry));
        }
      }
      return [...names].flatMap(([name, shown]) => (shown ? [name] : []));
    },
  };
}

function hides(folder: string, entry: Dirent): boolean {
  return entry.isCharacterDevice() && isWhiteout(lstatSync(`${folder}/${entry.name}`));
}

function split(path: string): readonly [parent: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function lstat(file: string): Stats | undefined {
  return lstatSync(file, { throwIfNoEntry: false });
}
