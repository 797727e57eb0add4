import { describe, expect, it } from 'vitest';
import { buildLayer, type LayerItem } from '../../test/support/image-builder.ts';
import { UnrootError } from '../error.ts';
import type { RootFs } from './image.ts';
import { createLayerIndex, type LayerIndex, normalise } from './layer-index.ts';
import { createLocator } from './locate.ts';
import { createRootFs } from './root-fs.ts';
import { createTarStream, scanTar } from './tar.ts';

function merge(...layers: readonly (readonly LayerItem[])[]): RootFs {
  const tars = layers.map((items) => buildLayer(items));
  return createRootFs(tars.map(indexOf), async (layer, ranges) =>
    ranges.map(({ offset, size }) => tars[layer]!.slice(offset, offset + size)),
  );
}
function indexOf(tar: Uint8Array): LayerIndex {
  const builder = createLayerIndex({});
  const stream = createTarStream((entry) => {
    builder.add(entry);
    return undefined;
  });
  stream.push(tar);
  stream.end();
  return builder.finish();
}
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof UnrootError) return error.code;
    throw error;
  }
  return 'no error';
};
const paths = (fs: RootFs): string[] => [...fs.entries()].map((entry) => entry.path);
const content = async (fs: RootFs, path: string): Promise<string | undefined> => {
  const bytes = await fs.readFile(path);
  return bytes && new TextDecoder().decode(bytes);
};

describe('merged root file system', () => {
  it('knows owner, mode and the layer that set them', () => {
    const fs = merge(
      [{ path: '/' }, { path: '/a', uid: 1 }, { path: '/a/f', content: 'x', uid: 2, gid: 3, mode: 0o640 }],
      [{ path: '/a', uid: 9, mode: 0o700 }],
    );
    expect(fs.get('/')).toMatchObject({ path: '/', type: 'directory', layer: 0 });
    expect(fs.get('/a')).toMatchObject({ uid: 9, mode: 0o700, layer: 1 });
    expect(fs.get('/a/f')).toMatchObject({ uid: 2, gid: 3, mode: 0o640, layer: 0, size: 1 });
    expect(fs.get('/a/f/')).toMatchObject({ path: '/a/f' });
    expect(fs.get('/none')).toBeUndefined();
    expect(paths(fs)).toEqual(['/', '/a', '/a/f']);
    expect(fs.list('/')).toEqual(['a']);
  });

  it('marks directories that no layer mentions', () => {
    const fs = merge([{ path: '/x/y/f', content: '' }]);
    expect(fs.get('/x/y')).toMatchObject({ type: 'directory', mode: 0o755, uid: 0, layer: -1 });
    expect(fs.get('/')).toMatchObject({ layer: -1 });
  });

  it('applies whiteouts and opaque directories to lower layers only', async () => {
    const fs = merge(
      [
        { path: '/d/one', content: '1' },
        { path: '/d/two', content: '2' },
        { path: '/e/f', content: '' },
        { path: '/gone/deep/x', content: '' },
      ],
      [
        { path: '/d/new', content: 'n' },
        { path: '/d/.wh..wh..opq', content: '' },
        { path: '/e/f', content: 'again' },
        { path: '/e/.wh.f', content: '' },
        { path: '/.wh.gone', content: '' },
        { path: '/e/.wh..wh.plnk', content: '' },
      ],
    );
    expect(fs.list('/d')).toEqual(['new']);
    expect(await content(fs, '/e/f')).toBe('again');
    expect(fs.get('/gone')).toBeUndefined();
    expect(fs.list('/e')).toEqual(['f']);
  });

  it('lets files replace directories and the other way round', async () => {
    const fs = merge(
      [
        { path: '/a/b', content: '' },
        { path: '/f', content: 'f' },
      ],
      [{ path: '/a', content: 'now a file' }, { path: '/f' }, { path: '/f/in', content: 'in' }],
    );
    expect(await content(fs, '/a')).toBe('now a file');
    expect(fs.get('/a/b')).toBeUndefined();
    expect(await content(fs, '/f/in')).toBe('in');
  });

  it('shares inodes between hard links, but not across layers', async () => {
    const fs = merge(
      [
        { path: '/bin/a', content: 'body', mode: 0o755 },
        { path: '/bin/b', hardlink: '/bin/a', mode: 0o4755, uid: 5 },
        { path: '/bin/c', hardlink: '/bin/b', mode: 0o4755, uid: 5 },
      ],
      [{ path: '/bin/a', content: 'new', mode: 0o600 }],
    );
    expect(fs.get('/bin/b')).toMatchObject({ hardlinkTo: '/bin/a', mode: 0o4755, uid: 5, size: 4, layer: 0 });
    expect(fs.get('/bin/c')).toMatchObject({ hardlinkTo: '/bin/a' });
    expect(await content(fs, '/bin/c')).toBe('body');
    expect(fs.get('/bin/a')).toMatchObject({ mode: 0o600, layer: 1 });
    expect(
      merge([
        { path: '/a', content: 'x', mode: 0o644 },
        { path: '/b', hardlink: '/a', mode: 0o600 },
      ]).get('/a')?.mode,
    ).toBe(0o600);
  });

  it('refuses hard links to nothing, to directories and out of the root', () => {
    expect(codeOf(() => merge([{ path: '/b', hardlink: '/a' }]))).toBe('image.bad-hardlink');
    expect(codeOf(() => merge([{ path: '/a' }, { path: '/b', hardlink: '/a' }]))).toBe('image.bad-hardlink');
    expect(codeOf(() => merge([{ path: '/b', hardlink: '../../etc/passwd' }]))).toBe('image.entry-escapes');
  });

  it('refuses names that leave the root and contains absolute ones', () => {
    for (const path of ['../evil', 'a/../../evil', '/../evil', 'a/.wh...', '.wh..', '.wh.']) {
      expect(
        codeOf(() => merge([{ path, content: '', raw: true }])),
        path,
      ).toBe('image.entry-escapes');
    }
    expect(merge([{ path: '/etc/x', content: '', raw: true }]).get('/etc/x')).toMatchObject({ type: 'file' });
    expect(normalise('./a//b/../c/')).toBe('a/c');
    expect(normalise('./')).toBe('');
    expect(normalise('a/..b/...')).toBe('a/..b/...');
  });

  it('resolves symlinks inside the root, and says what is wrong', async () => {
    const fs = merge([
      { path: '/etc/passwd', content: 'p' },
      { path: '/abs', target: '/etc' },
      { path: '/up', target: '../../../../etc/passwd' },
      { path: '/srv/rel', target: '../etc/passwd' },
      { path: '/dangling', target: '/etc/none' },
      { path: '/loop1', target: 'loop2' },
      { path: '/loop2', target: '/loop1' },
      { path: '/empty', target: '' },
    ]);
    expect(fs.resolve('/abs/passwd')).toMatchObject({ path: '/etc/passwd', entry: { type: 'file' } });
    expect(fs.resolve('/up').path).toBe('/etc/passwd');
    expect(await content(fs, '/srv/rel')).toBe('p');
    expect(fs.resolve('/up', { follow: false })).toMatchObject({
      path: '/up',
      entry: { type: 'symlink', target: '../../../../etc/passwd' },
    });
    expect(fs.resolve('/dangling')).toEqual({ path: '/etc/none', entry: undefined, error: 'ENOENT' });
    expect(fs.resolve('/no/such')).toMatchObject({ entry: undefined, error: 'ENOENT' });
    expect(fs.resolve('/loop1').error).toBe('ELOOP');
    expect(fs.resolve('/etc/passwd/x').error).toBe('ENOTDIR');
    expect(fs.resolve('/etc/passwd/').error).toBe('ENOTDIR');
    expect(fs.resolve('/etc/../../..').path).toBe('/');
    expect(await fs.readFile('/loop1')).toBeUndefined();
    expect(await fs.readFile('/etc')).toBeUndefined();
  });

  it('gives up after 40 links, not before', () => {
    const chain = (length: number): RootFs =>
      merge([
        { path: '/end', content: '' },
        ...Array.from({ length }, (_, i) => ({ path: `/l${i}`, target: i === 0 ? 'end' : `l${i - 1}` })),
      ]);
    expect(chain(40).resolve('/l39').path).toBe('/end');
    expect(chain(41).resolve('/l40').error).toBe('ELOOP');
  });

  it('follows symlinks of the same layer when placing entries, and hides those of lower layers', async () => {
    const same = merge([{ path: '/real' }, { path: '/link', target: 'real' }, { path: '/link/f', content: 'x' }]);
    expect(await content(same, '/real/f')).toBe('x');
    const lower = merge(
      [
        { path: '/usr/lib/a', content: '' },
        { path: '/lib', target: 'usr/lib' },
      ],
      [{ path: '/lib/f', content: '' }],
    );
    expect(lower.get('/lib')).toMatchObject({ type: 'directory', layer: -1 });
    expect(lower.list('/usr/lib')).toEqual(['a']);
    expect(
      codeOf(() =>
        merge([
          { path: '/l', target: 'l' },
          { path: '/l/f', content: '' },
        ]),
      ),
    ).toBe('image.bad-entry');
    expect(
      codeOf(() =>
        merge([
          { path: '/f', content: '' },
          { path: '/f/x', content: '' },
        ]),
      ),
    ).toBe('image.bad-entry');
  });

  it('lists devices and decodes capabilities and ACLs, keeping what does not decode', () => {
    const capability = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const acl = Uint8Array.of(
      2,
      0,
      0,
      0,
      ...[1, 0, 6, 0, 255, 255, 255, 255],
      ...[2, 0, 4, 0, 232, 3, 0, 0],
      ...[4, 0, 4, 0, 255, 255, 255, 255],
      ...[16, 0, 4, 0, 255, 255, 255, 255],
      ...[32, 0, 0, 0, 255, 255, 255, 255],
    );
    const fs = merge([
      { path: '/dev/null', type: 'character-device', device: { major: 1, minor: 3 }, mode: 0o666 },
      { path: '/ping', content: '', xattrs: { 'security.capability': capability, 'user.note': Uint8Array.of(1) } },
      { path: '/acl', content: '', xattrs: { 'system.posix_acl_access': acl } },
      { path: '/odd', content: '', xattrs: { 'system.posix_acl_access': Uint8Array.of(3, 0, 0, 0) } },
      { path: '/none', content: '', xattrs: { 'system.posix_acl_access': Uint8Array.of(2, 0, 0, 0) } },
    ]);
    expect(fs.get('/dev/null')).toMatchObject({ type: 'character-device', device: { major: 1, minor: 3 } });
    expect(fs.get('/ping')?.fileCapabilities).toMatchObject({ permitted: ['CAP_NET_BIND_SERVICE'], effective: true });
    expect(Object.keys(fs.get('/ping')?.xattrs ?? {})).toEqual(['user.note']);
    expect(fs.get('/acl')?.acl).toContainEqual({ tag: 'user', id: 1000, perm: 4 });
    expect(fs.get('/odd')?.acl).toBeUndefined();
    expect(fs.get('/odd')?.xattrs?.['system.posix_acl_access']).toEqual(Uint8Array.of(3, 0, 0, 0));
    expect(fs.get('/none')?.acl).toBeUndefined();
  });

  it.each([
    ['a capability attribute of an unknown revision', 'security.capability', [1, 0, 0, 4], 'unknown revision 4'],
    [
      'one with flags that nobody knows',
      'security.capability',
      [0xf1, 0, 0, 2, 0, 4, ...Array<number>(14).fill(0)],
      'unknown flags 0xf0',
    ],
    ['one of another size', 'security.capability', [1, 0, 0, 2], '4 bytes, revision 2 has 20'],
    ['one that nobody can set any more', 'security.capability', [1, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0], 'revision 1, which'],
    ['a truncated access control list', 'system.posix_acl_access', [2, 0, 0, 0, 1, 0], '6 bytes, expected 4 + 8 per entry'],
    ['a default one that is unsorted', 'system.posix_acl_default', [2, 0, 0, 0, 32, 0, 4, 0, 0, 0, 0, 0], 'entry 0 is other'],
  ])('refuses %s, as engines do when they unpack it', (_, name, bytes, why) => {
    const read = () => merge([{ path: '/f', content: '', xattrs: { [name]: Uint8Array.from(bytes) } }]);
    expect(codeOf(read)).toBe('image.bad-attribute');
    expect(read).toThrow(`"f" has a damaged ${name}: ${why}`);
  });

  it('refuses files above the limit', async () => {
    const fs = merge([{ path: '/big', content: 'x'.repeat(100) }]);
    await expect(fs.readFile('/big', { limit: 99 })).rejects.toMatchObject({ code: 'image.too-large' });
    expect((await fs.readFiles(['/big', '/none'], { limit: 100 })).size).toBe(1);
  });

  it('does not choke on very deep trees', () => {
    const deep = `/${'d/'.repeat(2000)}f`;
    const fs = merge([{ path: deep, content: '' }]);
    expect(fs.get(deep)?.type).toBe('file');
    expect(paths(fs)).toHaveLength(2002);
  });
});

describe('looking for a few paths only', () => {
  const locate = (items: readonly LayerItem[], wanted: readonly string[]): LayerIndex | undefined => {
    const tar = buildLayer(items);
    const locator = createLocator(wanted, {});
    const add = (entry: Parameters<typeof locator.add>[0]): undefined => {
      locator.add(entry);
    };
    scanTar((position, length) => tar.subarray(position, position + length), tar.length, add, { skip: locator.skip });
    return locator.finish();
  };
  const wanted = ['/etc/passwd', '/etc/group'];

  it('keeps exactly what decides', () => {
    const index = locate(
      [
        { path: './' },
        { path: 'usr/bin/x', content: '' },
        { path: './etc/', raw: true },
        { path: 'etc/passwd', content: '1' },
        { path: 'etc/passwd-', content: '' },
        { path: 'etc/passwd', content: '22' },
        { path: '/etc/.wh.group', content: '', raw: true },
        { path: `${'long/'.repeat(40)}etc/passwd`, content: '' },
        { path: 'usr/link', target: '/etc' },
      ],
      wanted,
    )!;
    expect(index.entries.map((entry, i) => [index.paths[i], entry.size])).toEqual([
      ['', 0],
      ['etc', 0],
      ['etc/passwd', 1],
      ['etc/passwd', 2],
    ]);
    expect(index.removed).toEqual(['etc/group']);
  });

  it('gives up where links could lead here', () => {
    expect(locate([{ path: '/etc', target: 'conf' }], wanted)).toBeUndefined();
    expect(
      locate(
        [
          { path: '/x', target: 'etc' },
          { path: '/x/passwd', content: '' },
        ],
        wanted,
      ),
    ).toBeUndefined();
    expect(
      locate(
        [
          { path: '/x', target: '/' },
          { path: '/x/etc/passwd', content: '' },
        ],
        wanted,
      ),
    ).toBeUndefined();
    expect(
      locate(
        [
          { path: '/a', content: '' },
          { path: '/etc/passwd', hardlink: '/a' },
        ],
        wanted,
      ),
    ).toBeUndefined();
    expect(locate([{ path: 'usr/../etc/passwd', content: 'x', raw: true }], wanted)?.paths).toEqual(['etc/passwd']);
  });
});
