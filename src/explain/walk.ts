/**
 * The way along a path, component by component, for showing: who owns each, which class counts, what is asked of it. Whether it is passed is
 * what `decide` said; this walk only follows the same components (path_resolution(7)).
 */
import type { Capability } from '../linux/capability.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { Decision, FileNode, FileTree } from '../linux/decision.ts';
import { childPath, components, parentPath } from '../linux/file-path.ts';
import type { Operation } from '../linux/operation.ts';
import { owns, type Permission, permission, rwx } from '../linux/permission.ts';
import { MAX_INTERPRETERS } from '../linux/script.ts';
import { aclText, letters, modeText } from './access-class.ts';
import type { Component } from './explanation.ts';
import type { Names } from './names.ts';
import { type Needs, needsOf } from './needs.ts';
import { originOf, type Story } from './origin.ts';

export interface WalkContext extends Story {
  readonly who: Credentials;
  readonly tree: FileTree;
  readonly names: Names;
  readonly decision: Decision;
}

/** MAXSYMLINKS of include/linux/namei.h. */
const MAX_LINKS = 40;

/** A component on the way and what is asked of it so far. */
interface Stop {
  readonly path: string;
  readonly node: FileNode | 'unknown' | undefined;
  bits: number;
  owner: boolean;
  sticky: boolean;
}

/** Every component of every path of the operation, in the order in which the kernel meets them; each once. */
export function walkOf(operation: Operation, context: WalkContext): readonly Component[] {
  const out: Component[] = [];
  let failed = false;
  const add = (needs: Needs): Stop => {
    const { stops, end } = follow(needs, context.tree);
    // A directory that moves to another one must be writable itself, which only the decision tells.
    const { deniedAt } = context.decision;
    if (operation.kind === 'rename' && needs.part === 'path' && deniedAt?.need === 'mode' && deniedAt.path === end.path)
      end.bits |= deniedAt.want;
    for (const stop of stops) {
      const verdict = verdictOf(stop, failed, context.decision);
      if (verdict !== 'yes') failed = true;
      out.push(componentOf(stop, needs.part, verdict, context));
    }
    return end;
  };
  for (const needs of needsOf(operation)) {
    let end = add(needs);
    for (let depth = 0; operation.kind === 'exec' && depth <= MAX_INTERPRETERS; depth += 1) {
      const interpreter = typeof end.node === 'object' ? end.node.interpreter : undefined;
      if (interpreter === undefined || failed) break;
      end = add({ path: interpreter, part: 'interpreter', follow: true, end: 1, folder: 0 });
    }
  }
  return withDenied(out, context.decision);
}

/** What lies at the end of a path, whoever goes there; undefined = nothing. */
export function endOf(path: string, follows: boolean, tree: FileTree): FileNode | 'unknown' | undefined {
  const { end, arrived } = follow({ path, part: 'path', follow: follows, end: 0, folder: 0 }, tree);
  return arrived || end.node === 'unknown' ? end.node : undefined;
}

interface Way {
  readonly stops: readonly Stop[];
  readonly end: Stop;
  readonly arrived: boolean;
}

function follow(needs: Needs, tree: FileTree): Way {
  const seen = new Map<string, Stop>();
  const visit = (path: string, node: Stop['node']): Stop => {
    const known = seen.get(path);
    if (known !== undefined) return known;
    const stop: Stop = { path, node, bits: 0, owner: false, sticky: false };
    seen.set(path, stop);
    return stop;
  };
  const root = tree.lookup('/');
  let at = visit('/', root);
  const stopped = (end: Stop): Way => ({ stops: [...seen.values()], end, arrived: false });
  let rest = components(needs.path);
  let links = 0;
  while (rest.length > 0) {
    if (typeof at.node !== 'object' || at.node.inode.type !== 'directory') return stopped(at);
    at.bits |= 1;
    const [name = '', ...more] = rest;
    rest = more;
    const final = rest.length === 0;
    if (name === '.') continue;
    const path = name === '..' ? parentPath(at.path) : childPath(at.path, name);
    const folder = at;
    const node = tree.lookup(path);
    const stop = visit(path, node);
    if (final && name !== '..') {
      folder.bits |= needs.folder;
      if (needs.removes === true && typeof folder.node === 'object' && (folder.node.inode.mode & 0o1000) !== 0) {
        stop.sticky = typeof node === 'object';
      }
    }
    if (typeof node !== 'object') return stopped(stop);
    if (node.inode.type === 'symlink' && (!final || needs.follow)) {
      links += 1;
      if (node.target === undefined || links > MAX_LINKS) return stopped(stop);
      if (node.target.startsWith('/')) at = visit('/', root);
      rest = [...components(node.target), ...rest];
      continue;
    }
    at = stop;
  }
  if (needs.end === 'owner') at.owner = true;
  else at.bits |= needs.end;
  return { stops: [...seen.values()], end: at, arrived: true };
}

/** The path at which the kernel stopped: the inode that said no, else the one that the failing sentence is about. */
function stoppedAt({ allowed, deniedAt, steps }: Decision): string | undefined {
  if (allowed) return undefined;
  const at = deniedAt?.path;
  if (at?.startsWith('/')) return at;
  return [...steps].reverse().find((step) => !step.ok)?.path;
}

function verdictOf(stop: Stop, failed: boolean, decision: Decision): Component['verdict'] {
  if (failed) return 'not-reached';
  if (stop.node === 'unknown') return 'unknown';
  if (stop.path !== stoppedAt(decision) || !asksAsMuch(stop, decision.deniedAt)) return 'yes';
  return decision.known ? 'no' : 'unknown';
}

/** A folder is passed through on the way to one path and written to for the other: only where that was asked is it the one that said no. */
function asksAsMuch({ bits, owner }: Stop, deniedAt: Decision['deniedAt']): boolean {
  if (deniedAt?.need === 'mode') return (deniedAt.want & ~bits) === 0;
  return deniedAt?.need !== 'read-only' || bits !== 1 || owner;
}

/** When no component was the one that said no, the end of the walk carries the answer. */
function withDenied(walk: Component[], decision: Decision): readonly Component[] {
  const last = walk.at(-1);
  const needsNoFile = decision.deniedAt?.need === 'capability' && !decision.deniedAt.path.startsWith('/');
  if (decision.allowed || last === undefined || needsNoFile || walk.some(({ verdict }) => verdict !== 'yes')) return walk;
  return [...walk.slice(0, -1), { ...last, verdict: decision.known ? 'no' : 'unknown' }];
}

function componentOf(stop: Stop, part: Component['part'], verdict: Component['verdict'], context: WalkContext): Component {
  const { path, node } = stop;
  const origin = originOf(path, context);
  const needed = [letters(stop.bits), stop.owner ? 'owner' : '', stop.sticky ? 'sticky' : '']
    .filter((one) => one !== '')
    .join(' ');
  if (node === undefined)
    return { part, path, type: 'missing', needed: '', verdict, ...(origin.mount ? { mount: origin.mount } : {}) };
  if (node === 'unknown')
    return { part, path, type: 'unknown', needed: '', verdict, ...(origin.mount ? { mount: origin.mount } : {}) };
  const { inode } = node;
  const { names, who } = context;
  const link = inode.type === 'symlink';
  const counts = permission(inode, who, stop.bits);
  const [userName, groupName] = [names.user(inode.uid), names.group(inode.gid)];
  const through = verdict === 'yes' ? madeUp(stop, inode, counts, who) : undefined;
  return {
    part,
    path,
    type: inode.type,
    uid: inode.uid,
    gid: inode.gid,
    ...(userName === undefined ? {} : { userName }),
    ...(groupName === undefined ? {} : { groupName }),
    mode: (inode.mode & 0o7777).toString(8).padStart(4, '0'),
    modeText: modeText(inode),
    ...(inode.acl === undefined || inode.acl.length === 0 ? {} : { acl: inode.acl.map((entry) => aclText(entry, names)) }),
    // The bits of a symlink are never looked at (symlink(7)).
    ...(link
      ? {}
      : { class: counts.class, ...(counts.entry === undefined ? {} : { entry: counts.entry }), granted: rwx(counts.granted) }),
    needed: link ? needed.replace(/[rwx]+ ?/, '') : needed,
    verdict,
    ...(through === undefined ? {} : { through }),
    ...(node.target === undefined ? {} : { target: node.target }),
    ...(node.interpreter === undefined ? {} : { interpreter: node.interpreter }),
    ...origin,
  };
}

/** The capability that let the process past although bits or ownership did not. */
function madeUp(stop: Stop, inode: FileNode['inode'], { through }: Permission, who: Credentials): Capability | undefined {
  if ((stop.owner || stop.sticky) && !owns(who, inode)) {
    const helper = (['CAP_FOWNER', 'CAP_CHOWN'] as const).find((one) => who.capabilities.effective.includes(one));
    if (helper !== undefined) return helper;
  }
  return inode.type === 'symlink' ? undefined : through;
}
