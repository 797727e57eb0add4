/** The shrinker, on a failure made up for it: it must end with what the failure needs and nothing else. */
import { expect, test } from 'vitest';
import type { RealityCase, TreeItem } from './case.ts';
import { shrink } from './shrink.ts';

const directory = (path: string): TreeItem => ({ type: 'directory', path, uid: 1000, gid: 50, mode: 0o3777 });
const BIG: RealityCase = {
  disk: true,
  who: {
    uid: 1000,
    gid: 1000,
    realUid: 0,
    groups: [50, 0],
    permitted: ['CAP_CHOWN', 'CAP_FOWNER'],
    effective: ['CAP_CHOWN'],
    inheritable: ['CAP_CHOWN'],
    ambient: ['CAP_CHOWN'],
    dropped: ['CAP_MKNOD'],
    noNewPrivileges: true,
    umask: 0o077,
  },
  tree: ['/', '/a', '/b', '/b/c', '/d', '/e', '/f'].map(directory),
  targets: [{ uid: 0, savedUid: 0, ownSession: true }],
  operations: ['/a', '/b', '/b/c', '/x', '/y', '/z', '/d'].flatMap((path) => [
    { kind: 'stat', path, noFollow: true },
    { kind: 'rmdir', path },
  ]),
};

test('leaves what fails, without which it would not', () => {
  let played = 0;
  const small = shrink(BIG, (one) => {
    played += 1;
    const paths = one.tree.map((item) => item.path);
    if (paths.includes('/b/c') && !paths.includes('/b')) throw new Error('cannot be built');
    const asks = one.operations.some((operation) => operation.kind === 'rmdir' && operation.path === '/b/c');
    return asks && paths.includes('/b/c') && one.who.groups.includes(50);
  });
  const plain = (path: string) => ({ type: 'directory', path, uid: 0, gid: 0, mode: 0o755 });
  expect(small.operations).toEqual([{ kind: 'rmdir', path: '/b/c' }]);
  expect(small.tree).toEqual(['/', '/b', '/b/c'].map(plain));
  expect(small.targets).toEqual([]);
  expect(small.who).toEqual({
    ...{ uid: 1000, gid: 1000, groups: [50], umask: 0, noNewPrivileges: false },
    ...{ permitted: [], effective: [], inheritable: [], ambient: [], dropped: [] },
  });
  expect(played).toBeLessThan(500);
});
