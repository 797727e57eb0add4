/** A file tree that remembers what was done to it: an overlay on another tree, so that a trace can be replayed under another identity. */
import { aclAfterChmod } from './acl.ts';
import { ALL_CAPABILITIES } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { FileNode, FileTree, KernelFacts } from './decision.ts';
import { baseName, childPath, isWithin, parentPath } from './file-path.ts';
import type { FileType, Inode } from './inode.ts';
import { newInode, ownedAnew, withoutSetId } from './inode-changes.ts';
import type { Operation } from './operation.ts';
import { hasCapability, mayKeepSetgid } from './permission.ts';
import { isStop, type Question } from './question.ts';
import { type Ending, type Place, walk } from './walk.ts';

export interface SimulatedTree extends FileTree {
  list(path: string): readonly string[] | 'unknown' | undefined;
  /**
   * Records what the operation leaves behind when it succeeds, whether or not `who` would have been allowed it; what cannot take place in
   * this tree (a missing parent, an unknown path) changes nothing.
   */
  apply(operation: Operation, who: Credentials, umask?: number): void;
}

/** What the overlay says of a path: what is there (undefined = removed), and which path below supplies the rest under it (undefined = nothing). */
interface Entry {
  readonly node: FileNode | undefined;
  readonly below: string | undefined;
}

const NO_FACTS: KernelFacts = {
  unprivilegedPortStart: 0,
  pingGroupRange: [0, 0],
  protectedRegular: 0,
  protectedFifos: 0,
  protectedHardlinks: 0,
  protectedSymlinks: 0,
};

/** Walks like somebody whom nothing stops. */
const ANYBODY: Credentials = {
  uid: 0,
  gid: 0,
  groups: [],
  noNewPrivileges: false,
  capabilities: {
    bounding: ALL_CAPABILITIES,
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    inheritable: [],
    ambient: [],
  },
};

export function simulate(base: FileTree): SimulatedTree {
  const entries = new Map<string, Entry>();
  // What has several names is one file, whichever name it was changed through. Mount flags belong to the name.
  const files = new Map<string, FileNode>();
  // Children that were put into a directory, so that listing does not search the whole map.
  const names = new Map<string, Set<string>>();

  /** The path of the tree below that stands behind `path`, if any. */
  function below(path: string): string | undefined {
    for (let at = path; ; at = parentPath(at)) {
      const entry = entries.get(at);
      if (entry !== undefined)
        return entry.below === undefined ? undefined : joined(entry.below, path.slice(at === '/' ? 0 : at.length));
      if (at === '/') return path;
    }
  }

  function lookup(path: string): FileNode | 'unknown' | undefined {
    const entry = entries.get(path);
    if (entry !== undefined) return entry.node === undefined ? undefined : current(entry.node);
    const source = below(path);
    const node = source === undefined ? undefined : base.lookup(source);
    return node === undefined || node === 'unknown' ? node : current(node);
  }

  function current(node: FileNode): FileNode {
    const file = node.id === undefined ? undefined : files.get(node.id);
    if (file === undefined) return node;
    const { interpreter: _, ...rest } = node;
    return { ...rest, inode: file.inode, ...(file.interpreter === undefined ? {} : { interpreter: file.interpreter }) };
  }

  function list(path: string): readonly string[] | 'unknown' | undefined {
    const source = below(path);
    const lower = source === undefined ? [] : base.list === undefined ? 'unknown' : base.list(source);
    if (lower === 'unknown') return 'unknown';
    const all = new Set([...(lower ?? []), ...(names.get(path) ?? [])]);
    return [...all].filter((name) => lookup(childPath(path, name)) !== undefined).sort();
  }

  function set(path: string, entry: Entry): void {
    entries.set(path, entry);
    if (path === '/') return;
    const parent = parentPath(path);
    const known = names.get(parent);
    if (known === undefined) names.set(parent, new Set([baseName(path)]));
    else known.add(baseName(path));
  }

  function add(path: string, node: FileNode): void {
    set(path, { node, below: undefined });
  }

  function remove(path: string): void {
    // Only a directory has anything below it; searching the map for every removed file would make long traces quadratic.
    const node = lookup(path);
    if (node !== undefined && (node === 'unknown' || node.inode.type === 'directory')) {
      for (const key of [...entries.keys()]) if (key !== path && isWithin(key, path)) entries.delete(key);
    }
    set(path, { node: undefined, below: undefined });
  }

  /** Something that exists and now is different. */
  function replace(path: string, node: FileNode): void {
    const entry = entries.get(path);
    set(path, { node, below: entry === undefined ? below(path) : entry.below });
    if (node.id !== undefined) files.set(node.id, node);
  }

  function change(path: string, node: FileNode, changes: Partial<Inode>, drop: readonly (keyof Inode)[] = []): void {
    const inode: Record<string, unknown> = { ...node.inode, ...changes };
    for (const key of drop) delete inode[key];
    replace(path, { ...node, inode: inode as unknown as Inode });
  }

  function move(from: string, to: string, node: FileNode): void {
    const isDirectory = node.inode.type === 'directory';
    const moved = isDirectory ? [...entries].filter(([key]) => key !== from && isWithin(key, from)) : [];
    const entry = entries.get(from);
    const source = entry === undefined ? below(from) : entry.below;
    remove(to);
    remove(from);
    set(to, { node, below: source });
    for (const [key, one] of moved) set(to + key.slice(from.length), one);
  }

  function walkTo(path: string, ending: Ending): Place | undefined {
    const question: Question = { who: ANYBODY, tree: { lookup }, facts: NO_FACTS, steps: undefined };
    const place = walk(question, path, ending);
    return isStop(place) ? undefined : place;
  }

  function existing(path: string, noFollow?: boolean): { readonly path: string; readonly node: FileNode } | undefined {
    const place = walkTo(path, noFollow === true ? 'nofollow' : 'follow');
    return place?.node === undefined ? undefined : { path: place.path, node: place.node };
  }

  function create(
    path: string,
    ending: Ending,
    type: FileType,
    mode: number,
    who: Credentials,
    umask: number,
    target?: string,
  ): void {
    const place = walkTo(path, ending);
    if (place === undefined || place.node !== undefined || place.last !== 'name') return;
    const inode = newInode(place.parentNode.inode, type, mode, who, umask);
    const { readOnly, noExec, noSuid, noDev, mount } = place.parentNode;
    const node: FileNode = {
      inode,
      ...(target === undefined ? {} : { target }),
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(noExec === undefined ? {} : { noExec }),
      ...(noSuid === undefined ? {} : { noSuid }),
      ...(noDev === undefined ? {} : { noDev }),
      ...(mount === undefined ? {} : { mount }),
    };
    add(place.path, node);
  }

  function apply(operation: Operation, who: Credentials, umask = 0o022): void {
    switch (operation.kind) {
      case 'open': {
        if (operation.tmpfile === true || operation.access === 'path') return;
        if (operation.truncate === true) empty(operation.path, who);
        if (operation.create !== true) return;
        const noFollow = operation.noFollow === true || operation.exclusive === true;
        create(operation.path, noFollow ? 'create-nofollow' : 'create', 'file', operation.mode ?? 0o666, who, umask);
        return;
      }
      case 'truncate':
        empty(operation.path, who);
        return;
      case 'mkdir':
        create(operation.path, 'parent', 'directory', (operation.mode ?? 0o777) & 0o1777, who, umask);
        return;
      case 'symlink':
        create(operation.path, 'parent', 'symlink', 0o777, who, 0, operation.target);
        return;
      case 'mknod':
        create(operation.path, 'parent', operation.type, operation.mode ?? 0o666, who, umask);
        return;
      case 'bind-unix':
        // unix_bind takes the umask off itself, before a default ACL is looked at.
        create(operation.path, 'parent', 'socket', 0o777 & ~umask, who, 0);
        return;
      case 'unlink':
      case 'rmdir': {
        const place = walkTo(operation.path, 'parent');
        if (place?.node !== undefined && place.last === 'name') remove(place.path);
        return;
      }
      case 'rename': {
        const from = walkTo(operation.path, 'parent');
        const to = walkTo(operation.to, 'parent');
        if (from?.node === undefined || to === undefined || from.last !== 'name' || to.last !== 'name') return;
        if (isWithin(to.path, from.path) || isWithin(from.path, to.path)) return;
        // rename(2) of two names of one file does nothing.
        if (from.node.id !== undefined && from.node.id === to.node?.id) return;
        move(from.path, to.path, from.node);
        return;
      }
      case 'link': {
        const from = existing(operation.path, true);
        const to = walkTo(operation.to, 'parent');
        if (from === undefined || from.node.inode.type === 'directory' || to === undefined || to.node !== undefined) return;
        const { id = `link ${files.size}` } = from.node;
        const node = { ...from.node, id };
        replace(from.path, node);
        add(to.path, node);
        return;
      }
      case 'chmod': {
        const place = existing(operation.path, operation.noFollow);
        if (place === undefined || place.node.inode.type === 'symlink') return;
        const { inode } = place.node;
        const keepsSetgid = mayKeepSetgid(who, inode);
        const mode = operation.mode & (keepsSetgid ? 0o7777 : 0o5777);
        change(place.path, place.node, inode.acl === undefined ? { mode } : { mode, acl: aclAfterChmod(inode.acl, mode) });
        return;
      }
      case 'chown': {
        const place = existing(operation.path, operation.noFollow);
        if (place === undefined) return;
        const { inode } = place.node;
        const changed = ownedAnew(inode, operation, who);
        replace(place.path, { ...place.node, inode: changed });
        return;
      }
      case 'setxattr':
        setAttribute(operation.path, operation.name, who);
        return;
      default:
        return;
    }
  }

  /**
   * An emptied file is no script any more, and has lost its set-id bits and capabilities, the first unless the process has CAP_FSETID
   * (file_remove_privs).
   */
  function empty(path: string, who: Credentials): void {
    const place = existing(path);
    if (place === undefined || place.node.inode.type !== 'file') return;
    const { interpreter, ...rest } = place.node;
    const { inode } = rest;
    if (interpreter !== undefined) replace(place.path, rest);
    if ((inode.mode & 0o6000) === 0 && inode.fileCapabilities === undefined) return;
    const keeps = hasCapability(who, 'CAP_FSETID') && who.userNamespace === undefined;
    const mode = keeps ? inode.mode : withoutSetId(inode, who);
    change(place.path, rest, { mode }, ['fileCapabilities']);
  }

  /** The value is not known: capabilities are taken for none, an ACL for what the mode says, which clears a foreign setgid bit all the same. */
  function setAttribute(path: string, name: string, who: Credentials): void {
    const place = existing(path);
    if (place === undefined) return;
    const { inode } = place.node;
    if (name === 'security.capability') change(place.path, place.node, {}, ['fileCapabilities']);
    const keepsSetgid = mayKeepSetgid(who, inode);
    if (name === 'system.posix_acl_access' && !keepsSetgid) change(place.path, place.node, { mode: inode.mode & 0o5777 });
  }

  return { lookup, list, apply };
}

function joined(base: string, rest: string): string {
  if (rest === '' || rest === '/') return base;
  return base === '/' ? rest : base + rest;
}
