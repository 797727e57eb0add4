/** The access model against the kernel, for processes in user namespaces that do not know everybody who owns files. */
import { describe, expect, test } from 'vitest';
import { compareMany, expectAll } from './compare.ts';
import { namespaceCase } from './generate.ts';
import { missingHere } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/user-namespace.test.ts: ${missing}`);

const DECISIONS = Number(process.env.UNROOT_REALITY_DECISIONS ?? 200_000) / 10;

describe.skipIf(missing !== undefined)('files of owners outside the user namespace', () => {
  test('belong to nobody inside, and no capability reaches them', { timeout: 60_000 + 2 * DECISIONS }, () => {
    const seen = compareMany(
      'user-namespace',
      'The access model and processes in user namespaces, on trees of owners known and unknown there',
      namespaceCase,
      DECISIONS,
    );
    expect(seen.decisions).toBeGreaterThanOrEqual(DECISIONS);
    expectAll(seen.kinds, [
      'open',
      'mkdir',
      'unlink',
      'rename',
      'link',
      'mknod',
      'chmod',
      'chown',
      'setxattr',
      'exec',
      'setuid',
      'setgid',
      'setgroups',
    ]);
    expectAll(seen.errnos, ['OK', 'EACCES', 'EPERM', 'EINVAL', 'EROFS', 'EXDEV']);
  });
});
