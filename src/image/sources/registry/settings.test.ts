/** What registries and the environment say in text: challenges, proxies, waits. */
import { describe, expect, it } from 'vitest';
import { retryAfter } from './ask.ts';
import { parseChallenges } from './challenge.ts';
import { saidBy } from './failure.ts';
import { proxyFor } from './proxy.ts';

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    [
      'Bearer realm="https://a/t",service="s, \\"q\\"",scope=x',
      [{ scheme: 'bearer', parameters: { realm: 'https://a/t', service: 's, "q"', scope: 'x' } }],
    ],
    [
      'Negotiate, Bearer Realm = "a" , Basic realm=b',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'bearer', parameters: { realm: 'a' } },
        { scheme: 'basic', parameters: { realm: 'b' } },
      ],
    ],
    ['Bearer realm="open', [{ scheme: 'bearer', parameters: { realm: 'open' } }]],
    ['Bearer realm=', [{ scheme: 'bearer', parameters: {} }]],
    ['=x', []],
    ['', []],
    ['Bearer __proto__="x"', [{ scheme: 'bearer', parameters: {} }]],
  ])('%j', (header, expected) => expect(parseChallenges(header)).toEqual(expected));

  it('ends with long and odd headers', () => {
    expect(parseChallenges('Bearer '.repeat(100_000)).length).toBeLessThan(2000);
    expect(parseChallenges(`Bearer realm="${'\\'.repeat(100_000)}`)).toHaveLength(1);
  });
});

describe('proxyFor', () => {
  const proxy = (url: string, environment: Record<string, string>): string | undefined =>
    proxyFor(new URL(url), { environment })?.host;

  it('takes the variable of the protocol, lower case first', () => {
    expect(proxy('https://a.example/', { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:2' })).toBe('p:1');
    expect(proxy('http://a.example/', { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'q:2' })).toBe('q:2');
    expect(proxy('https://a.example/', { https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' })).toBe('low:1');
    expect(proxy('https://a.example/', { ALL_PROXY: 'http://all:1' })).toBe('all:1');
    expect(proxy('http://a.example/', { REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://q:2' })).toBeUndefined();
    expect(proxy('https://a.example/', {})).toBeUndefined();
    expect(proxy('https://a.example/', { HTTPS_PROXY: 'socks5://p:1' })).toBeUndefined();
  });

  it.each([
    ['*', 'a.example', true],
    ['a.example', 'a.example', true],
    ['example', 'a.example', true],
    ['.example', 'a.example', true],
    ['*.example', 'a.example', true],
    ['ample', 'a.example', false],
    ['x, a.example:443', 'a.example', true],
    ['a.example:8443', 'a.example', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['0.0.0.0/0', '11.1.2.3', true],
    ['10.0.0.0/8', 'a.example', false],
  ])('NO_PROXY=%s for %s: direct %s', (list, host, direct) => {
    expect(proxy(`https://${host}/`, { HTTPS_PROXY: 'http://p:1', NO_PROXY: list }) === undefined).toBe(direct);
  });

  it('never stands between us and this machine', () => {
    for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000'])
      expect(proxy(`http://${host}/`, { HTTP_PROXY: 'http://p:1' })).toBeUndefined();
  });
});

it('reads Retry-After as seconds and as a date', () => {
  expect(retryAfter({ headers: { 'retry-after': '7' } })).toBe(7000);
  expect(retryAfter({ headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() } })).toBeGreaterThan(50_000);
  expect(retryAfter({ headers: { 'retry-after': 'Fri, 01 Jan 1999 00:00:00 GMT' } })).toBe(0);
  expect(retryAfter({ headers: { 'retry-after': 'soon' } })).toBeUndefined();
  expect(retryAfter({ headers: {} })).toBeUndefined();
});

it('reads what an error answer says, whatever it is', () => {
  expect(saidBy('{"errors":[{"code":"DENIED","message":"no"},{"code":"X"}]}')).toEqual({
    codes: ['DENIED', 'X'],
    text: 'DENIED: no; X',
  });
  for (const body of ['', 'null', '[]', '{"errors":{}}', '{"errors":[null,1]}']) expect(saidBy(body).codes).toEqual([]);
  expect(saidBy('<html>x</html>').text).toBe('');
});
