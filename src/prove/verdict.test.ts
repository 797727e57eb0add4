import { describe, expect, it } from 'vitest';
import type { Finding } from '../finding/finding.ts';
import type { Observation } from './observation.ts';
import { type Expectation, judge, mayLoseWork, worksLess } from './verdict.ts';

const GOOD: Observation = {
  outcome: 'running',
  exit: { code: 0 },
  readyMs: 300,
  ports: [{ protocol: 'tcp', port: 80, address: '0.0.0.0' }],
  probes: [{ port: 80, outcome: 'http', status: 200, contentType: 'text/html', bodyLength: 10 }],
  processes: [{ command: 'app', uids: [10001, 10001, 10001, 10001], gid: 10001 }],
  stdout: 'started\n',
  stderr: '',
  changes: [],
};
const BEFORE: Observation = { ...GOOD, processes: [{ command: 'app', uids: [0, 0, 0, 0], gid: 0 }] };
const EXPECTATION: Expectation = { hostUid: 10001, moved: new Map(), lostEffects: [], sockets: [], leftDenials: [] };
const verdict = (
  after: Partial<Observation>,
  before: Partial<Observation> = {},
  expectation: Partial<Expectation> = {},
): string => judge({ ...BEFORE, ...before }, { ...GOOD, ...after }, { ...EXPECTATION, ...expectation }).verdict;

describe('judge', () => {
  it('proves the same answers as the user', () => {
    expect(judge(BEFORE, GOOD, EXPECTATION)).toMatchObject({ verdict: 'proved' });
  });

  it.each<[string, Partial<Observation>]>([
    ['it is refused', { outcome: 'refused', refusal: 'no' }],
    ['it ends by itself', { outcome: 'exited', exit: { code: 1 }, ports: [], probes: [] }],
    ['a port is missing', { ports: [], probes: [] }],
    ['a port answers otherwise', { probes: [{ port: 80, outcome: 'http', status: 500 }] }],
    ['a port no longer speaks', { probes: [{ port: 80, outcome: 'silent' }] }],
    ['a process is root', { processes: [{ command: 'app', uids: [0, 0, 0, 0], gid: 0 }] }],
    ['a process keeps root as its saved uid', { processes: [{ command: 'app', uids: [10001, 10001, 0, 10001], gid: 0 }] }],
  ])('fails when %s', (_, after) => {
    expect(verdict(after)).toBe('failed');
  });

  it('doubts a complaint about an owner only where nobody saw that it costs nothing', () => {
    const complains = { stderr: "chown: changing ownership of '/run/app': Operation not permitted\n" };
    const seen = (losesWork: boolean): Partial<Expectation> => ({ leftDenials: [{ text: 'chown', losesWork, ownership: true }] });
    expect(verdict(complains)).toBe('inconclusive');
    expect(verdict(complains, {}, seen(false))).toBe('proved');
    expect(verdict(complains, {}, seen(true))).toBe('inconclusive');
    expect(verdict({ stderr: 'open /etc/x: Permission denied\n' }, {}, seen(false))).toBe('inconclusive');
  });

  it('takes no proof from a probe that fails as it is', () => {
    const fails = { command: { code: 1, output: 'no answer\n' } };
    expect(verdict(fails, fails)).toBe('inconclusive');
    expect(judge({ ...BEFORE, ...fails }, { ...GOOD, ...fails }, EXPECTATION).reasons).toContainEqual({
      kind: 'unsure',
      text: 'the probe command fails before as well (exit 1): nothing shows that what it asks for works; it said: no answer',
    });
    const unhealthy = { healthcheck: { code: 1, output: '' } };
    expect(verdict(unhealthy, unhealthy)).toBe('proved');
  });

  it('takes no proof from a path that was asked for and is not there, or fails, as it is', () => {
    const answers = (...statuses: readonly number[]): Partial<Observation> => ({
      ports: statuses.map((_, at) => ({ protocol: 'tcp', port: 80 + at, address: '0.0.0.0' })),
      probes: statuses.map((status, at) => ({ port: 80 + at, outcome: 'http', status, contentType: 'text/html', bodyLength: 5 })),
    });
    const asked = (path: string | undefined, ...statuses: readonly number[]): string =>
      verdict(answers(...statuses), answers(...statuses), path === undefined ? {} : { askedPath: path });
    expect(asked('/ping', 500)).toBe('inconclusive');
    expect(asked('/ping', 404)).toBe('inconclusive');
    expect(asked('/ping', 401)).toBe('proved');
    expect(asked('/ping', 404, 200)).toBe('proved');
    expect(asked(undefined, 503)).toBe('proved');
  });

  it('takes no proof from a page that fails in both runs, but for a gateway that says so in the same words', () => {
    const page = (status: number, text?: string): Partial<Observation> => ({
      probes: [{ port: 80, outcome: 'http', status, contentType: 'text/html', bodyLength: 9, ...(text ? { text } : {}) }],
    });
    const both = (status: number, text?: string): string => verdict(page(status, text), page(status, text));
    expect(both(500, 'no such table: posts')).toBe('inconclusive');
    expect(both(520)).toBe('inconclusive');
    expect(both(503, 'No server is available to handle this request.')).toBe('proved');
    expect(both(501)).toBe('proved');
    expect(both(503, 'open /srv/x: Permission denied')).toBe('inconclusive');
    expect(verdict(page(503, 'no backend'), page(503, 'not started'))).toBe('inconclusive');
    // Worse than before, and better than before.
    expect(verdict(page(500, 'open /srv/x: Permission denied'), page(500, 'no such table: posts'))).toBe('failed');
    expect(verdict(page(200), page(500))).toBe('inconclusive');
    // What its author calls healthy is; what its user asked for works.
    const succeeds = { code: 0, output: '' };
    const with500 = { ...page(500), command: succeeds };
    expect(verdict(with500, with500)).toBe('proved');
    const healthy = { ...page(500), healthcheck: succeeds };
    expect(verdict(healthy, healthy)).toBe('proved');
    const { reasons } = judge(
      { ...BEFORE, ...page(500, 'no such table: posts') },
      { ...GOOD, ...page(500, 'no such table: posts') },
      EXPECTATION,
    );
    expect(reasons).toContainEqual({
      kind: 'unsure',
      text: 'port 80 answers HTTP 500 in both runs: "no such table: posts". It failed before it came to its work; give --probe-http PATH with a page that works, or --probe CMD',
    });
  });

  it('says why there is nothing to compare with, where that was seen', () => {
    const broken = { ...BEFORE, outcome: 'exited' as const, exit: { code: 13 } };
    const said = (whyBroken?: string): string =>
      judge(broken, GOOD, { ...EXPECTATION, ...(whyBroken === undefined ? {} : { whyBroken }) }).reasons[0]?.text ?? '';
    expect(said()).toContain('it needs something that this run did not give it');
    expect(said('app could not open its log')).toContain('with exit 13: app could not open its log, so nothing can be compared');
  });

  it('fails when a datagram gets no answer any more', () => {
    const asked = (to: readonly string[]): Partial<Observation> => ({ datagrams: [{ port: 53, to }] });
    expect(verdict(asked([]), asked(['dns']))).toBe('failed');
    expect(verdict(asked(['dns']), asked(['dns']))).toBe('proved');
  });

  it('takes the end of a program for work only when it said or left something', () => {
    const ended: Partial<Observation> = { outcome: 'exited', exit: { code: 0 }, ports: [], probes: [], stdout: '' };
    expect(verdict(ended, ended)).toBe('inconclusive');
    expect(verdict({ ...ended, stdout: 'done\n' }, { ...ended, stdout: 'done\n' })).toBe('proved');
  });

  it('takes an answer to a datagram for work, and a port that nothing makes speak for nothing', () => {
    const silent: Partial<Observation> = {
      ports: [{ protocol: 'udp', port: 53, address: '0.0.0.0' }],
      probes: [],
      datagrams: [{ port: 53, to: [] }],
    };
    expect(verdict(silent, silent)).toBe('inconclusive');
    const answers: Partial<Observation> = { ...silent, datagrams: [{ port: 53, to: ['dns'] }] };
    expect(verdict(answers, answers)).toBe('proved');
    expect(
      verdict(
        { ...answers, ports: [{ protocol: 'udp', port: 5353, address: '::' }], datagrams: [{ port: 5353, to: ['dns', 'ntp'] }] },
        answers,
        { moved: new Map([[53, 5353]]) },
      ),
    ).toBe('proved');
    const deaf: Partial<Observation> = { probes: [{ port: 80, outcome: 'silent' }] };
    expect(verdict(deaf, deaf)).toBe('inconclusive');
    expect(verdict({ ...deaf, command: { code: 0, output: '' } }, { ...deaf, command: { code: 0, output: '' } })).toBe('proved');
  });

  it.each<[string, string, string, boolean, string]>([
    [
      'the same status of IMAP',
      '* OK Waiting for authentication process to respond..',
      '* OK [CAPABILITY IMAP4rev1] ready.',
      false,
      'proved',
    ],
    ['another status of IMAP', '* OK ready.', '* BYE internal error', false, 'failed'],
    ['the same status of POP3', '+OK ready', '+OK here', false, 'proved'],
    ['another status of POP3', '+OK ready', '-ERR no', false, 'failed'],
    [
      'attributes in another order',
      "<?xml version='1.0'?><s:s id='' to='x'>",
      "<?xml version='1.0'?><s:s to='x' id=''>",
      false,
      'proved',
    ],
    ['another element', "<?xml version='1.0'?><s:s id=''>", "<?xml version='1.0'?><s:error>", false, 'failed'],
    ['other words', '# one', '# two', false, 'failed'],
    ['words that varied in one run', '# one', '# two', true, 'proved'],
  ])('compares greetings: %s', (_, was, is, varies, expected) => {
    const greeting = (text: string): Partial<Observation> => ({ probes: [{ port: 80, outcome: 'banner', text }] });
    const before: Partial<Observation> = { probes: [{ port: 80, outcome: 'banner', text: was, ...(varies ? { varies } : {}) }] };
    expect(verdict(greeting(is), before)).toBe(expected);
  });

  it('takes a program that keeps root as its real uid for one that has not given it up', () => {
    const denied = { id: 'identity-change', severity: 'warning' } as Finding;
    const as = (uids: readonly number[]): Observation => ({ ...BEFORE, processes: [{ command: 'app', uids, gid: 0 }] });
    expect(mayLoseWork(denied, as([0, 100, 0, 100]))).toBe(true);
    expect(mayLoseWork(denied, as([100, 100, 0, 100]))).toBe(false);
  });

  it('fails when the health check or the probe command fails only after', () => {
    expect(verdict({ healthcheck: { code: 1, output: '' } }, { healthcheck: { code: 0, output: '' } })).toBe('failed');
    expect(verdict({ command: { code: 1, output: '' } }, { command: { code: 0, output: '' } })).toBe('failed');
    expect(verdict({}, { healthcheck: { code: 0, output: '' } })).toBe('failed');
  });

  it('is not sure when work was lost, a denial is left, or the log says something was denied', () => {
    expect(verdict({}, {}, { lostEffects: ['it no longer writes /server.log'] })).toBe('inconclusive');
    expect(verdict({}, {}, { leftDenials: [{ text: 'mkdir', losesWork: true }] })).toBe('inconclusive');
    expect(verdict({}, {}, { leftDenials: [{ text: 'nice', losesWork: false }] })).toBe('proved');
    expect(verdict({ stderr: 'cannot open /data/x: Permission denied\n' })).toBe('inconclusive');
  });

  it('is not sure when another user than the one asked for runs it', () => {
    expect(verdict({ processes: [{ command: 'app', uids: [33, 33, 33, 33], gid: 33 }] })).toBe('inconclusive');
  });

  it('does not count trouble that was there before', () => {
    const stderr = '2026/11/21 12:00:01 [error] 12#12: cannot open /x: Permission denied\n';
    expect(verdict({ stderr: stderr.replace('12#12', '99#99') }, { stderr })).toBe('proved');
  });

  it('is not sure when nothing shows that it works', () => {
    const mute: Partial<Observation> = { ports: [], probes: [] };
    expect(verdict(mute, mute)).toBe('inconclusive');
    expect(verdict(mute, mute, { sockets: ['/run/app.sock'] })).toBe('proved');
  });

  it('compares a program that ends by its exit code', () => {
    const ended = (code: number): Partial<Observation> => ({
      outcome: 'exited',
      exit: { code },
      ports: [],
      probes: [],
      processes: [],
    });
    expect(verdict(ended(0), ended(0))).toBe('proved');
    expect(verdict(ended(1), ended(0))).toBe('failed');
    expect(verdict(ended(1), ended(1))).toBe('inconclusive');
  });

  it('asks for as many ports that the kernel picks, not for the same', () => {
    const port = (number: number): Observation['ports'][number] => ({ protocol: 'tcp', port: number, address: '127.0.0.1' });
    const before = { ports: [port(80), port(41000), port(42000)] };
    expect(verdict({ ports: [port(80), port(51000), port(52000)] }, before)).toBe('proved');
    expect(verdict({ ports: [port(80), port(51000)] }, before)).toBe('failed');
    expect(verdict({ ports: [port(41000), port(42000)] }, before)).toBe('failed');
  });

  it('does not mind a complaint about changing the user when that was only how root was given up', () => {
    const stderr = 'cannot change user to irc: setuid: Operation not permitted\n';
    const dropped = { processes: [{ command: 'app', uids: [39, 39, 39, 39], gid: 39 }] };
    expect(verdict({ stderr }, dropped)).toBe('proved');
    expect(verdict({ stderr })).toBe('inconclusive');
  });

  it('follows a port that moved', () => {
    const after: Partial<Observation> = {
      ports: [{ protocol: 'tcp', port: 8080, address: '0.0.0.0' }],
      probes: [{ port: 8080, outcome: 'http', status: 200, contentType: 'text/html' }],
    };
    expect(verdict(after, {}, { moved: new Map([[80, 8080]]) })).toBe('proved');
    expect(verdict(after)).toBe('failed');
  });
});

describe('worksLess', () => {
  it('is about work, not about who does it', () => {
    expect(worksLess(BEFORE, GOOD)).toBe(false);
    expect(worksLess(BEFORE, { ...GOOD, outcome: 'exited', exit: { code: 1 }, ports: [], probes: [] })).toBe(true);
  });
});
