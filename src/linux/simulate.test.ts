import { describe, expect, test } from 'vitest';
import { FACTS } from '../../test/support/kernel-facts.ts';
import { decide } from './access.ts';
import { NO_CAPABILITIES } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { FileNode, FileTree } from './decision.ts';
import { parentPath } from './file-path.ts';
import { type SimulatedTree, simulate } from './simulate.ts';

const directory = (mode: number, uid = 0, gid = 0): FileNode => ({ inode: { type: 'directory', mode, uid, gid } });
const WHO: Credentials = { uid: 10001, gid: 10001, groups: [], noNewPrivileges: false, capabilities: NO_CAPABILITIES };

const ENTRIES: Readonly<Record<string, FileNode>> = {
  '/': directory(0o755),
  '/srv': directory(0o777),
  '/srv/app': directory(0o777),
  '/srv/app/sub': directory(0o755),
  '/srv/app/sub/deep': { inode: { type: 'file', mode: 0o600, uid: 0, gid: 0 } },
  '/srv/app/old': {
    inode: {
      type: 'file',
      mode: 0o4755,
      uid: 10001,
      gid: 0,
      fileCapabilities: { permitted: [], inheritable: [], effective: false },
    },
  },
  '/srv/shared': directory(0o2777, 0, 50),
  '/srv/current': { inode: { type: 'symlink', mode: 0o777, uid: 0, gid: 0 }, target: 'app' },
};
const BASE: FileTree = {
  lookup: (path) => ENTRIES[path],
  list: (path) =>
    Object.keys(ENTRIES)
      .filter((one) => one !== path && parentPath(one) === path)
      .map((one) => one.slice(one.lastIndexOf('/') + 1)),
};

function inode(tree: SimulatedTree, path: string): FileNode['inode'] | undefined {
  const node = tree.lookup(path);
  return node === 'unknown' ? undefined : node?.inode;
}

describe('new entries', () => {
  test('belong to the process, less the umask', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'open', path: '/srv/current/log', access: 'write', create: true, mode: 0o666 }, WHO, 0o027);
    expect(inode(tree, '/srv/app/log')).toEqual({ type: 'file', uid: 10001, gid: 10001, mode: 0o640 });
    tree.apply({ kind: 'open', path: '/srv/app/log', access: 'write', create: true, mode: 0o777 }, { ...WHO, uid: 5 }, 0);
    expect(inode(tree, '/srv/app/log')?.uid, 'an existing file keeps its owner').toBe(10001);
    expect(tree.list('/srv/app')).toEqual(['log', 'old', 'sub']);
    expect(BASE.lookup('/srv/app/log'), 'the tree below stays as it is').toBeUndefined();
  });

  test('a setgid folder hands on its group, and to folders its bit', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'mkdir', path: '/srv/shared/d', mode: 0o777 }, WHO, 0o022);
    tree.apply({ kind: 'symlink', path: '/srv/shared/d/l', target: '/srv' }, WHO);
    expect(inode(tree, '/srv/shared/d')).toEqual({ type: 'directory', uid: 10001, gid: 50, mode: 0o2755 });
    expect(inode(tree, '/srv/shared/d/l')).toMatchObject({ type: 'symlink', gid: 50 });
    expect(tree.lookup('/srv/shared/d/l')).toMatchObject({ target: '/srv' });
  });

  test('are there for the next decision', () => {
    const tree = simulate(BASE);
    const inside = { kind: 'open', path: '/srv/new/file', access: 'write', create: true } as const;
    expect(decide(inside, WHO, tree, FACTS).errno).toBe('ENOENT');
    tree.apply({ kind: 'mkdir', path: '/srv/new' }, WHO);
    expect(decide(inside, WHO, tree, FACTS).allowed).toBe(true);
    expect(decide(inside, { ...WHO, uid: 7, gid: 7 }, tree, FACTS)).toMatchObject({
      errno: 'EACCES',
      deniedAt: { path: '/srv/new' },
    });
  });

  test('nothing happens where nothing can', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'mkdir', path: '/none/at/all' }, WHO);
    tree.apply({ kind: 'rename', path: '/srv', to: '/srv/app/x' }, WHO);
    tree.apply({ kind: 'unlink', path: '/nothing' }, WHO);
    expect(tree.lookup('/none')).toBeUndefined();
    expect(tree.list('/')).toEqual(['srv']);
    expect(inode(tree, '/srv/app/sub/deep')?.mode).toBe(0o600);
  });
});

describe('moving and removing', () => {
  test('what is in a folder moves with it, made here or below', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'open', path: '/srv/app/sub/new', access: 'write', create: true }, WHO);
    tree.apply({ kind: 'chmod', path: '/srv/app/sub/deep', mode: 0o640 }, { ...WHO, uid: 0 });
    tree.apply({ kind: 'rename', path: '/srv/app', to: '/srv/moved' }, WHO);
    tree.apply({ kind: 'rename', path: '/srv/moved/sub', to: '/srv/shared/sub' }, WHO);
    expect(tree.lookup('/srv/app')).toBeUndefined();
    expect(tree.lookup('/srv/app/sub/deep')).toBeUndefined();
    expect(inode(tree, '/srv/shared/sub/deep')?.mode).toBe(0o640);
    expect(tree.list('/srv/shared/sub')).toEqual(['deep', 'new']);
    expect(tree.list('/srv')).toEqual(['current', 'moved', 'shared']);
    tree.apply({ kind: 'mkdir', path: '/srv/app' }, WHO);
    expect(tree.list('/srv/app'), 'a new folder of an old name is empty').toEqual([]);
  });

  test('a name that is replaced, a file that is gone', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'rename', path: '/srv/app/old', to: '/srv/app/sub/deep' }, WHO);
    expect(inode(tree, '/srv/app/sub/deep')?.uid).toBe(10001);
    tree.apply({ kind: 'unlink', path: '/srv/app/sub/deep' }, WHO);
    expect(tree.list('/srv/app/sub')).toEqual([]);
    expect(decide({ kind: 'rmdir', path: '/srv/app/sub' }, WHO, tree, FACTS).allowed).toBe(true);
    expect(decide({ kind: 'rmdir', path: '/srv/app' }, WHO, tree, FACTS).errno).toBe('ENOTEMPTY');
  });

  test('hard links are one file', () => {
    const tree = simulate(BASE);
    tree.apply({ kind: 'link', path: '/srv/app/old', to: '/srv/shared/twin' }, WHO);
    tree.apply({ kind: 'chmod', path: '/srv/shared/twin', mode: 0o600 }, WHO);
    expect(inode(tree, '/srv/app/old')?.mode).toBe(0o600);
  });
});

test('chown and truncation take set-id bits and file capabilities away', () => {
  const tree = simulate(BASE);
  tree.apply({ kind: 'chown', path: '/srv/app/old', uid: -1, gid: 10001 }, WHO);
  expect(inode(tree, '/srv/app/old')).toEqual({ type: 'file', uid: 10001, gid: 10001, mode: 0o755 });
  const other = simulate(BASE);
  other.apply({ kind: 'open', path: '/srv/app/old', access: 'write', truncate: true }, WHO);
  expect(inode(other, '/srv/app/old')).toEqual({ type: 'file', uid: 10001, gid: 0, mode: 0o755 });
});

test('a setgid bit is dropped by those outside the group', () => {
  const tree = simulate(BASE);
  tree.apply({ kind: 'chmod', path: '/srv/app/old', mode: 0o2755 }, WHO);
  expect(inode(tree, '/srv/app/old')?.mode).toBe(0o755);
  tree.apply({ kind: 'chmod', path: '/srv/app/old', mode: 0o2755 }, { ...WHO, groups: [0] });
  expect(inode(tree, '/srv/app/old')?.mode).toBe(0o2755);
});

test('a hundred thousand operations are no trouble', () => {
  const tree = simulate(BASE);
  const started = performance.now();
  for (let index = 0; index < 50_000; index += 1) {
    tree.apply({ kind: 'open', path: `/srv/app/f${index}`, access: 'write', create: true }, WHO);
    tree.apply({ kind: index % 2 === 0 ? 'unlink' : 'stat', path: `/srv/app/f${index}` }, WHO);
  }
  expect(tree.list('/srv/app')).toHaveLength(25_002);
  expect(performance.now() - started).toBeLessThan(10_000);
});
