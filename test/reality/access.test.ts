/** The access model against the kernel of this machine: random trees, random processes, real system calls; every errno and the tree afterwards must agree. */
import { describe, expect, test } from 'vitest';
import { compareMany, expectAll } from './compare.ts';
import { fileCase } from './generate.ts';
import { missingHere } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/access.test.ts: ${missing}`);

const DECISIONS = Number(process.env.UNROOT_REALITY_DECISIONS ?? 60_000);

describe.skipIf(missing !== undefined)('the access model and this kernel agree', () => {
  test('on files, one operation after the other', { timeout: 60_000 + DECISIONS }, () => {
    const seen = compareMany(
      'access',
      'The access model and random operations on random trees by random processes',
      fileCase,
      DECISIONS,
    );
    expect(seen.decisions).toBeGreaterThanOrEqual(DECISIONS);
    expectAll(seen.kinds, [
      ...['open', 'mkdir', 'rmdir', 'unlink', 'rename', 'link', 'symlink', 'mknod', 'chmod', 'chown', 'truncate', 'utimes'],
      ...['access', 'stat', 'chdir', 'chroot', 'readlink', 'setxattr', 'bind-unix', 'connect-unix', 'exec'],
    ]);
    expectAll(seen.errnos, [
      ...['OK', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTEMPTY', 'EXDEV', 'EBUSY'],
      ...['EINVAL', 'ENXIO', 'ENOEXEC', 'ECONNREFUSED', 'EADDRINUSE', 'ENAMETOOLONG', 'EOPNOTSUPP'],
    ]);
    expectAll(seen.answers, [
      ...[
        'open EACCES',
        'open EROFS',
        'open ENXIO',
        'exec EACCES',
        'exec EPERM',
        'exec ENOENT',
        'exec ELOOP',
        'exec ENOEXEC',
        'exec OK',
      ],
      ...[
        'rename EPERM',
        'rename EXDEV',
        'rename EBUSY',
        'rename EINVAL',
        'rename EROFS',
        'rename OK',
        'unlink EPERM',
        'rmdir EBUSY',
      ],
      ...['link EPERM', 'link EXDEV', 'mknod EPERM', 'mknod OK', 'chown EPERM', 'chown OK', 'chmod EPERM', 'chmod EOPNOTSUPP'],
      ...['utimes EPERM', 'utimes EACCES', 'setxattr EPERM', 'setxattr EACCES', 'setxattr OK', 'chroot EPERM', 'chroot OK'],
    ]);
  });
});
