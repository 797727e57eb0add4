/** Walks a path component by component as the kernel does: search permission on each directory, symlinks followed, `..` taken where it stands (path_resolution(7), fs/namei.c). */
import type { FileNode } from './decision.ts';
import { childPath, parentPath } from './file-path.ts';
import { EXECUTE, owns } from './permission.ts';
import { deny, fail, isStop, type Question, requirePermission, type Stop, say, unknown } from './question.ts';

/** Where a path led. `path` has no symlink in it. */
export interface Place {
  readonly path: string;
  /** undefined = the last component does not exist (only where the walk was told that it need not). */
  readonly node: FileNode | undefined;
  readonly parent: string;
  readonly parentNode: FileNode;
  /** How the last component was written: a name, `.`, `..`, or nothing at all (`/`). */
  readonly last: 'name' | 'dot' | 'dot-dot' | 'root';
  /** The path ended in a slash: a directory is meant. */
  readonly slash: boolean;
  /** With the ending `parent`: the last name is longer than any file system takes. */
  readonly tooLong?: true;
}

/** A place where something is. */
export interface Found extends Place {
  readonly node: FileNode;
}

/** MAXSYMLINKS of include/linux/namei.h. */
const MAX_LINKS = 40;
/** NAME_MAX and PATH_MAX (without its closing zero) of include/uapi/linux/limits.h, in bytes; no UTF-16 unit makes more than 3. */
const MAX_NAME = 255;
const MAX_PATH = 4095;
const SLASH = 47;

/**
 * `parent`: stops before the last component, which is looked up but never followed and may be missing (mkdir, unlink, rename).
 * `create`: follows a last symlink, and the end may be missing (open with O_CREAT). `create-nofollow`: the same with O_EXCL or O_NOFOLLOW.
 */
export type Ending = 'follow' | 'nofollow' | 'parent' | 'create' | 'create-nofollow';

/** Where `path` leads, for the endings at which something must be there. */
export function walkTo(question: Question, path: string, ending: 'follow' | 'nofollow'): Found | Stop {
  const place = walk(question, path, ending);
  if (isStop(place)) return place;
  return place.node === undefined ? missing(question, place.path) : (place as Found);
}

export function missing(question: Question, path: string): Stop {
  return fail(question, 'ENOENT', () => `${path} does not exist`, path);
}

/** Of a name that was looked for and cannot be: not there, or too long to be. */
export function absent(question: Question, place: Place): Stop {
  return place.tooLong === true ? tooLong(question, place.path) : missing(question, place.path);
}

export function tooLong(question: Question, path: string): Stop {
  return fail(question, 'ENAMETOOLONG', () => `a name in ${path} is longer than ${MAX_NAME} bytes`);
}

export function walk(question: Question, path: string, ending: Ending): Place | Stop {
  const root = question.tree.lookup('/');
  if (root === 'unknown' || root === undefined) return unknown(question, '/');
  if (path === '') return fail(question, 'ENOENT', () => 'the path is empty');
  if (path.length > MAX_PATH / 3 && new TextEncoder().encode(path).length > MAX_PATH)
    return fail(question, 'ENAMETOOLONG', () => `the path is longer than ${MAX_PATH} bytes`);
  let at = '/';
  let node: FileNode = root;
  /** What is left to walk starts at `start` of `text`. */
  let text = path;
  let start = 0;
  let slash = path.endsWith('/');
  let links = 0;
  let last: Place['last'] = 'root';

  for (;;) {
    start = skipSlashes(text, start);
    if (start >= text.length) break;
    const denied = requirePermission(question, at, node, EXECUTE);
    if (denied !== undefined) return denied;
    const cut = text.indexOf('/', start);
    const end = cut === -1 ? text.length : cut;
    const name = text.slice(start, end);
    const rest = skipSlashes(text, end);
    const final = rest >= text.length;
    // As long as nothing but plain names was walked, the way so far is the beginning of the path.
    const straight = links === 0 && start === (at === '/' ? 1 : at.length + 1);
    start = rest;
    last = name === '.' ? 'dot' : name === '..' ? 'dot-dot' : 'name';
    if (last !== 'name') {
      // The directory is where the walk stands; whether `..` leads out of it no longer matters to these calls.
      if (final && ending === 'parent') return { path: at, node, parent: at, parentNode: node, last, slash };
      if (last === 'dot-dot') {
        at = parentPath(at);
        const up = question.tree.lookup(at);
        if (up === 'unknown' || up === undefined) return unknown(question, at);
        node = up;
      }
      continue;
    }
    if (name.length > MAX_NAME / 3 && new TextEncoder().encode(name).length > MAX_NAME) {
      // Making and removing names look at the last one only after other checks.
      if (!final || ending !== 'parent') return tooLong(question, path);
      return { path: childPath(at, name), node: undefined, parent: at, parentNode: node, last, slash, tooLong: true };
    }
    const next = straight ? text.slice(0, end) : childPath(at, name);
    const found = question.tree.lookup(next);
    if (found === 'unknown') return unknown(question, next);
    if (final && ending === 'parent') return { path: next, node: found, parent: at, parentNode: node, last, slash };
    // open(O_CREAT) of `name/`: a directory cannot be created so, whatever is there (open_last_lookups).
    if (final && slash && creates(ending)) return fail(question, 'EISDIR', () => `${next}/ cannot be created by open`, next);
    if (found === undefined) {
      if (!final || !creates(ending)) return missing(question, next);
      return { path: next, node: undefined, parent: at, parentNode: node, last, slash };
    }

    const { type } = found.inode;
    if (type === 'symlink' && (!final || slash || (ending !== 'nofollow' && ending !== 'create-nofollow'))) {
      links += 1;
      if (links > MAX_LINKS) return fail(question, 'ELOOP', () => `${next} leads through more than ${MAX_LINKS} symlinks`, next);
      const refused = final ? mayFollow(question, next, found, node) : undefined;
      if (refused !== undefined) return refused;
      const { target } = found;
      if (target === undefined) return unknown(question, next);
      say(question, true, () => `${next} is a symlink to ${target}`, next);
      if (target.startsWith('/')) {
        at = '/';
        node = root;
        last = 'root';
      }
      if (final) slash = slash || target.endsWith('/');
      text = final ? target : `${target}/${text.slice(rest)}`;
      start = 0;
      continue;
    }
    if (type !== 'directory' && (!final || slash)) return fail(question, 'ENOTDIR', () => `${next} is not a directory`, next);
    if (final) return { path: next, node: found, parent: at, parentNode: node, last, slash };
    at = next;
    node = found;
  }
  // The path ended in `/`, `.` or `..`: what is there is a directory already walked into.
  const parent = parentPath(at);
  const up = question.tree.lookup(parent);
  return { path: at, node, parent, parentNode: up === undefined || up === 'unknown' ? node : up, last, slash };
}

function creates(ending: Ending): boolean {
  return ending === 'create' || ending === 'create-nofollow';
}

function skipSlashes(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === SLASH) at += 1;
  return at;
}

/** may_follow_link: fs.protected_symlinks, asked for a symlink that is the last component only. */
function mayFollow(question: Question, path: string, link: FileNode, directory: FileNode): Stop | undefined {
  if (question.facts.protectedSymlinks === 0) return undefined;
  if (owns(question.who, link.inode)) return undefined;
  if ((directory.inode.mode & 0o1002) !== 0o1002) return undefined;
  const strangers = [link.inode, directory.inode].filter((one) => one.unmapped?.uid === true).length;
  if (strangers === 0 && directory.inode.uid === link.inode.uid) return undefined;
  // Two owners outside the user namespace may be one and the same.
  if (strangers === 2) return unknown(question, path);
  const text = () =>
    `${path} is a symlink of uid ${link.inode.uid} in a sticky, world-writable directory of uid ${directory.inode.uid}: fs.protected_symlinks forbids uid ${question.who.uid} to follow it`;
  return deny(question, 'EACCES', text, { path, want: 0, need: 'owner' }, { source: 'proc_sys_fs(5)' });
}
