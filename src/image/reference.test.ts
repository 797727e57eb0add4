import { describe, expect, it } from 'vitest';
import { familiarToFull, parseReference } from './reference.ts';

describe('parseReference', () => {
  it.each([
    ['docker://nginx:1', { transport: 'docker', name: 'nginx:1' }],
    ['containers-storage:localhost/a:b', { transport: 'containers-storage', name: 'localhost/a:b' }],
    ['docker-daemon:app:1', { transport: 'docker-daemon', name: 'app:1' }],
    ['oci:dir', { transport: 'oci', path: 'dir' }],
    ['oci:/a/dir:v1', { transport: 'oci', path: '/a/dir', tag: 'v1' }],
    ['oci-archive:f.tar:v1', { transport: 'oci-archive', path: 'f.tar', tag: 'v1' }],
    ['docker-archive:f.tar', { transport: 'docker-archive', path: 'f.tar' }],
    ['docker-archive:f.tar:host:5000/a:b', { transport: 'docker-archive', path: 'f.tar', reference: 'host:5000/a:b' }],
    ['docker-archive:f.tar:@1', { transport: 'docker-archive', path: 'f.tar', reference: '@1' }],
    ['./image.tar', { transport: 'bare', text: './image.tar', onlyPath: true }],
    ['/image', { transport: 'bare', text: '/image', onlyPath: true }],
    ['nginx:1.25', { transport: 'bare', text: 'nginx:1.25', onlyPath: false }],
    ['docker:24', { transport: 'bare', text: 'docker:24', onlyPath: false }],
    ['localhost:5000/a', { transport: 'bare', text: 'localhost:5000/a', onlyPath: false }],
  ])('%s', (text, expected) => expect(parseReference(text)).toEqual(expected));

  it.each(['', 'oci:', 'docker://', 'dir:/x', 'http://x/y', 'docker-daemon:'])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'image.bad-reference', exitCode: 2 }));
  });

  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['a/b:1', 'docker.io/a/b:1'],
    ['localhost/a', 'localhost/a:latest'],
    ['host:5000/a', 'host:5000/a:latest'],
    ['a@sha256:00', 'docker.io/library/a@sha256:00'],
  ])('completes %s', (name, full) => expect(familiarToFull(name)).toBe(full));
});
