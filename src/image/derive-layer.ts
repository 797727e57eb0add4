/** Turns layer entries into the tar of one layer on top of an image: only what changes, and the directories that lead to it. */
import { UnrootError, type Where } from '../error.ts';
import { aclAfterChmod } from '../linux/acl.ts';
import { type Capability, capabilitySet, encodeFileCapabilities } from '../linux/capability.ts';
import { encodeAcl } from './acl-xattr.ts';
import type { RootEntry, RootFs } from './image.ts';
import type { LayerEntry } from './layer-entry.ts';
import type { TarWriteEntry } from './tar-writer.ts';

/** A planned entry: its path, and what to write there. `copyFrom` = the content still has to be read from the base. */
interface Planned {
  readonly entry: TarWriteEntry;
  readonly copyFrom?: RootEntry;
}

export interface DerivedLayer {
  /** Sorted by path, so parents come first. */
  readonly entries: readonly TarWriteEntry[];
  /** Bytes of file contents copied from the base only to change owner or mode. */
  readonly copied: number;
}

const CAPABILITY = 'security.capability';
const ACL = 'system.posix_acl_access';

/** Plans the layer and reads the contents that must be copied. Several changes of one path: the last one wins. */
export async function deriveLayer(
  base: RootFs,
  changes: readonly LayerEntry[],
  mtime: number,
  where: Where,
  copyLimit: number,
): Promise<DerivedLayer> {
  const planned = new Map<string, Planned>();
  for (const change of changes) {
    const path = placeOf(base, planned, change.path, where);
    // Set again at the end of the order, so that a later removal of a parent is seen as such.
    planned.set(path, plan(base, change, path, mtime, planned.get(path), where));
  }
  for (const path of [...planned.keys()]) addParents(base, planned, path, mtime);

  const copies = [...planned.values()].filter((one) => one.copyFrom !== undefined).map((one) => one.copyFrom!);
  const total = copies.reduce((sum, entry) => sum + entry.size, 0);
  if (total > copyLimit) {
    throw new UnrootError(
      `changing the owner of these files would copy ${total} bytes into the new layer, more than the limit of ${copyLimit}`,
      {
        code: 'image.too-large',
        where,
        expected: `at most ${copyLimit} bytes`,
        hint: 'Change the owner in the build instead (COPY --chown), or put the data on a volume.',
      },
    );
  }
  const contents = await base.readFiles(
    copies.map((entry) => entry.path),
    { limit: copyLimit },
  );
  const entries = [...planned]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { entry, copyFrom }]) => (copyFrom === undefined ? entry : { ...entry, content: contents.get(copyFrom.path)! }));
  return { entries, copied: total };
}

/** The path with its parents free of symlinks. */
function placeOf(base: RootFs, planned: ReadonlyMap<string, Planned>, path: string, where: Where): string {
  const bad = (reason: string): UnrootError =>
    new UnrootError(`the layer cannot change ${JSON.stringify(path)}: ${reason}`, {
      code: 'image.bad-change',
      where: { ...where, entry: path },
      expected: 'an absolute path whose parents are directories',
    });
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (!path.startsWith('/') || parts.includes('..') || path.includes('\0')) throw bad('it is not a plain absolute path');
  const name = parts.pop();
  if (name === undefined) return '/';
  if (name.startsWith('.wh.')) throw bad('layers reserve names that start with .wh.');
  const parent = `/${parts.join('/')}`;
  const resolved = base.resolve(parent);
  if (resolved.entry !== undefined && resolved.entry.type !== 'directory' && planned.get(parent)?.entry.type !== 'directory') {
    throw bad(`${resolved.path} is not a directory`);
  }
  if (resolved.error === 'ELOOP') throw bad('its parents are a loop of symlinks');
  const found = resolved.entry !== undefined ? resolved.path : longestKnown(base, parts);
  return found === '/' ? `/${name}` : `${found}/${name}`;
}

/** Directories that do not exist yet are made below the deepest one that does. */
function longestKnown(base: RootFs, parts: readonly string[]): string {
  for (let count = parts.length - 1; count >= 0; count--) {
    const resolved = base.resolve(`/${parts.slice(0, count).join('/')}`);
    if (resolved.entry?.type === 'directory') {
      const rest = parts.slice(count).join('/');
      return resolved.path === '/' ? `/${rest}` : `${resolved.path}/${rest}`;
    }
  }
  return `/${parts.join('/')}`;
}

function plan(
  base: RootFs,
  change: LayerEntry,
  path: string,
  mtime: number,
  earlier: Planned | undefined,
  where: Where,
): Planned {
  const existing = base.get(path);
  const name = path === '/' ? './' : path.slice(1);
  switch (change.kind) {
    case 'remove': {
      if (path === '/') throw missing(path, where, 'the root cannot be removed');
      const slash = name.lastIndexOf('/') + 1;
      const whiteout = `${name.slice(0, slash)}.wh.${name.slice(slash)}`;
      return { entry: { name: whiteout, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime, content: new Uint8Array(0) } };
    }
    case 'symlink':
      return { entry: { name, type: 'symlink', mode: 0o777, uid: change.uid, gid: change.gid, mtime, link: change.target } };
    case 'file': {
      const content = typeof change.content === 'string' ? new TextEncoder().encode(change.content) : change.content;
      return { entry: { name, type: 'file', mode: change.mode & 0o7777, uid: change.uid, gid: change.gid, mtime, content } };
    }
    case 'directory': {
      if (existing?.type === 'directory') return { entry: reown(existing, name, change) };
      return { entry: { name, type: 'directory', mode: change.mode & 0o7777, uid: change.uid, gid: change.gid, mtime } };
    }
    case 'own': {
      // A path that an earlier change makes is changed there.
      if (earlier !== undefined) {
        const entry = { ...earlier.entry, uid: change.uid, gid: change.gid, mode: change.mode & 0o7777 };
        return earlier.copyFrom === undefined ? { entry } : { entry, copyFrom: earlier.copyFrom };
      }
      if (existing === undefined) throw missing(path, where, 'the image has no such path');
      if (existing.type === 'socket') throw missing(path, where, 'a socket cannot be put into a layer');
      const entry = reown(existing, name, change);
      return existing.type === 'file' ? { entry: { ...entry, size: existing.size }, copyFrom: existing } : { entry };
    }
  }
}

/** The entry as it is in the base, with other owner and mode. */
function reown(
  existing: RootEntry,
  name: string,
  change: {
    readonly uid: number;
    readonly gid: number;
    readonly mode: number;
    readonly dropCapabilities?: boolean;
    readonly capabilities?: readonly Capability[];
  },
): TarWriteEntry {
  const mode = change.mode & 0o7777;
  const xattrs: Record<string, Uint8Array> = { ...existing.rawXattrs };
  if (change.dropCapabilities || change.capabilities?.length === 0) delete xattrs[CAPABILITY];
  else if (change.capabilities !== undefined) {
    const permitted = capabilitySet(change.capabilities);
    xattrs[CAPABILITY] = encodeFileCapabilities({ permitted, inheritable: [], effective: true });
  }
  // Extraction sets the list after the mode, and a list brings its own mode bits: it has to say the same.
  if (existing.acl !== undefined) xattrs[ACL] = encodeAcl(aclAfterChmod(existing.acl, mode));
  return {
    name,
    type: existing.type as TarWriteEntry['type'],
    mode,
    uid: change.uid,
    gid: change.gid,
    mtime: existing.mtime,
    ...(existing.target === undefined ? {} : { link: existing.target }),
    ...(existing.device === undefined ? {} : { device: existing.device }),
    ...(Object.keys(xattrs).length === 0 ? {} : { xattrs }),
  };
}

/**
 * Directories on the way to an entry are repeated as they are: a layer that only implies them makes Docker and Podman, which extract every
 * layer by itself, hide the real owner and mode behind root's 0755 (older Dockers: 0600). A header costs 512 bytes.
 */
function addParents(base: RootFs, planned: Map<string, Planned>, path: string, mtime: number): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    if (planned.has(parent)) continue;
    const existing = base.get(parent);
    const name = parent.slice(1);
    const entry: TarWriteEntry =
      existing?.type === 'directory'
        ? reown(existing, name, existing)
        : { name, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime };
    planned.set(parent, { entry });
  }
  // The same goes for the root, when it is not as runtimes make it by themselves.
  const root = base.get('/');
  if (root === undefined || root.layer < 0 || planned.has('/')) return;
  if (root.mode !== 0o755 || root.uid !== 0 || root.gid !== 0 || root.rawXattrs !== undefined)
    planned.set('/', { entry: reown(root, './', root) });
}

function missing(path: string, where: Where, reason: string): UnrootError {
  return new UnrootError(`the layer cannot change ${JSON.stringify(path)}: ${reason}`, {
    code: 'image.bad-change',
    where: { ...where, entry: path },
    expected: 'a path of the image',
  });
}
