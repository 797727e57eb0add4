/** What the kernel says of processes that sleep, compute, and want to compute while others do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { schedulingOf } from './scheduling.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
const started = (...argv: readonly [string, ...string[]]): number => {
  const child = spawn(argv[0], argv.slice(1), { stdio: 'ignore' });
  children.push(child);
  return child.pid as number;
};
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('schedulingOf', () => {
  it('finds one that sleeps neither active nor waiting', async () => {
    const pid = started('sleep', '60');
    await later(500);
    const first = schedulingOf(pid);
    await later(300);
    expect(schedulingOf(pid)).toEqual({ waitedMs: first.waitedMs, active: false });
  });

  it('finds one that wants a processor active, and waiting where all are taken', async () => {
    // With lower priority than the others, so that it hardly gets any time.
    const spin = ['sh', '-c', 'while :; do :; done'] as const;
    const pid = started('nice', '-n', '19', ...spin);
    for (let n = 0; n < availableParallelism() * 2; n++) started(...spin);
    await later(500);
    const first = schedulingOf(pid);
    await later(1500);
    const then = schedulingOf(pid);
    expect([first.active, then.active]).toEqual([true, true]);
    expect(then.waitedMs - first.waitedMs).toBeGreaterThan(100);
  });

  it('says nothing of a process that is not there', () => {
    expect(schedulingOf(2 ** 22 + 1)).toEqual({ waitedMs: 0, active: false });
  });
});
