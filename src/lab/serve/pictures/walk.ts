/** The way along a path, component by component, as the kernel goes it for a running process: who owns each, which class counts, where it ended. */
import { UnrootError } from '../../../error.ts';
import { letters, modeText } from '../../../explain/access-class.ts';
import type { Names } from '../../../explain/names.ts';
import { PATH_ACTIONS } from '../../../explain/path-actions.ts';
import { decide } from '../../../linux/access.ts';
import type { Decision, FileNode, FileTree } from '../../../linux/decision.ts';
import { baseName, childPath, components, parentPath } from '../../../linux/file-path.ts';
import type { Ask } from '../protocol.ts';
import { type Asker, askerOf, kernelFacts, somebody } from './asker.ts';
import { followIn, type LiveTree, liveTree } from './live-tree.ts';
import type { WalkPart, WalkPicture } from './picture.ts';

type Question = Pick<Extract<Ask, { kind: 'walk' }>, 'pid' | 'uid' | 'gid' | 'path' | 'action'>;

/** What the page offers. */
export const WALK_ACTIONS: readonly string[] = [
  'read',
  'write',
  'append',
  'create',
  'mkdir',
  'delete',
  'list',
  'execute',
  'chmod',
  'touch',
];

/** `proc`: the node's /proc. Nobody in particular (pid 0) walks in the tree of the node's first process. */
export function drawWalk(question: Question, proc: string): WalkPicture {
  const { pid, uid, gid, path, action } = question;
  const known = WALK_ACTIONS.includes(action) ? PATH_ACTIONS[action] : undefined;
  if (known === undefined)
    throw new UnrootError(`Nobody can ${action} a path`, { code: 'lab.action', expected: WALK_ACTIONS.join(', ') });
  if (!path.startsWith('/') || path.includes('\0'))
    throw new UnrootError('The path is not absolute', { code: 'lab.path', expected: '/etc/hosts, for example' });
  const where = `${proc}/${pid === 0 ? 1 : pid}`;
  const asker = pid === 0 ? somebody(proc, 1, uid ?? 0, gid ?? 0) : askerOf(proc, pid);
  const answer = (tree: LiveTree): Decision => {
    const scene = {
      cwd: '/',
      uid: asker.credentials.uid,
      names: asker.names,
      at: (at: string, follow: boolean): FileNode | 'unknown' | undefined => {
        const end = follow ? followIn(tree, at) : childPath(followIn(tree, parentPath(at)) ?? '/', baseName(at));
        return end === undefined ? undefined : tree.lookup(end);
      },
    };
    const operation = known.make(path, action === 'chmod' ? '644' : '', scene);
    if (operation === undefined) throw new UnrootError(`Nobody can ${action} ${path}`, { code: 'lab.action' });
    return decide(operation, asker.credentials, tree, kernelFacts());
  };
  // Once to learn which files count, once more with their access control lists.
  const first = liveTree(where);
  answer(first);
  const tree = liveTree(where, first.seen());
  const decision = answer(tree);
  return picture(question, asker, tree, decision);
}

function picture({ path, action }: Question, asker: Asker, tree: FileTree, decision: Decision): WalkPicture {
  const { uid, gid, groups } = asker.credentials;
  const stop = decision.allowed ? undefined : stoppedAt(decision);
  const reason = decision.allowed ? undefined : [...decision.steps].reverse().find(({ ok }) => !ok)?.text;
  return {
    who: asker.command,
    uid,
    gid,
    groups,
    action,
    path,
    allowed: decision.allowed,
    known: decision.known,
    ...(decision.errno === undefined ? {} : { errno: decision.errno }),
    ...(decision.capability === undefined ? {} : { capability: decision.capability }),
    parts: partsOf(path, stop, tree, decision, asker.names),
    ...(reason === undefined ? {} : { because: reason }),
  };
}

/** The inode that said no, else the path the failing sentence is about. */
function stoppedAt({ deniedAt, steps }: Decision): string | undefined {
  if (deniedAt?.path.startsWith('/')) return deniedAt.path;
  return [...steps].reverse().find(({ ok }) => !ok)?.path;
}

function partsOf(path: string, stop: string | undefined, tree: FileTree, decision: Decision, names: Names): readonly WalkPart[] {
  const visited = new Map<string, FileNode | undefined>();
  visit(path, tree, visited);
  let reached = true;
  return [...visited].map(([at, node]) => {
    const facts = decision.steps.filter((step) => step.path === at && step.permission !== undefined);
    const step = facts.find(({ ok }) => !ok) ?? facts.at(-1);
    const verdict = !reached ? 'not-reached' : at === stop ? 'no' : 'yes';
    if (at === stop) reached = false;
    const name = at === '/' ? '/' : baseName(at);
    if (node === undefined) return { path: at, name, verdict };
    const { inode } = node;
    const asked = facts.map(({ permission }) => permission?.needed ?? '').join('');
    const needed = letters([...asked].reduce((bits, letter) => bits | ({ r: 4, w: 2, x: 1 }[letter] ?? 0), 0));
    const user = names.user(inode.uid);
    const group = names.group(inode.gid);
    const { permission } = step ?? {};
    return {
      path: at,
      name,
      mode: modeText(inode),
      bits: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      ...(user === undefined ? {} : { userName: user }),
      ...(group === undefined ? {} : { groupName: group }),
      ...(permission === undefined ? {} : { class: permission.class, granted: permission.granted }),
      ...(permission?.through === undefined ? {} : { through: permission.through }),
      ...(needed === '' ? {} : { needed }),
      ...(node.target === undefined ? {} : { target: node.target }),
      ...(node.readOnly === true ? { readOnly: true } : {}),
      verdict,
    };
  });
}

/** The components in the order in which the kernel meets them. */
function visit(path: string, tree: FileTree, visited: Map<string, FileNode | undefined>): void {
  const at = (place: string): FileNode | undefined => {
    const node = tree.lookup(place);
    const found = typeof node === 'object' ? node : undefined;
    if (!visited.has(place)) visited.set(place, found);
    return found;
  };
  at('/');
  let folder = '/';
  let rest = components(path);
  for (let links = 0; rest.length > 0 && links <= 40; ) {
    const [name = '', ...more] = rest;
    rest = more;
    if (name === '.') continue;
    const next = name === '..' ? parentPath(folder) : childPath(folder, name);
    const node = at(next);
    if (node === undefined) return;
    if (node.target === undefined) {
      folder = next;
      continue;
    }
    links += 1;
    if (node.target.startsWith('/')) folder = '/';
    rest = [...components(node.target), ...rest];
  }
}
