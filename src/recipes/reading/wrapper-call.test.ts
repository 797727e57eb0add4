import { describe, expect, it } from 'vitest';
import { wrapperCall } from './wrapper-call.ts';

describe('what a wrapper starts', () => {
  it.each<[string[], string[] | undefined]>([
    [
      ['/usr/bin/tini', '--', '/entrypoint.sh', 'serve'],
      ['/entrypoint.sh', 'serve'],
    ],
    [['tini', '-g', '-p', 'SIGTERM', '/app'], ['/app']],
    [
      ['dumb-init', '-r', '15:3', 'sh', '-c', 'x'],
      ['sh', '-c', 'x'],
    ],
    [
      ['env', '-u', 'A', 'B=1', 'C=2', 'prog', 'D=3'],
      ['prog', 'D=3'],
    ],
    [['env'], undefined],
    [
      ['timeout', '-k', '5', '30', 'prog', '-v'],
      ['prog', '-v'],
    ],
    [['nice', '-n', '10', 'prog'], ['prog']],
    [['constructor', 'x'], undefined],
    [['prog', 'env'], undefined],
  ])('%j', (argv, inner) => expect(wrapperCall(argv)).toEqual(inner));
});
