import { describe, expect, it } from 'vitest';
import type { Operation } from '../linux/operation.ts';
import type { TraceEvent } from '../trace/event.ts';
import { notStarted, type Observation } from './observation.ts';
import { demandsRoot, refusesRoot, stoppedByIdentity } from './stopped-by.ts';

const ended = (code: number, stderr: string, events: readonly TraceEvent[] = []): Observation => ({
  ...notStarted(''),
  outcome: 'exited',
  exit: { code },
  stderr,
  trace: { tracer: 'strace', events, processes: [], blindSpots: [] },
});
const event = (pid: number, operation: Operation, errno?: string): TraceEvent => ({
  seq: 0,
  time: 0,
  pid,
  program: '/usr/sbin/svc',
  uid: 10001,
  gid: 10001,
  syscall: operation.kind,
  operation,
  ...(errno === undefined ? {} : { errno }),
});
const GROUPS: Operation = { kind: 'setgroups', groups: [5] };
const READ: Operation = { kind: 'open', path: '/etc/localtime', access: 'read' };
const LISTEN: Operation = { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port: 8080 };

describe('stoppedByIdentity', () => {
  it('is the denied change of user after which the process only looked about', () => {
    const events = [event(1, LISTEN), event(1, GROUPS, 'EPERM'), event(1, READ), event(2, LISTEN)];
    expect(stoppedByIdentity(ended(1, '', events))).toEqual([events[1]]);
  });

  it('is none that the program went on after, or that was allowed, and none of a run that went well', () => {
    expect(stoppedByIdentity(ended(1, '', [event(1, GROUPS, 'EPERM'), event(1, LISTEN)]))).toEqual([]);
    expect(stoppedByIdentity(ended(1, '', [event(1, GROUPS)]))).toEqual([]);
    expect(stoppedByIdentity(ended(0, '', [event(1, GROUPS, 'EPERM')]))).toEqual([]);
    expect(stoppedByIdentity({ ...ended(1, '', [event(1, GROUPS, 'EPERM')]), outcome: 'running' })).toEqual([]);
  });
});

describe('demandsRoot', () => {
  const before: Observation = { ...notStarted(''), outcome: 'running', stdout: 'note: root privileges will be dropped\n' };
  it.each([
    'svc: must be started as root',
    'You need root privileges to run this',
    'Fatal: not running as root',
    'this program requires superuser rights',
    'smtpd: need root privileges',
    'Only root can do that',
    'are you root?',
    'bind: Permission denied (are you root?)',
    'cannot go on without root privileges',
    'This must be run by root',
  ])('hears it in: %s', (line) => {
    expect(demandsRoot(before, ended(1, `starting\n${line}\n`))).toBe(line);
  });

  it.each([
    'svc: must not be run as root',
    'open /root/.config: permissions',
    '/etc/key must be owned by root',
    'document root needs an index',
    'do not run this as root',
    'Refusing to start as root.',
    'no root certificates found',
    'root: not found',
    'note: root privileges will be dropped',
    'Permission denied',
  ])('does not in: %s', (line) => {
    expect(demandsRoot(before, ended(1, `${line}\n`))).toBeUndefined();
  });

  it('does not of a run that went on', () => {
    expect(demandsRoot(before, { ...ended(1, 'must be started as root\n'), outcome: 'running' })).toBeUndefined();
  });
});

describe('refusesRoot', () => {
  it.each([
    'svc: must not be run as root',
    'Refusing to start as root.',
    'can not run elasticsearch as root',
    "Don't run this as root!",
    'Running icecast as root is not supported',
    'ERROR: You should not run me as the root user',
    'Please do not start the server as root',
  ])('hears it in: %s', (line) => {
    expect(refusesRoot(ended(1, `starting\n${line}\n`))).toBe(line);
  });

  it.each([
    'svc: must be started as root',
    'WARNING: Running pip as root is not recommended',
    'no such file: /root/x',
    'document root not found',
    'cannot open /as/root/dir',
  ])('does not in: %s', (line) => {
    expect(refusesRoot(ended(1, `${line}\n`))).toBeUndefined();
  });

  it('does not of a run that went on', () => {
    expect(refusesRoot({ ...ended(1, 'must not be run as root\n'), outcome: 'running' })).toBeUndefined();
  });
});
