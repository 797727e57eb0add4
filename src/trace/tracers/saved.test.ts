import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UnrootError } from '../../error.ts';
import { readSavedTrace } from './saved.ts';

const folder: string = mkdtempSync(join(tmpdir(), 'unroot-saved-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof UnrootError ? error.code : String(error)),
  );

describe('saved strace logs', () => {
  it('are read without -y, and say what that costs', async () => {
    const log = file(
      'plain.log',
      '9  execve("/usr/bin/app", ["app"], 0x7ffd /* 9 vars */) = 0\n9  mkdir("cache", 0755) = -1 EACCES (Permission denied)\n9  +++ exited with 1 +++\n',
    );
    const trace = await readSavedTrace(log);
    expect(trace.events.map((e) => [e.program, e.operation.kind, e.errno])).toEqual([
      ['', 'exec', undefined],
      ['/usr/bin/app', 'mkdir', 'EACCES'],
    ]);
    expect(trace.processes).toMatchObject([{ pid: 9, argv: ['app'], exit: { code: 1 } }]);
    expect((await readSavedTrace(log, { initial: { uid: 5, gid: 5, cwd: '/srv' } })).events[1]).toMatchObject({
      uid: 5,
      operation: { path: '/srv/cache' },
    });
  });
  it('a file of strace -ff has its process in the name', async () => {
    expect((await readSavedTrace(file('out.4711', 'chdir("/x") = 0\n'))).events[0]?.pid).toBe(4711);
  });
  it('say when a relative path cannot be known', async () => {
    const trace = await readSavedTrace(file('relative.log', '9 openat(AT_FDCWD, "app.log", O_WRONLY|O_CREAT, 0644) = 3\n'));
    expect(trace.blindSpots.join()).toMatch(/Relative paths were read from \//);
  });
  it('anything else is refused with one message', async () => {
    expect(await codeOf(readSavedTrace(join(folder, 'absent')))).toBe('trace.unreadable');
    expect(await codeOf(readSavedTrace(folder))).toBe('trace.unreadable');
    expect(await codeOf(readSavedTrace(file('empty', '')))).toBe('trace.not-strace');
    expect(await codeOf(readSavedTrace(file('text', 'Hello\nthis is (not) a trace\n')))).toBe('trace.not-strace');
    expect(await codeOf(readSavedTrace(file('binary', new Uint8Array(100_000))))).toBe('trace.not-strace');
    expect(await codeOf(readSavedTrace(file('long', 'x'.repeat(200_000))))).toBe('trace.not-strace');
  });
});
