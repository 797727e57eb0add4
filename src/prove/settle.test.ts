/** Waiting for real processes to be ready, on a machine that has no time for them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { Container, ExitStatus, ListeningSocket } from '../engine/engine.ts';
import { containerProcesses } from '../engine/proc.ts';
import { settle } from './settle.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
const start = (...argv: readonly [string, ...string[]]): ChildProcess => {
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
};

/** As much of a container as settling looks at: a process of this machine and its children. */
function around(child: ChildProcess): Container {
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  const exited = new Promise<ExitStatus>((resolve) => child.once('exit', (code) => resolve({ code: code ?? 1 })));
  const seen = {
    exited,
    running: () => child.exitCode === null && child.signalCode === null,
    stdout: () => said,
    stderr: () => '',
    processes: async () => containerProcesses(child.pid as number),
    listening: async (): Promise<readonly ListeningSocket[]> => [],
  };
  return seen as unknown as Container;
}

const NOTHING = { eventCount: () => 0, expectedPorts: [] };
/** Both of them on all processors: whoever is nicer gets next to nothing. */
const crowd = (): void => {
  for (let n = 0; n < availableParallelism() * 2; n++) start('sh', '-c', 'while :; do :; done');
};
/** Works for as long as it takes to count, and says so. */
const counts = [
  'nice',
  '-n',
  '19',
  'sh',
  '-c',
  'i=0; while [ $i -lt 12000 ]; do i=$((i+1)); done; echo counted; exec sleep 60',
] as const;

describe('settle', () => {
  it('finds one that sleeps quiet', async () => {
    expect(await settle(around(start('sleep', '60')), { ...NOTHING, portlessMs: 600 })).toMatchObject({ ready: 'quiet' });
  });

  it('waits for one that would work if it had its turn', { timeout: 120_000 }, async () => {
    crowd();
    const container = around(start(...counts));
    const { ready } = await settle(container, { ...NOTHING, portlessMs: 600, timeoutMs: 110_000 });
    expect(ready).toBe('quiet');
    expect(container.stdout()).toBe('counted\n');
  });

  it('sees that one ends', async () => {
    expect(await settle(around(start('sh', '-c', 'exit 3')), NOTHING)).toMatchObject({ ready: 'exited' });
  });
});
