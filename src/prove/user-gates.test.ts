import { describe, expect, it } from 'vitest';
import type { Operation } from '../linux/operation.ts';
import type { TraceEvent } from '../trace/event.ts';
import type { Observation } from './observation.ts';
import { gatesStarted, withoutGates } from './user-gates.ts';

const event = (program: string, operation: Operation, errno?: string): TraceEvent => ({
  seq: 0,
  time: 0,
  pid: 1,
  program,
  uid: 0,
  gid: 0,
  syscall: operation.kind,
  operation,
  ...(errno === undefined ? {} : { errno }),
});
const exec = (path: string): Operation => ({ kind: 'exec', path, argv: [path] });
const reads = (path: string): Operation => ({ kind: 'open', path, access: 'read' }) as Operation;

const events = [
  event('/bin/sh', exec('/usr/bin/su')),
  event('/bin/sh', exec('/usr/bin/gosu')),
  event('/bin/sh', exec('/usr/bin/sudo'), 'ENOENT'),
  event('/usr/bin/su', reads('/etc/shadow'), 'EACCES'),
  event('/usr/bin/su', { kind: 'setuid', call: 'setuid', ids: [33] }),
  event('/usr/bin/su', exec('/bin/sh')),
  event('/bin/sh', reads('/etc/shadow')),
];
const trace = { tracer: 'strace' as const, events, processes: [], blindSpots: [] };

describe('wrappers that ask before they change the user', () => {
  it('are named when they were started', () => {
    expect(gatesStarted(trace)).toEqual(['/usr/bin/su']);
    expect(gatesStarted(undefined)).toEqual([]);
  });

  it('do nothing that counts but to start a program as somebody', () => {
    const left = withoutGates({ trace } as unknown as Observation).trace?.events;
    expect(left).toEqual(events.filter((one) => !(one.program === '/usr/bin/su' && one.operation.kind === 'open')));
  });
});
