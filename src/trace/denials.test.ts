import { describe, expect, it } from 'vitest';
import { denials, isDenied, newDenials } from './denials.ts';
import { parseStrace } from './tracers/strace-parse.ts';

const trace = (...lines: string[]): ReturnType<typeof parseStrace> =>
  parseStrace(lines.map((line, i) => `1 ${1795000000 + i}.0 ${line}\n`).join(''));

describe('denials', () => {
  it('are refusals for who asks, not facts about the world', () => {
    const all = trace(
      'mkdir("/a", 0700) = -1 EACCES (Permission denied)',
      'chown("/b", 0, 0) = -1 EPERM (Operation not permitted)',
      'open("/c", O_WRONLY|O_CREAT, 0644) = -1 EROFS (Read-only file system)',
      'setuid(5) = -1 EINVAL (Invalid argument)',
      'open("/d", O_RDONLY) = -1 ENOENT (No such file or directory)',
      'mkdir("/e", 0700) = -1 EEXIST (File exists)',
      'open("/f", O_RDONLY) = -1 EINVAL (Invalid argument)',
      'readlink("/proc/42/exe", 0x1, 10) = -1 EACCES (Permission denied)',
      'open("/g", O_RDONLY) = 3',
    );
    expect(denials(all).map((e) => e.operation.kind)).toEqual(['mkdir', 'chown', 'open', 'setuid']);
    expect(isDenied(all.events.at(-1)!)).toBe(false);
  });

  it('once each, temporary names taken as one', () => {
    const all = trace(
      'open("/var/x/sedXk12aB", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied)',
      'open("/var/x/sedQq98zZ", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied)',
      'open("/var/x/sedQq98zZ", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied)',
    );
    expect(denials(all).map((e) => e.count)).toEqual([3]);
  });

  it('new ones are those that the baseline did not meet', () => {
    const before = trace('open("/sys/x", O_WRONLY) = -1 EROFS (Read-only file system)', 'mkdir("/run/a", 0755) = 0');
    const after = trace(
      'open("/sys/x", O_WRONLY) = -1 EACCES (Permission denied)',
      'mkdir("/run/a", 0755) = -1 EACCES (Permission denied)',
    );
    expect(newDenials(after, before).map((e) => e.operation)).toEqual([{ kind: 'mkdir', path: '/run/a', mode: 0o755 }]);
    expect(newDenials(before, before)).toEqual([]);
  });
});
