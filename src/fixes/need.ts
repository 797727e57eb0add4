/** What the recipient must be able to do with each path, gathered from all denied operations. */
import type { Finding } from '../finding/finding.ts';
import type { RootFs } from '../image/image.ts';
import type { Operation } from '../linux/operation.ts';
import { steadyName } from '../trace/volatile-name.ts';

/** Needs of one real path (symlinks resolved). */
export interface Need {
  readonly path: string;
  /** Directory: entries come and go. */
  change: boolean;
  /** Directory or file: list, read. */
  read: boolean;
  /** Directory: pass through. */
  search: boolean;
  /** File: write. */
  write: boolean;
  execute: boolean;
  /** Only the owner may do it: chmod, utimes, chown to itself. */
  own: boolean;
  /** Children the program makes at fixed names, which could be there beforehand instead: name → what. */
  readonly creates: Map<string, { readonly kind: 'file' | 'directory'; readonly mode: number }>;
  /** Children that are removed or renamed: where the sticky bit counts, whose they are decides too. */
  readonly removes: Set<string>;
  readonly answers: Set<string>;
}

export type Needs = ReadonlyMap<string, Need>;

/** How a fix names the finding it answers. Names that differ from run to run are reduced to what stays, so that the same image gives the same report. */
export const findingKey = (finding: Finding): string =>
  finding.where.path === undefined ? finding.id : `${finding.id}@${steadyName(finding.where.path)}`;

/** Findings by which a whole folder is one of data. */
const DATA: ReadonlySet<string> = new Set(['volume-not-writable', 'data-path-not-writable']);

/** One of the answered findings says that data is kept in the folder. */
export const holdsData = (answers: Iterable<string>): boolean => [...answers].some((key) => DATA.has(key.split('@')[0]!));

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/**
 * Gathers the needs of every path finding; findings about anything else are left alone. `mayChange` tells directories in which the recipient
 * may make and remove entries as they are: of the two that rename and link touch, only those that deny are asked for.
 */
export function gatherNeeds(
  findings: readonly Finding[],
  rootFs: RootFs,
  mayChange: (directory: string) => boolean = () => false,
): Map<string, Need> {
  const needs = new Map<string, Need>();
  const need = (path: string, finding: Finding): Need => {
    let found = needs.get(path);
    if (!found) {
      found = {
        path,
        change: false,
        read: false,
        search: false,
        write: false,
        execute: false,
        own: false,
        creates: new Map(),
        removes: new Set(),
        answers: new Set(),
      };
      needs.set(path, found);
    }
    found.answers.add(findingKey(finding));
    return found;
  };
  for (const finding of findings) {
    const { operation, decision } = finding;
    if (!operation || !('path' in operation)) continue;
    // A component on the way that may not be passed: that is all this denial tells, the rest comes with the next round or from the operation below.
    const blocked = decision?.deniedAt;
    if (blocked?.need === 'mode' && blocked.want === 1 && rootFs.resolve(blocked.path).entry?.type === 'directory')
      need(rootFs.resolve(blocked.path).path, finding).search = true;
    addOperation(operation, finding, rootFs, need, mayChange);
  }
  return needs;
}

function addOperation(
  operation: Operation & { readonly path: string },
  finding: Finding,
  rootFs: RootFs,
  need: (path: string, finding: Finding) => Need,
  mayChange: (directory: string) => boolean,
): void {
  const real = (path: string, follow = true): { path: string; exists: boolean; directory: boolean } => {
    const resolved = rootFs.resolve(path, { follow });
    return { path: resolved.path, exists: resolved.entry !== undefined, directory: resolved.entry?.type === 'directory' };
  };
  const inParent = (path: string, make?: { kind: 'file' | 'directory'; mode: number }): void => {
    const at = real(path, make !== undefined);
    const parent = need(parentOf(at.path), finding);
    if (make) parent.creates.set(at.path.slice(at.path.lastIndexOf('/') + 1), make);
    else parent.change = true;
  };
  const denied = finding.decision?.deniedAt;
  const changes = (directory: string): boolean => denied?.path === directory || !mayChange(directory);
  const added = (path: string): void => {
    const parent = parentOf(real(path, false).path);
    if (changes(parent)) need(parent, finding).change = true;
  };
  const removed = (path: string): void => {
    const at = real(path, false);
    const parent = parentOf(at.path);
    // What the sticky bit alone denied needs no writable directory.
    if (changes(parent) && !(denied?.need === 'sticky' && denied.path === at.path)) need(parent, finding).change = true;
    if (at.exists && at.path !== '/') need(parent, finding).removes.add(at.path.slice(at.path.lastIndexOf('/') + 1));
  };
  switch (operation.kind) {
    case 'open': {
      const at = real(operation.path);
      const writes = operation.access === 'write' || operation.access === 'read-write' || operation.truncate === true;
      if (operation.tmpfile) need(at.path, finding).change = true;
      else if (!at.exists && operation.create) {
        if (operation.exclusive) inParent(operation.path);
        else inParent(operation.path, { kind: 'file', mode: operation.mode ?? 0o644 });
      } else if (at.exists) {
        const wanted = need(at.path, finding);
        if (writes) wanted.write = true;
        if (operation.access !== 'write') wanted.read = true;
      }
      return;
    }
    case 'mkdir':
      inParent(operation.path, { kind: 'directory', mode: operation.mode ?? 0o755 });
      return;
    case 'rename': {
      removed(operation.path);
      if (real(operation.to, false).exists) removed(operation.to);
      else added(operation.to);
      // A directory that moves to another one is written to itself: its `..` changes (fs/namei.c vfs_rename).
      const source = real(operation.path, false);
      if (denied?.need === 'mode' && denied.path === source.path) need(source.path, finding).own = true;
      return;
    }
    case 'link':
      if (denied?.need === 'owner') need(real(operation.path, false).path, finding).own = true;
      added(operation.to);
      return;
    case 'rmdir':
    case 'unlink':
      removed(operation.path);
      return;
    case 'symlink':
    case 'mknod':
    case 'bind-unix':
      inParent(operation.path);
      return;
    case 'exec':
      need(real(operation.path).path, finding).execute = true;
      return;
    case 'stat':
    case 'access':
    case 'readlink':
      return;
    case 'chdir':
      need(real(operation.path).path, finding).search = true;
      return;
    case 'truncate':
    case 'connect-unix':
      if (real(operation.path).exists) need(real(operation.path).path, finding).write = true;
      return;
    case 'chmod':
    case 'utimes':
    case 'setxattr':
      if (real(operation.path).exists) need(real(operation.path).path, finding).own = true;
      return;
    default:
      return;
  }
}
