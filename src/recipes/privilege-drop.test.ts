import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRIVILEGE_DROPS, passThroughScript, privilegeDrop, startedDirectly, unwrapped } from './privilege-drop.ts';

/** Command lines as they stand in entrypoints, and what they start. */
const LINES: readonly (readonly [string[], string[]])[] = [
  [
    ['gosu', 'redis', 'redis-server', '--save', ''],
    ['redis-server', '--save', ''],
  ],
  [
    ['/usr/local/bin/su-exec', 'app:app', 'node', 'server.js'],
    ['node', 'server.js'],
  ],
  [['setpriv', '--reuid', 'redis', '--regid=redis', '--init-groups', '--', 'redis-server'], ['redis-server']],
  [
    ['s6-setuidgid', 'nginx', 'nginx', '-g', 'daemon off;'],
    ['nginx', '-g', 'daemon off;'],
  ],
  [
    ['chpst', '-u', 'app', '-P', 'run', '-x'],
    ['run', '-x'],
  ],
  [
    ['runuser', '-u', 'app', '--', 'run', '-c', 'x'],
    ['run', '-c', 'x'],
  ],
  [
    ['runuser', '-u', 'app', 'run', '-c', 'x'],
    ['run', '-c', 'x'],
  ],
  [
    ['sudo', '-u', 'app', '-E', 'run', '-u'],
    ['run', '-u'],
  ],
  [
    ['su', '-s', '/bin/bash', '-c', 'exec run -x', 'app'],
    ['/bin/bash', '-c', 'exec run -x'],
  ],
  [
    ['su', '-', 'app', '-c', 'exec run'],
    ['/bin/sh', '-c', 'exec run'],
  ],
];

describe('unwrapped', () => {
  it.each(LINES)('%j starts %j', (argv, rest) => {
    expect(unwrapped(argv)).toEqual(rest);
  });

  it('leaves everything else alone', () => {
    expect(unwrapped(['nginx', '-g', 'daemon off;'])).toBeUndefined();
    expect(unwrapped(['gosu', 'app'])).toBeUndefined();
    expect(unwrapped([])).toBeUndefined();
  });
});

describe('startedDirectly', () => {
  it('is the same unless the wrapper does more than to change the user', () => {
    expect(startedDirectly(['chpst', '-u', 'app', 'run', '-e'])).toEqual(['run', '-e']);
    expect(startedDirectly(['chpst', '-u', 'app', '-e', './env', 'run'])).toBeUndefined();
    expect(startedDirectly(['chpst', '-e./env', 'run'])).toBeUndefined();
    expect(startedDirectly(['gosu', 'app', 'run'])).toEqual(['run']);
  });
});

// The scripts refuse to run as root, so they are tried as somebody else; without root that is who we are.
describe('passThroughScript', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unroot-drop-'));
    execFileSync('chmod', ['755', folder]);
    for (const name of ['redis-server', 'node', 'nginx', 'run'])
      writeFileSync(join(folder, name), '#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@"\n', { mode: 0o755 });
    for (const drop of PRIVILEGE_DROPS)
      writeFileSync(join(folder, `drop-${drop.name}`), passThroughScript(drop), { mode: 0o755 });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

  it.each(LINES)('%j does the same', (argv, rest) => {
    const drop = privilegeDrop(argv[0] as string);
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    const [program, ...words] = rest as [string, ...string[]];
    // A shell line starts the program by itself.
    const expected =
      words[0] === '-c'
        ? execFileSync(program, words, { env, ...nobody, encoding: 'utf8' })
        : [program, ...words].map((word) => `${word}\n`).join('');
    expect(execFileSync(join(folder, `drop-${drop?.name}`), argv.slice(1), { env, ...nobody, encoding: 'utf8' })).toBe(expected);
  });

  it('gives the program the variables and the folder that the wrapper would', () => {
    const env = { PATH: `${folder}:/usr/bin:/bin`, GONE: 'still there' };
    const at = join(folder, 'env');
    mkdirSync(at);
    for (const [name, text] of [
      ['MODE', 'prod  \nsecond\n'],
      ['BARE', 'no newline'],
      ['GONE', ''],
      ['not-a-name', 'x'],
    ])
      writeFileSync(join(at, name as string), text as string);
    const printed = (...words: string[]): string =>
      execFileSync(join(folder, 'drop-chpst'), [...words, '-u', 'app', 'sh', '-c', 'echo "$MODE|$BARE|$GONE|$PWD"'], {
        env,
        ...nobody,
        encoding: 'utf8',
      });
    expect(printed('-e', at, '-C', '/usr')).toBe('prod|no newline||/usr\n');
    expect(printed(`-e${at}`)).toMatch(/^prod\|no newline\|\|/);
    expect(() => printed('-C', '/nosuch')).toThrow(/nosuch/);
  });

  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn('SKIPPED: that the stand-in refuses root: needs root');
  it.skipIf(!isRoot)('refuses to be used as root', () => {
    expect(() => execFileSync(join(folder, 'drop-gosu'), ['app', 'run'], { stdio: 'pipe' })).toThrow(/not for root/);
  });
});
