import { expect, test } from 'vitest';
import { memoryRootFs } from './memory-rootfs.ts';

const root = memoryRootFs({
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
  '/usr/bin/tool': { content: 'ELF', mode: 0o755, layer: 2 },
  '/bin': { target: 'usr/bin' },
  '/up': { target: '../../usr/bin/tool' },
  '/loop': { target: '/loop' },
  '/data': { uid: 5, mode: 0o700 },
});

test('defaults, implied parents, layers', () => {
  expect(root.get('/etc')).toMatchObject({ type: 'directory', mode: 0o755, layer: -1 });
  expect(root.get('/etc/passwd')).toMatchObject({ type: 'file', mode: 0o644, layer: 0, size: 26 });
  expect(root.get('/data')).toMatchObject({ type: 'directory', uid: 5, mode: 0o700 });
  expect(root.list('/')).toEqual(['bin', 'data', 'etc', 'loop', 'up', 'usr']);
  expect(root.list('/usr')).toEqual(['bin']);
});

test('symlinks are followed inside the root', async () => {
  expect(root.resolve('/bin/tool')).toMatchObject({ path: '/usr/bin/tool', entry: { layer: 2 } });
  expect(root.resolve('/up').path).toBe('/usr/bin/tool');
  expect(root.resolve('/up', { follow: false }).entry?.type).toBe('symlink');
  expect(root.resolve('/loop').error).toBe('ELOOP');
  expect(root.resolve('/bin/none')).toEqual({ path: '/usr/bin/none', entry: undefined, error: 'ENOENT' });
  expect(root.resolve('/etc/passwd/x').error).toBe('ENOTDIR');
  expect(new TextDecoder().decode(await root.readFile('/bin/tool'))).toBe('ELF');
  expect(await root.readFile('/bin')).toBeUndefined();
});
