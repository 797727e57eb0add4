/** A file tree as it looks once the layer changes of fixes are in the image: whether they are enough is decided there, not assumed. */
import type { LayerChange } from '../finding/fix.ts';
import { aclAfterChmod } from '../linux/acl.ts';
import type { FileNode, FileTree } from '../linux/decision.ts';
import { parentPath } from '../linux/file-path.ts';
import type { Inode } from '../linux/inode.ts';

export function changedTree(base: FileTree, layer: readonly LayerChange[]): FileTree {
  const changes = new Map(layer.map((change) => [change.path, change]));
  const lookup = (path: string): ReturnType<FileTree['lookup']> => {
    const node = base.lookup(path);
    const change = changes.get(path);
    return change === undefined ? node : changed(change, node);
  };
  const changed = (change: LayerChange, node: FileNode | 'unknown' | undefined): ReturnType<FileTree['lookup']> => {
    if (node === 'unknown') return node;
    const { uid, gid } = change;
    if (node !== undefined) {
      const { acl } = node.inode;
      const mode = change.kind === 'symlink' ? node.inode.mode : change.mode;
      return {
        ...node,
        inode: { ...node.inode, uid, gid, mode, ...(acl === undefined ? {} : { acl: aclAfterChmod(acl, mode) }) },
      };
    }
    if (change.kind === 'own') return undefined;
    const inode: Inode = { type: change.kind, uid, gid, mode: change.kind === 'symlink' ? 0o777 : change.mode };
    const parent = lookup(parentPath(change.path));
    if (typeof parent !== 'object') return parent;
    // Flags of the mount are those of the directory; nothing is hidden below a new entry.
    const { covered: _hidden, inode: _of, lower: _lower, id: _id, ...flags } = parent;
    return { ...flags, inode, ...(change.kind === 'symlink' ? { target: change.target } : {}) };
  };
  return { lookup, ...(base.list === undefined ? {} : { list: (path: string) => base.list?.(path) }) };
}
