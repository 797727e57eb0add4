/** The rules that need no file against the kernel of this machine, in network, host name and mount namespaces of their own. */
import { describe, expect, test } from 'vitest';
import { compareMany, expectAll } from './compare.ts';
import { processCase } from './generate.ts';
import { missingHere } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/process.test.ts: ${missing}`);

const DECISIONS = Number(process.env.UNROOT_REALITY_DECISIONS ?? 200_000) / 10;

describe.skipIf(missing !== undefined)('rules without files', () => {
  test('ports, sockets, ids, signals, priorities and the administrator’s calls', { timeout: 60_000 + 2 * DECISIONS }, () => {
    const seen = compareMany('process', 'Ports, sockets, ids and signals by random processes', processCase, DECISIONS);
    expect(seen.decisions).toBeGreaterThanOrEqual(DECISIONS);
    expectAll(seen.kinds, [
      ...['bind', 'socket', 'setuid', 'setgid', 'setgroups', 'kill', 'setsockopt', 'chroot', 'mount', 'unshare', 'priority'],
      ...['rlimit', 'setns', 'sethostname', 'bounding-drop'],
    ]);
    expectAll(seen.errnos, ['OK', 'EACCES', 'EPERM', 'EINVAL']);
    expectAll(seen.answers, [
      ...['bind EACCES', 'bind OK', 'socket EACCES', 'socket EPERM', 'socket OK', 'setuid EPERM', 'setuid EINVAL', 'setuid OK'],
      ...[
        'setgid EPERM',
        'setgid OK',
        'setgroups EPERM',
        'setgroups OK',
        'kill EPERM',
        'kill OK',
        'setsockopt EPERM',
        'setsockopt EACCES',
      ],
      ...[
        'mount EPERM',
        'mount OK',
        'priority EACCES',
        'priority OK',
        'rlimit EPERM',
        'unshare EPERM',
        'setns EPERM',
        'bounding-drop EPERM',
      ],
    ]);
  });
});
