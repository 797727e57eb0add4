/** A small merged root file system kept in memory, for tests of the pure layers: the same `RootFs` that image readers give, from a list. */
import type { Resolved, RootEntry, RootFs } from '../../src/image/image.ts';
import type { Inode } from '../../src/linux/inode.ts';

/** One entry; what is not said: root:root, layer 0, 0755 for directories and files named by `content` or `executable`, 0777 for symlinks. */
export interface MemoryEntry extends Partial<Omit<Inode, 'type'>> {
  readonly type?: Inode['type'];
  /** Makes it a regular file of 0644 unless a mode is given. */
  readonly content?: string | Uint8Array;
  /** Makes it a symlink. */
  readonly target?: string;
  readonly layer?: number;
  readonly size?: number;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly hardlinkTo?: string;
}

/**
 * Builds the tree. Keys are absolute paths; a string value is the content of a 0644 root file; `{}` is a 0755 root directory. Parents that are
 * not listed are made as 0755 root directories with layer -1, as an image reader does for implied parents.
 */
export function memoryRootFs(tree: Readonly<Record<string, MemoryEntry | string>>): RootFs {
  const entries = new Map<string, RootEntry>();
  const contents = new Map<string, Uint8Array>();
  const directory = (path: string): RootEntry => ({
    path,
    type: 'directory',
    uid: 0,
    gid: 0,
    mode: 0o755,
    size: 0,
    mtime: 0,
    layer: -1,
  });
  entries.set('/', directory('/'));

  for (const [path, given] of Object.entries(tree)) {
    if (!path.startsWith('/') || (path !== '/' && path.endsWith('/')))
      throw new Error(`memoryRootFs: ${path} is not a normal absolute path`);
    const spec: MemoryEntry = typeof given === 'string' ? { content: given } : given;
    for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      if (!entries.has(parent)) entries.set(parent, directory(parent));
    }
    const { content, type, target, mode, layer, size, uid, gid, ...rest } = spec;
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const kind = type ?? (target !== undefined ? 'symlink' : bytes !== undefined ? 'file' : 'directory');
    const defaultMode = kind === 'symlink' ? 0o777 : kind === 'file' ? 0o644 : 0o755;
    entries.set(path, {
      ...rest,
      path,
      type: kind,
      uid: uid ?? 0,
      gid: gid ?? 0,
      mode: mode ?? defaultMode,
      size: size ?? bytes?.length ?? 0,
      mtime: 0,
      layer: layer ?? 0,
      ...(target === undefined ? {} : { target }),
    });
    if (bytes !== undefined) contents.set(path, bytes);
  }

  const sorted = [...entries.keys()].sort();

  function resolve(path: string, options: { readonly follow?: boolean } = {}): Resolved {
    const pending = path.split('/').filter((part) => part !== '' && part !== '.');
    let at = '/';
    let links = 0;
    while (pending.length > 0) {
      const name = pending.shift() as string;
      if (name === '..') {
        at = at.slice(0, at.lastIndexOf('/')) || '/';
        continue;
      }
      const here = entries.get(at);
      if (here !== undefined && here.type !== 'directory') return { path: at, entry: undefined, error: 'ENOTDIR' };
      const next = at === '/' ? `/${name}` : `${at}/${name}`;
      const entry = entries.get(next);
      if (entry === undefined) {
        // A missing last component still has a place; a missing directory on the way does not.
        return { path: next, entry: undefined, error: 'ENOENT' };
      }
      const last = pending.length === 0;
      if (entry.type === 'symlink' && !(last && options.follow === false)) {
        links += 1;
        if (links > 40) return { path: next, entry: undefined, error: 'ELOOP' };
        const target = entry.target ?? '';
        if (target.startsWith('/')) at = '/';
        pending.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
        continue;
      }
      at = next;
    }
    return { path: at, entry: entries.get(at) };
  }

  function read(path: string): Uint8Array | undefined {
    const { entry } = resolve(path);
    if (entry?.type !== 'file') return undefined;
    return contents.get(entry.hardlinkTo ?? entry.path) ?? new Uint8Array(0);
  }

  return {
    get: (path) => entries.get(path),
    resolve,
    list: (path) => {
      const prefix = path === '/' ? '/' : `${path}/`;
      return sorted
        .filter((each) => each !== '/' && each.startsWith(prefix) && !each.slice(prefix.length).includes('/'))
        .map((each) => each.slice(prefix.length));
    },
    entries: () => sorted.map((path) => entries.get(path) as RootEntry),
    readFile: async (path) => read(path),
    readFiles: async (paths) => {
      const found = new Map<string, Uint8Array>();
      for (const path of paths) {
        const bytes = read(path);
        if (bytes !== undefined) found.set(path, bytes);
      }
      return found;
    },
  };
}
