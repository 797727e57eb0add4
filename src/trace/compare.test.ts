import { describe, expect, it } from 'vitest';
import { compareEffects, compareTraces } from './compare.ts';
import { parseStrace } from './tracers/strace-parse.ts';
import { steadyName } from './volatile-name.ts';

const trace = (...lines: string[]): ReturnType<typeof parseStrace> =>
  parseStrace(lines.map((line, i) => `1 ${1795000000 + i}.0 ${line}\n`).join(''));
const listen = (port: number): string[] => [
  `socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3<socket:[${port}]>`,
  `bind(3<socket:[${port}]>, {sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`,
  `listen(3<socket:[${port}]>, 5) = 0`,
];
const write = (path: string): string => `open("${path}", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3<${path}>`;

describe('the same work', () => {
  it('is the same', () => {
    const one = trace(
      ...listen(80),
      write('/srv/out'),
      'execve("/bin/worker", ["worker"], 0x1 /* 0 vars */) = 0',
      '+++ exited with 0 +++',
    );
    expect(compareTraces(one, one)).toEqual([]);
  });
  it('a moved port, a pid file elsewhere, other temporary names, and a start script that skips chown and gosu', () => {
    const before = trace(
      ...listen(80),
      write('/run/app.pid'),
      write('/var/cache/app/tmpA1b2C3d4'),
      'execve("/bin/chown", ["chown", "app", "/x"], 0x1 /* 0 vars */) = 0',
      'execve("/usr/sbin/gosu", ["gosu"], 0x1 /* 0 vars */) = 0',
      write('/x/lock'),
      'unlink("/x/lock") = 0',
    );
    const after = trace(...listen(8080), write('/tmp/app.pid'), write('/var/cache/app/tmpZ9y8X7w6'));
    expect(compareTraces(before, after)).toEqual([]);
  });
});

describe('lost work', () => {
  it('is named: port, file, program, exit code', () => {
    const before = trace(
      ...listen(80),
      ...listen(443),
      write('/server.log'),
      write('/tmp/x.part'),
      'rename("/tmp/x.part", "/data/x") = 0',
      'execve("/usr/bin/envsubst", ["envsubst"], 0x1 /* 0 vars */) = 0',
      '+++ exited with 0 +++',
    );
    const after = trace(
      ...listen(8080),
      'open("/server.log", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied)',
      write('/new'),
      '+++ exited with 1 +++',
    );
    expect(compareEffects(before, after)).toEqual([
      'it no longer listens on tcp 443',
      'it no longer writes /server.log',
      'it no longer writes /data/x',
      'it no longer runs /usr/bin/envsubst',
      'it ends with exit code 1 instead of 0',
    ]);
    expect(
      compareTraces(before, after)
        .filter((d) => !d.lost)
        .map((d) => d.text),
    ).toEqual(['it now writes /new']);
  });
  it('takes datagram sockets of anybody for those of a client, which asks from another one each time', () => {
    const socket = (port: number): string =>
      `bind(5, {sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`;
    const udp = (port: number): readonly string[] => [
      'socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) = 5',
      socket(port),
      'close(5) = 0',
    ];
    expect(compareEffects(trace(...udp(14469)), trace())).toEqual([]);
    expect(compareEffects(trace(...udp(53)), trace())).toEqual(['it no longer listens on udp 53']);
  });
  it('says nothing of runs that were watched in different ways', () => {
    expect(
      compareEffects(trace(write('/a')), { tracer: 'file-system-difference', events: [], processes: [], blindSpots: [] }),
    ).toEqual([]);
  });
});

describe('steady names', () => {
  it.each([
    ['/tmp/tmpXk12aB', '/tmp/tmp*'],
    ['/run/nginx.1234', '/run/nginx.*'],
    ['/var/lib/php/sess_4f9a1c2d3e4f5a6b7c8d', '/var/lib/php/sess_*'],
    ['/proc/4242/stat', '/proc/*/stat'],
    ['/var/log/app-2024-05-06.log', '/var/log/app-*.log'],
    ['/c/0123456789abcdef01/x', '/c/*/x'],
    ['/etc/nginx/conf.d/8080.conf', '/etc/nginx/conf.d/8080.conf'],
    ['/var/cache/nginx/client_temp', '/var/cache/nginx/client_temp'],
    ['/usr/share/fonts/DejaVuSans', '/usr/share/fonts/DejaVuSans'],
    ['/etc/passwd', '/etc/passwd'],
  ])('%s → %s', (path, steady) => {
    expect(steadyName(path)).toBe(steady);
  });
});
