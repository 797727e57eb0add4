import { describe, expect, it } from 'vitest';
import type { Operation } from '../linux/operation.ts';
import { createEventCollector, type NewEvent } from './collapse.ts';

const event = (operation: Operation, more: Partial<NewEvent> = {}): NewEvent => ({
  time: 0,
  pid: 1,
  program: '/p',
  uid: 0,
  gid: 0,
  syscall: operation.kind,
  operation,
  ...more,
});
const kinds = (collector: ReturnType<typeof createEventCollector>): string[] =>
  collector.events().map((e) => `${e.operation.kind}${e.count === undefined ? '' : ` x${e.count}`}`);

describe('collapsing', () => {
  it('counts the same thing by the same program with the same result as the same user', () => {
    const collector = createEventCollector();
    const open: Operation = { kind: 'open', path: '/a', access: 'read' };
    collector.add(event(open, { time: 5, pid: 1 }));
    collector.add(event(open, { time: 6, pid: 2 }));
    collector.add(event(open, { time: 7, errno: 'EACCES' }));
    collector.add(event(open, { time: 8, uid: 7 }));
    collector.add(event(open, { time: 9, program: '/q' }));
    expect(collector.events().map((e) => [e.seq, e.time, e.count ?? 1])).toEqual([
      [0, 0, 2],
      [1, 2, 1],
      [2, 3, 1],
      [3, 4, 1],
    ]);
    expect(collector.total).toBe(5);
  });

  it('does not take the argument vector or a pid for a difference', () => {
    const collector = createEventCollector();
    for (let i = 0; i < 3; i++) collector.add(event({ kind: 'exec', path: '/bin/sleep', argv: ['sleep', String(i)] }));
    for (let i = 0; i < 3; i++) collector.add(event({ kind: 'kill', pid: i, signal: 'SIGTERM', targetUid: 5 }));
    expect(kinds(collector)).toEqual(['exec x3', 'kill x3']);
  });

  it('keeps the order of making, removing and making again, a few times', () => {
    const collector = createEventCollector();
    for (let i = 0; i < 100; i++) {
      collector.add(event({ kind: 'mkdir', path: '/d' }));
      collector.add(event({ kind: 'chmod', path: '/d', mode: 0o700 }));
      collector.add(event({ kind: 'rmdir', path: '/d' }));
    }
    const all = kinds(collector);
    expect(all.slice(0, 5)).toEqual(['mkdir', 'chmod', 'rmdir', 'mkdir', 'chmod']);
    expect(all.length).toBeLessThan(20);
    expect(all.at(-1)).toMatch(/ x\d+/);
  });

  it('a removal that failed changes nothing', () => {
    const collector = createEventCollector();
    collector.add(event({ kind: 'mkdir', path: '/d' }));
    collector.add(event({ kind: 'rmdir', path: '/d' }, { errno: 'EPERM' }));
    collector.add(event({ kind: 'mkdir', path: '/d' }));
    expect(kinds(collector)).toEqual(['mkdir x2', 'rmdir']);
  });

  it('starts over', () => {
    const collector = createEventCollector();
    const index = collector.add(event({ kind: 'bind', protocol: 'tcp', address: '::', port: 1 }));
    collector.markListening(index);
    expect(collector.events()[0]?.listening).toBe(true);
    collector.reset();
    expect([collector.total, collector.events().length]).toEqual([0, 0]);
  });
});
