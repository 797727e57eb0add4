import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { INSIDE_NETWORK } from '../../test/support/network.ts';
import { CAPABILITIES } from '../linux/capability.ts';
import {
  containerProcesses,
  defaultLimits,
  namespaceOf,
  processAlive,
  processLimit,
  processStartTime,
  processState,
  processStatus,
  runInNetwork,
  signalProcess,
} from './proc.ts';
import { listeningSockets } from './sockets.ts';

const root = process.getuid?.() === 0;
if (!root) console.warn('SKIPPED: processes and network of a namespace: needs root');
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  }
});
function start(argv: readonly string[]): ChildProcess & { pid: number } {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'ignore' });
  children.push(child);
  return child as ChildProcess & { pid: number };
}
async function until<T>(probe: () => T | undefined | false): Promise<T> {
  const end = Date.now() + 10_000;
  for (;;) {
    const value = probe();
    if (value) return value;
    if (Date.now() > end) throw new Error('waited 10 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('processStatus', () => {
  it('reads ourselves as node itself sees us', () => {
    const status = processStatus(process.pid)!;
    expect(status.uids).toEqual(Array(4).fill(process.getuid!()));
    expect(status.gids[1]).toBe(process.getegid!());
    expect(status.ppid).toBe(process.ppid);
    // node adds the effective gid to the list.
    expect(new Set([...status.groups, process.getegid!()])).toEqual(new Set(process.getgroups!()));
    expect(status.argv[0]).toContain('node');
  });

  it.runIf(root)('reads ids, groups, capability sets and no_new_privs of a program started with setpriv', async () => {
    const { pid } = start([
      ...'setpriv --reuid 4242 --regid 3000 --groups 77,88 --no-new-privs --bounding-set -all,+chown,+kill'.split(' '),
      ...'--inh-caps -all,+kill --ambient-caps -all,+kill -- sleep 60'.split(' '),
    ]);
    const status = await until(() => {
      const now = processStatus(pid);
      return now?.command === 'sleep' && now;
    });
    expect(status.uids).toEqual([4242, 4242, 4242, 4242]);
    expect(status.gids).toEqual([3000, 3000, 3000, 3000]);
    expect(status.groups).toEqual([77, 88]);
    expect(status.noNewPrivileges).toBe(true);
    expect(status.capabilities).toEqual({
      bounding: ['CAP_CHOWN', 'CAP_KILL'],
      permitted: ['CAP_KILL'],
      effective: ['CAP_KILL'],
      inheritable: ['CAP_KILL'],
      ambient: ['CAP_KILL'],
    });
    expect(status.argv).toEqual(['sleep', '60']);
  });

  it('knows when there is no such process', async () => {
    const child = start(['true']);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(processStatus(child.pid)).toBeUndefined();
    expect(processState(child.pid)).toBeUndefined();
    expect(processAlive(child.pid)).toBe(false);
    expect(signalProcess(child.pid, 'SIGTERM')).toBe(false);
    expect(containerProcesses(child.pid)).toEqual([]);
  });

  it('never signals a process that only has the same number', async () => {
    const child = start(['sleep', '60']);
    const started = processStartTime(child.pid)!;
    expect(signalProcess(child.pid, 'SIGKILL', started + 1)).toBe(false);
    expect(processAlive(child.pid, started)).toBe(true);
    expect(signalProcess(child.pid, 'SIGKILL', started)).toBe(true);
    await until(() => !processAlive(child.pid, started));
  });

  it('reads limits, and never asks for more than the hard one', () => {
    const [soft, hard] = processLimit(process.pid, 'Max open files')!;
    expect(soft).toBeGreaterThan(0);
    expect(hard).toBeGreaterThanOrEqual(soft);
    expect(defaultLimits().nofile).toBe(Math.min(1024, hard));
    expect(CAPABILITIES).toContain('CAP_CHOWN');
  });
});

describe.runIf(root)('processes and network of a namespace', () => {
  it('finds all processes of a pid namespace, nested ones and orphans too, and no others', async () => {
    const outer = start([
      'unshare',
      '--pid',
      '--fork',
      '--kill-child',
      '--',
      'sh',
      '-c',
      '(sleep 61 &); unshare --pid --fork sleep 62 & wait',
    ]);
    const init = await until(() => {
      const child = [...containerProcesses(outer.pid)].find((each) => each.command === 'sh');
      return child && readlinkSync(`/proc/${child.pid}/ns/pid`) !== namespaceOf('self', 'pid') && child.pid;
    });
    const found = await until(() => {
      const now = containerProcesses(init);
      const sleeps = now.map((each) => each.argv.join(' '));
      return sleeps.includes('sleep 61') && sleeps.includes('sleep 62') && now;
    });
    expect(found[0]?.pid).toBe(init);
    expect(found.map((each) => each.command).sort()).toEqual(['sh', 'sleep', 'sleep', 'unshare']);
    expect(found.map((each) => each.pid)).not.toContain(outer.pid);
    process.kill(init, 'SIGKILL');
    await until(() => found.every((each) => !processAlive(each.pid)));
  });

  it('lists sockets inside, and reaches them from outside with a program of the host', async () => {
    const server = `const net = require('node:net'), dgram = require('node:dgram');
      net.createServer((c) => c.end('inside')).listen(8080, '127.0.0.1', () => {});
      net.createServer(() => {}).listen(8081, '::1', () => {});
      net.createServer(() => {}).listen(8082, '::', () => {});
      dgram.createSocket('udp4').bind(5353, '0.0.0.0');
      dgram.createSocket('udp6').bind(5354, '::1');`;
    const { pid } = start([...INSIDE_NETWORK, process.execPath, '-e', server]);
    const sockets = await until(() => {
      const now = namespaceOf(pid, 'net') === namespaceOf('self', 'net') ? [] : listeningSockets(pid);
      return now.length === 5 && now;
    });
    expect(sockets.map(({ protocol, family, address, port }) => [protocol, family, address, port])).toEqual([
      ['tcp', 'inet', '127.0.0.1', 8080],
      ['tcp', 'inet6', '::1', 8081],
      ['tcp', 'inet6', '::', 8082],
      ['udp', 'inet', '0.0.0.0', 5353],
      ['udp', 'inet6', '::1', 5354],
    ]);
    expect(sockets.every((each) => each.inode > 0)).toBe(true);
    const script = `require('node:net').connect(8080, '127.0.0.1').pipe(process.stdout)`;
    const answer = await runInNetwork(pid, [process.execPath, '-e', script]);
    expect(answer).toEqual({ code: 0, stdout: 'inside', stderr: '', timedOut: false });
    const slow = await runInNetwork(pid, ['sleep', '60'], { timeoutMs: 200 });
    expect(slow).toMatchObject({ code: 137, timedOut: true });
    expect((await runInNetwork(pid, ['cat'], { input: 'through stdin' })).stdout).toBe('through stdin');
  });
});
