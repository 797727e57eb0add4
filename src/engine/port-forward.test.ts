import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { INSIDE_NETWORK } from '../../test/support/network.ts';
import { forwardPorts, type PortForward } from './port-forward.ts';
import { namespaceOf } from './proc.ts';
import { listeningSockets } from './sockets.ts';

const SERVER = `const http = require('node:http');
  http.createServer((q, s) => { let n = 0; q.on('data', (d) => { n += d.length; }); q.on('end', () => s.end('v4 ' + n)); }).listen(8080, '127.0.0.1');
  http.createServer((q, s) => s.end('x'.repeat(3_000_000))).listen(8081, '::1');`;

const root = process.getuid?.() === 0;
if (!root) console.warn('SKIPPED: forwarding of ports: needs root');

describe.runIf(root)('forwardPorts', () => {
  let child: ChildProcess | undefined;
  let forward: PortForward | undefined;
  afterEach(async () => {
    await forward?.close();
    child?.kill('SIGKILL');
  });

  it('carries connections into another network namespace, on either loopback, both ways', async () => {
    const [unshare = '', ...args] = INSIDE_NETWORK;
    child = spawn(unshare, [...args, process.execPath, '-e', SERVER], { stdio: 'ignore' });
    const pid = child.pid!;
    for (let tries = 0; namespaceOf(pid, 'net') === namespaceOf('self', 'net') || listeningSockets(pid).length < 2; tries += 1) {
      if (tries > 200) throw new Error('the server does not come up');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const base = 30_000 + (process.pid % 10_000);
    forward = await forwardPorts(
      pid,
      new Map([
        [8080, base],
        [8081, base + 1],
        [9999, base + 2],
      ]),
    );
    expect(await (await fetch(`http://127.0.0.1:${base}/`, { method: 'POST', body: 'y'.repeat(2_000_000) })).text()).toBe(
      'v4 2000000',
    );
    expect((await (await fetch(`http://127.0.0.1:${base + 1}/`)).text()).length).toBe(3_000_000);
    // Nobody listens there: the connection ends, it does not hang.
    await expect(fetch(`http://127.0.0.1:${base + 2}/`)).rejects.toThrow();
    await forward.close();
    await expect(fetch(`http://127.0.0.1:${base}/`)).rejects.toThrow();
  });

  it('names a port that is taken, and keeps none of the others', async () => {
    const base = 40_000 + (process.pid % 10_000);
    const other = createServer().listen(base + 1, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(
      forwardPorts(
        process.pid,
        new Map([
          [80, base],
          [81, base + 1],
        ]),
      ),
    ).rejects.toMatchObject({ code: 'engine.port-in-use' });
    const again = createServer();
    await new Promise<void>((resolve, reject) => again.once('error', reject).listen(base, '127.0.0.1', () => resolve()));
    again.close();
    other.close();
  });
});
