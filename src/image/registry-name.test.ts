import { describe, expect, it } from 'vitest';
import { isLoopback, parseRegistryName } from './registry-name.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseRegistryName', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['org/app', 'docker.io/org/app:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/org/app:1', 'docker.io/org/app:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['[::1]:5000/app:2', '[::1]:5000/app:2'],
    ['quay.io/a/b/c:v1', 'quay.io/a/b/c:v1'],
    ['Host/app', 'Host/app:latest'],
    [`nginx:1@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`quay.io:443/a@${DIGEST}`, `quay.io:443/a@${DIGEST}`],
    ['a__b/c.d-e--f', 'docker.io/a__b/c.d-e--f:latest'],
  ])('%s is %s', (name, text) => expect(parseRegistryName(name).text).toBe(text));

  it.each([
    '',
    '/',
    ':',
    'a//b',
    'a/',
    '/a',
    '-a',
    'a..b',
    'a/../b',
    'A',
    'a b',
    'a:',
    'a@',
    'a@sha256:zz',
    'a.b:99999999/c',
    '[::1/a',
    'é',
    'a/b\n',
    'a%2fb',
    'http://x/y',
    'a?b',
    'a#b',
  ])('%j is none', (name) => expect(() => parseRegistryName(name)).toThrow(/no image name/));

  it('takes time in proportion to the length', () => {
    const start = performance.now();
    for (const name of [`${'a-'.repeat(100_000)}!`, `${'a.'.repeat(100_000)}/x`, `${'a/'.repeat(100_000)}`])
      expect(() => parseRegistryName(name)).toThrow();
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

it('knows this machine', () => {
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1', '127.8.9.10:80', '[::1]:5000', '::1', 'a.localhost'])
    expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ['127.0.0.1.example', 'localhost.example', '10.0.0.1', '[::2]', '1270.0.0.1'])
    expect([host, isLoopback(host)]).toEqual([host, false]);
});
