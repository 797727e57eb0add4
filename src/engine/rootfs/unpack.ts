/**
 * Writes the entries of one layer into a folder in the form overlayfs mounts, without ever leaving that folder. No xattr is needed for
 * opaque directories: what lies below is hidden name by name, so unpacking works where setfattr is missing.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { UnrootError } from '../../error.ts';
import { normalise } from '../../image/layer-index.ts';
import { encodeName } from '../../image/name-text.ts';
import type { ContentSink, TarEntry } from '../../image/tar.ts';
import type { LayerWriter } from './layer-writer.ts';
import type { MergedLayers } from './merged.ts';
import { mknod, whiteoutMaker } from './nodes.ts';
import { failed, unsafe } from './unpack-error.ts';
import { attributesToSet } from './xattrs.ts';

/** More entries than this in one layer is no image. */
const MAX_ENTRIES = 4_000_000;
/** Symlinks followed in one path, as the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

type Known = { readonly kind: 'directory' } | { readonly kind: 'symlink'; readonly target: string } | { readonly kind: 'other' };
const DIRECTORY: Known = { kind: 'directory' };
const OTHER: Known = { kind: 'other' };

/**
 * `folder` exists, is empty, and nobody else writes in it. `lower`: the layers below. `scratch`: a folder beside it, same file system.
 * `listsSetLast`: where a mode and an access control list disagree, the list counts (PlatformProfile), not the mode.
 */
export function layerWriter(folder: string, scratch: string, lower: MergedLayers, listsSetLast: boolean): LayerWriter {
  // Everything in the folder was made here, so this map is the truth and no lstat is needed to stay inside.
  const known = new Map<string, Known>([['', DIRECTORY]]);
  const times = new Map<string, number>();
  const attributes = attributesToSet(listsSetLast);
  const opaque = new Set<string>();
  const removed = new Set<string>();
  const notes = new Set<string>();
  let entries = 0;
  let bytes = 0;
  let current: { readonly fd: number; readonly entry: TarEntry; readonly path: string } | undefined;

  const at = (path: string): string | Buffer => {
    const file = path === '' ? folder : `${folder}/${path}`;
    // A name that is not UTF-8 comes as lone surrogates (image/name-text.ts) and goes to the kernel as its bytes.
    return /[\udc80-\udcff]/.test(path) ? Buffer.from(encodeName(file)) : file;
  };

  const closeFile = (): void => {
    if (!current) return;
    const { fd, entry } = current;
    current = undefined;
    try {
      // chown first: it clears set-user-ID and set-group-ID bits (chown(2)).
      fchownSync(fd, entry.uid, entry.gid);
      fchmodSync(fd, entry.mode & 0o7777);
      futimesSync(fd, entry.mtime, entry.mtime);
    } finally {
      closeSync(fd);
    }
  };

  /** A parent the layer does not list: it looks as the layers below show it, else as any runtime makes it (root, 0755). */
  const implied = (path: string): void => {
    const below = lower.entry(path);
    mkdirSync(at(path), 0o700);
    known.set(path, DIRECTORY);
    const stat: Stats | undefined = below?.stat.isDirectory() ? below.stat : undefined;
    if (stat) lchownSync(at(path), stat.uid, stat.gid);
    chmodSync(at(path), stat ? stat.mode & 0o7777 : 0o755);
    times.set(path, stat ? stat.mtimeMs / 1000 : 0);
  };

  /** The directory that a path's last name lives in, symlinks of this layer followed inside the folder; parents are made. */
  const parentOf = (path: string): { readonly parent: string; readonly name: string } => {
    const words = components(path);
    const name = words.pop();
    if (name === undefined) return { parent: '', name: '' };
    let parent = '';
    let links = 0;
    while (words.length > 0) {
      const word = words.shift()!;
      if (word === '..') {
        parent = parent.slice(0, Math.max(parent.lastIndexOf('/'), 0));
        continue;
      }
      const next = parent === '' ? word : `${parent}/${word}`;
      const what = known.get(next);
      if (what?.kind === 'symlink') {
        if (++links > MAX_LINKS) throw unsafe(path, 'its folder is a loop of symbolic links');
        if (what.target.startsWith('/')) parent = '';
        words.unshift(...what.target.split('/').filter((part) => part !== '' && part !== '.'));
        continue;
      }
      if (what === OTHER) throw unsafe(path, `/${next} is not a directory`);
      if (what === undefined) implied(next);
      parent = next;
    }
    return { parent, name };
  };

  const place = (path: string): string => {
    const { parent, name } = parentOf(path);
    return parent === '' ? name : `${parent}/${name}`;
  };

  const drop = (path: string): void => {
    const what = known.get(path);
    if (what === undefined) return;
    if (what.kind !== 'directory') unlinkSync(at(path));
    else {
      rmSync(at(path), { recursive: true, force: true });
      for (const map of [known, times, ...attributes.maps])
        for (const key of map.keys()) if (key.startsWith(`${path}/`)) map.delete(key);
    }
    for (const map of [known, times, ...attributes.maps]) map.delete(path);
  };

  const makeWhiteout = whiteoutMaker(scratch);
  const hide = (path: string): void => {
    makeWhiteout(at(path));
    known.set(path, OTHER);
  };

  /** Hides all that the layers below have in a directory, except where this layer has something of its own. */
  const hideBelow = (path: string): void => {
    for (const name of lower.list(path)) {
      const child = path === '' ? name : `${path}/${name}`;
      const mine = known.get(child);
      if (mine === undefined) hide(child);
      else if (mine.kind === 'directory' && lower.entry(child)?.stat.isDirectory()) hideBelow(child);
    }
  };

  const hardLink = (entry: TarEntry, path: string): void => {
    const target = place(entry.link ?? '');
    if (target === path) return;
    const mine = known.get(target);
    if (mine && mine.kind !== 'directory') {
      linkSync(at(target), at(path));
      known.set(path, mine);
      return;
    }
    // A link to a file of a layer below: the file comes up, as overlayfs does it when the link is made in a running container.
    const below = mine ? undefined : lower.entry(target);
    if (!below || below.stat.isDirectory()) throw unsafe(entry.name, `it is a hard link to /${target}, which is not there`);
    execFileSync('cp', ['-a', '--', below.file, String(at(path))], { stdio: ['ignore', 'ignore', 'pipe'] });
    known.set(path, below.stat.isSymbolicLink() ? { kind: 'symlink', target: '' } : OTHER);
  };

  const make = (entry: TarEntry, path: string): void => {
    const file = at(path);
    switch (entry.type) {
      case 'file':
        current = {
          fd: openSync(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600),
          entry,
          path,
        };
        known.set(path, OTHER);
        return;
      case 'hardlink':
        hardLink(entry, path);
        return;
      case 'symlink':
        symlinkSync(entry.link ?? '', file);
        known.set(path, { kind: 'symlink', target: entry.link ?? '' });
        break;
      case 'socket':
        // tar cannot hold one, and a socket file nobody listens on is of no use.
        notes.add('a socket file was left out');
        return;
      default: {
        const letter = entry.type === 'fifo' ? 'p' : entry.type === 'character-device' ? 'c' : 'b';
        try {
          mknod(file, letter, entry.device?.major ?? 0, entry.device?.minor ?? 0);
        } catch {
          notes.add(`/${path} is a ${entry.type} and could not be made here (mknod was refused): left out`);
          return;
        }
        known.set(path, OTHER);
      }
    }
    lchownSync(file, entry.uid, entry.gid);
    if (entry.type !== 'symlink') chmodSync(file, entry.mode & 0o7777);
    lutimesSync(file, entry.mtime, entry.mtime);
  };

  const begin = (entry: TarEntry): void => {
    closeFile();
    if (++entries > MAX_ENTRIES)
      throw new UnrootError(`a layer has more than ${MAX_ENTRIES} entries`, { code: 'engine.too-large' });
    const words = components(entry.name);
    const base = words.at(-1) ?? '';
    if (base.startsWith('.wh.')) {
      const folderPath = words.slice(0, -1).join('/');
      // .wh..wh.plnk and .wh..wh.aufs are aufs's own housekeeping (image-spec layer.md knows only .wh..wh..opq).
      if (base === '.wh..wh..opq') opaque.add(place(`${folderPath}/x`).replace(/\/?x$/, ''));
      else if (!base.startsWith('.wh..wh.')) {
        const name = base.slice(4);
        // They would name the directory itself or its parent.
        if (name === '' || name === '.' || name === '..') throw unsafe(entry.name, 'it removes no name inside its directory');
        removed.add(place(`${folderPath}/${name}`));
      }
      return;
    }
    const path = place(entry.name);
    if (
      path !== '' &&
      !(entry.type === 'directory' && known.get(path) === DIRECTORY) &&
      !(entry.type === 'hardlink' && place(entry.link ?? '') === path)
    )
      drop(path);
    if (entry.type === 'directory') {
      if (known.get(path) !== DIRECTORY) {
        mkdirSync(at(path), 0o700);
        known.set(path, DIRECTORY);
      }
      lchownSync(at(path), entry.uid, entry.gid);
      chmodSync(at(path), entry.mode & 0o7777);
      times.set(path, entry.mtime);
    } else if (path === '') {
      throw unsafe(entry.name, 'the root is not a directory');
    } else make(entry, path);
    if (entry.xattrs && entry.type !== 'hardlink') attributes.add(path, entry.xattrs, entry.mode);
  };

  // The root itself, when the layer does not list it.
  const root = lower.entry('')?.stat;
  if (root) lchownSync(folder, root.uid, root.gid);
  chmodSync(folder, root ? root.mode & 0o7777 : 0o755);

  const guarded = <T>(path: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw error instanceof UnrootError ? error : failed(path, error);
    }
  };

  const write: ContentSink = (chunk) => {
    const file = current;
    if (!file) return;
    guarded(file.path, () => {
      for (let done = 0; done < chunk.length; ) done += writeSync(file.fd, chunk, done, chunk.length - done);
    });
    bytes += chunk.length;
  };

  return {
    begin(entry) {
      guarded(entry.name, () => begin(entry));
      return current ? write : undefined;
    },
    finish: () =>
      guarded('', () => {
        closeFile();
        for (const path of removed) {
          const mine = known.get(path);
          if (mine === undefined && lower.entry(path)) hide(path);
          else if (mine?.kind === 'directory') opaque.add(path);
        }
        for (const path of opaque) if (known.get(path)?.kind === 'directory') hideBelow(path);
        for (const note of attributes.restore(folder, at)) notes.add(note);
        // Last, because every file made in a directory touches it.
        for (const [path, mtime] of times) utimesSync(at(path), mtime, mtime);
        return { entries, bytes, notes: [...notes] };
      }),
    abort() {
      if (!current) return;
      closeSync(current.fd);
      current = undefined;
    },
  };
}

function components(path: string): string[] {
  const inside = normalise(path);
  return inside === '' ? [] : inside.split('/');
}
