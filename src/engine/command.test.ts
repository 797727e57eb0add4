import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';
import { processAlive } from './proc.ts';
import { parseSockets } from './sockets.ts';
import { TailBuffer } from './tail-buffer.ts';

describe('runCommand', () => {
  it('keeps the streams apart and gives code and input', async () => {
    const result = await runCommand(['sh', '-c', 'cat; echo err >&2; exit 3'], { input: 'in' });
    expect(result).toEqual({ code: 3, stdout: 'in', stderr: 'err\n', timedOut: false, missing: false, aborted: false });
  });

  it('says 128+n after a signal, and that a program is missing', async () => {
    expect((await runCommand(['sh', '-c', 'kill -TERM $$'])).code).toBe(143);
    expect(await runCommand(['/nonexistent/program'])).toMatchObject({ code: 127, missing: true });
  });

  it('takes a folder of PATH that it may not look into for one that has no such program', async () => {
    // Root looks into it all the same and finds nothing; anybody else gets EACCES.
    const closed = mkdtempSync(join(tmpdir(), 'unroot-closed-'));
    chmodSync(closed, 0);
    expect(await runCommand(['no-such-program'], { env: { PATH: closed } })).toMatchObject({ code: 127, missing: true });
    rmSync(closed, { recursive: true });
  });

  it('ends the whole group at the timeout and on abort', async () => {
    const started = Date.now();
    const slow = await runCommand(['sh', '-c', 'sleep 71 & echo $!; wait'], { timeoutMs: 300 });
    expect(slow).toMatchObject({ code: 137, timedOut: true, aborted: false });
    expect(processAlive(Number(slow.stdout))).toBe(false);
    const stopped = await runCommand(['sleep', '60'], { signal: AbortSignal.timeout(100) });
    expect(stopped).toMatchObject({ aborted: true, timedOut: false });
    expect(await runCommand(['sleep', '60'], { signal: AbortSignal.abort() })).toMatchObject({ aborted: true });
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  it('does not wait for a grandchild that holds the pipe', async () => {
    const started = Date.now();
    const result = await runCommand(['sh', '-c', 'sleep 50 & echo $!']);
    process.kill(Number(result.stdout));
    expect(result.code).toBe(0);
    expect(Date.now() - started).toBeLessThan(40_000);
  });

  it('keeps the end of what is too long', async () => {
    const { stdout } = await runCommand(['seq', '1', '200000'], { limit: 1000 });
    expect(stdout).toHaveLength(1000);
    expect(stdout.endsWith('199999\n200000\n')).toBe(true);
  });
});

describe('TailBuffer', () => {
  it('holds exactly the last bytes whatever the chunks', () => {
    for (const size of [1, 3, 7, 50]) {
      const text = 'abcdefghijklmnopqrstuvwxyz';
      const tail = new TailBuffer(10);
      for (let at = 0; at < text.length; at += size) tail.push(Buffer.from(text.slice(at, at + size)));
      expect([tail.text(), tail.dropped]).toEqual(['qrstuvwxyz', 16]);
    }
  });
});

describe('parseSockets', () => {
  const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const line = (address: string, state: string): string =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n`;

  it('reads addresses in the byte order of the kernel, and only listening ones', () => {
    const text = HEAD + line('0100007F:1F90', '0A') + line('0100007F:1F91', '01') + line('00000000:0050', '0A');
    expect(parseSockets(text, 'inet', 'tcp')).toEqual([
      { protocol: 'tcp', family: 'inet', address: '127.0.0.1', port: 8080, inode: 4711 },
      { protocol: 'tcp', family: 'inet', address: '0.0.0.0', port: 80, inode: 4711 },
    ]);
  });

  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000001000000', '::1'],
    ['000080FE00000000FF565002BD7E3AFE', 'fe80::250:56ff:fe3a:7ebd'],
    ['0000000000000000FFFF00000100007F', '::ffff:7f00:1'],
    ['B80D01200000000001000000FFFF0000', '2001:db8::1:0:ffff'],
  ])('writes %s as RFC 5952 does', (hex, text) => {
    expect(parseSockets(HEAD + line(`${hex}:0035`, '07'), 'inet6', 'udp')[0]?.address).toBe(text);
  });
});
