import { describe, expect, it } from 'vitest';
import type { Operation } from '../linux/operation.ts';
import type { Trace } from '../trace/event.ts';
import { lastDenied } from './told-reasons.ts';

const trace = (...events: readonly (readonly [Operation, string?])[]): Trace => ({
  tracer: 'strace',
  events: events.map(([operation, errno], seq) => ({
    seq,
    time: 0,
    pid: 1,
    program: '/usr/bin/svc',
    uid: 999,
    gid: 999,
    syscall: operation.kind,
    operation,
    ...(errno === undefined ? {} : { errno }),
  })),
  processes: [],
  blindSpots: [],
});

describe('lastDenied', () => {
  const bind: Operation = { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port: 80 };
  const read: Operation = { kind: 'open', path: '/etc/x', access: 'read' };

  it('names who was denied what, last of all', () => {
    expect(lastDenied(trace([read, 'EACCES'], [bind, 'EACCES'], [read, 'ENOENT'], [read]))).toBe(
      'it needs something that this run did not give it; the last that it was denied: svc (uid 999) binds tcp port 80, EACCES',
    );
  });

  it('says nothing where nothing was', () => {
    expect(lastDenied(trace([read, 'ENOENT'], [read]))).toBeUndefined();
    expect(lastDenied(undefined)).toBeUndefined();
  });
});
