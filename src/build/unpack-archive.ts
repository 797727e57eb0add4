/** What ADD unpacks: the entries of a tar archive as a tree, with the owners and modes that the archive gives them. */
import { createTarStream, type TarEntry } from '../image/tar.ts';
import { decodeFileCapabilities } from '../linux/capability.ts';
import { type BuildTree, buildTree, directoryInfo, makeFolders, UNKNOWN } from './build-tree.ts';

/** Of larger files, and behind so many bytes in all, only that they are there is known. */
const FILE_BYTES = 256 * 1024;
const ALL_BYTES = 64 * 1024 * 1024;
const MOST_ENTRIES = 200_000;

/** Throws what the reader of the archive throws: it is none, or a broken one. */
export async function unpackedTree(archive: AsyncIterable<Uint8Array>, what: string): Promise<BuildTree> {
  const tree = buildTree();
  // Unless the archive has an entry for its top folder, nothing is said about that one.
  tree.root.assumed = true;
  let room = ALL_BYTES;
  const stream = createTarStream(
    (entry) => {
      const path = placeOf(entry.name);
      if (path === '/') {
        Object.assign(tree.root.info, { mode: entry.mode, uid: entry.uid, gid: entry.gid });
        tree.root.assumed = false;
        return undefined;
      }
      if (path === undefined) return undefined;
      const kept = entry.type === 'file' && entry.size <= Math.min(FILE_BYTES, room);
      const bytes = new Uint8Array(kept ? entry.size : 0);
      if (!putEntry(tree, path, entry, kept ? bytes : undefined) || !kept) return undefined;
      room -= entry.size;
      let filled = 0;
      return (chunk) => {
        bytes.set(chunk, filled);
        filled += chunk.length;
      };
    },
    { limits: { maxEntries: MOST_ENTRIES }, what },
  );
  for await (const chunk of archive) stream.push(chunk);
  stream.end();
  return tree;
}

/** Undefined: it would lead out of the root. */
function placeOf(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : `/${parts.join('/')}`;
}

function putEntry(tree: BuildTree, path: string, entry: TarEntry, bytes: Uint8Array | undefined): boolean {
  const cut = path.lastIndexOf('/');
  const name = path.slice(cut + 1);
  const parent = makeFolders(tree, path.slice(0, cut) || '/', () => directoryInfo(0));
  if (parent === undefined) return false;
  const { type, uid, gid, mode, size, mtime, link, device, xattrs } = entry;
  if (type === 'hardlink') {
    const same = tree.get(placeOf(link ?? '') ?? '/');
    const { node } = tree.find(same?.path ?? '/', false);
    if (node === undefined || node === tree.root) return false;
    tree.put(parent, name, node.info, node.content);
    return true;
  }
  const old = parent.children?.get(name);
  const capability = xattrs?.['security.capability'];
  const capabilities = capability === undefined ? undefined : decodeFileCapabilities(capability);
  const info = {
    ...directoryInfo(0, uid, gid, type === 'symlink' ? 0o777 : mode),
    type,
    size,
    mtime,
    ...(type === 'symlink' && link !== undefined ? { target: link } : {}),
    ...(device === undefined ? {} : { device }),
    ...(capabilities === undefined || 'invalid' in capabilities ? {} : { fileCapabilities: capabilities }),
  };
  // Said a second time, a folder keeps what is in it.
  if (type === 'directory' && old?.info.type === 'directory') Object.assign(old.info, info);
  else
    tree.put(
      parent,
      name,
      info,
      bytes === undefined && type === 'file' ? UNKNOWN : { kind: 'bytes', bytes: bytes ?? new Uint8Array(0) },
    );
  return true;
}
