import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLayer, digestOf, type LayerItem, temporaryFolder, writeLayout } from '../../../test/support/image-builder.ts';
import { encodeAcl } from '../../image/acl-xattr.ts';
import type { Image } from '../../image/image.ts';
import { openImage } from '../../image/sources/index.ts';
import { registered } from '../reaper.ts';
import { insidePath } from './inside.ts';
import { cacheLimit } from './locate.ts';
import { isWhiteout } from './merged.ts';
import { type ContainerRoot, containerRoot, whyNoOverlay } from './root.ts';
import { newId, runFolder } from './run-folder.ts';
import { type LayerSource, prune, storeLayers } from './store.ts';

const root = process.getuid?.() === 0;
if (!root) console.warn('SKIPPED: unpacking needs root');
const hasSetfattr = spawnSync('setfattr', ['--version']).status === 0;
if (!hasSetfattr) console.warn('SKIPPED: extended attributes: apt-get install -y attr');

let folder: string;
let serial = 0;
const kept = { ...process.env };
beforeAll(() => {
  folder = temporaryFolder();
  process.env.UNROOT_CACHE = join(folder, 'cache');
});
afterAll(() => {
  process.env = kept;
  rmSync(folder, { recursive: true, force: true });
  expect(registered()).toBe(0);
});

async function imageOf(...layers: readonly (readonly LayerItem[])[]): Promise<Image> {
  serial += 1;
  return openImage(`oci:${writeLayout(join(folder, `image-${serial}`), { layers })}:latest`);
}

/** Layers whose tar no reader of images would let through. */
function raw(...layers: readonly Uint8Array[]): LayerSource {
  return {
    reference: 'hostile',
    layers: layers.map((tar) => ({
      digest: digestOf(tar),
      diffId: digestOf(tar),
      mediaType: '',
      compression: 'none',
      size: tar.length,
    })),
    async *openLayer(index) {
      yield layers[index]!;
    },
  };
}

async function withRoot(image: Image, work: (mounted: ContainerRoot) => void | Promise<void>): Promise<void> {
  const stored = await storeLayers(image);
  const { path, registration } = runFolder(newId());
  const mounted = await containerRoot(image, stored.folders, path);
  try {
    await work(mounted);
  } finally {
    await mounted.unmount();
    rmSync(path, { recursive: true, force: true });
    registration.release();
    stored.release();
  }
}

/** Every path of a folder, with what lstat says, as one line each. */
function listing(at: string): string[] {
  const found: string[] = [];
  const enter = (path: string): void => {
    for (const name of readdirSync(join(at, path))) {
      const child = `${path}/${name}`;
      const stat = lstatSync(at + child);
      const type = stat.isDirectory()
        ? 'directory'
        : stat.isSymbolicLink()
          ? `symlink ${readlinkSync(at + child)}`
          : stat.isFile()
            ? 'file'
            : 'other';
      const mode = stat.isSymbolicLink() ? '' : ` ${(stat.mode & 0o7777).toString(8)}`;
      found.push(`${child} ${type} ${stat.uid}:${stat.gid}${mode}`);
      if (stat.isDirectory()) enter(child);
    }
  };
  enter('');
  return found.sort();
}

const LAYERS: readonly (readonly LayerItem[])[] = [
  [
    { path: '/', mode: 0o751 },
    { path: '/etc', uid: 3, gid: 4, mode: 0o705 },
    { path: '/etc/passwd', content: 'root' },
    { path: '/etc/gone', content: 'x' },
    { path: '/lib', target: 'usr/lib' },
    { path: '/usr' },
    { path: '/usr/lib' },
    { path: '/usr/lib/a.so', content: 'a' },
    { path: '/usr/lib/b.so', hardlink: '/usr/lib/a.so' },
    { path: '/opaque', mode: 0o700 },
    { path: '/opaque/old', content: 'x' },
    { path: '/opaque/sub' },
    { path: '/opaque/sub/deep', content: 'x' },
    { path: '/remade' },
    { path: '/remade/old', content: 'x' },
    { path: '/file-to-folder', content: 'x' },
    { path: '/folder-to-link' },
    { path: '/folder-to-link/inner', content: 'x' },
    { path: '/gone' },
    { path: '/gone/below', content: 'x' },
    { path: '/suid', content: 'x', mode: 0o6755, uid: 7, gid: 8 },
    { path: '/pipe', type: 'fifo', mode: 0o622 },
    { path: '/a b\nc', content: 'odd' },
  ],
  [
    // /etc is not listed: it has to keep the owner and mode of the layer below.
    { path: '/etc/new', content: 'n' },
    { path: '/etc/.wh.gone', content: '' },
    { path: '/opaque/.wh..wh..opq', content: '' },
    { path: '/opaque/new', content: 'n' },
    { path: '/opaque/sub' },
    { path: '/.wh.remade', content: '' },
    { path: '/remade', mode: 0o711 },
    { path: '/remade/new', content: 'n' },
    { path: '/file-to-folder' },
    { path: '/file-to-folder/inner', content: 'i' },
    { path: '/folder-to-link', target: 'etc' },
    { path: '/.wh.gone', content: '' },
    { path: '/usr/.wh..wh.plnk', content: '' },
  ],
  [
    { path: '/gone', mode: 0o700 },
    { path: '/gone/again', content: 'g' },
  ],
];

describe.skipIf(!root)('root file system', () => {
  const expected = async (image: Image): Promise<string[]> =>
    [...(await image.rootFs()).entries()]
      .filter(({ path }) => path !== '/')
      .map(({ path, type, uid, gid, mode, target }) => {
        const kind = type === 'symlink' ? `symlink ${target}` : type === 'file' || type === 'directory' ? type : 'other';
        return `${path} ${kind} ${uid}:${gid}${type === 'symlink' ? '' : ` ${mode.toString(8)}`}`;
      })
      .sort();

  it('mounts what the model of the image says, entry by entry', async () => {
    const image = await imageOf(...LAYERS);
    await withRoot(image, async ({ path, kind }) => {
      if (whyNoOverlay() === undefined) expect(kind).toBe('overlay');
      const found = listing(path);
      expect(found).toEqual(await expected(image));
      expect(found).toContain('/etc directory 3:4 705');
      expect(found.filter((line) => /\/(old|deep|below|gone) /.test(line)).map((line) => line.split(' ')[0])).toEqual(['/gone']);
      expect(lstatSync(path).mode & 0o7777).toBe(0o751);
      expect(statSync(join(path, 'usr/lib/a.so')).ino).toBe(statSync(join(path, 'usr/lib/b.so')).ino);
      expect(lstatSync(join(path, 'etc/new')).mtimeMs).toBe(1_700_000_000_000);
    });
  });

  it('copies the same where overlayfs cannot be used, and tells changes there too', async () => {
    const image = await imageOf(...LAYERS);
    process.env.UNROOT_NO_OVERLAY = '1';
    try {
      await withRoot(image, async (mounted) => {
        expect(mounted.kind).toBe('copy');
        expect(listing(mounted.path)).toEqual(await expected(image));
        mounted.baseline();
        rmSync(join(mounted.path, 'etc/new'));
        writeFileSync(join(mounted.path, 'opaque/new'), 'longer');
        const told = (await mounted.changes()).map(({ change, path }) => `${change} ${path}`);
        expect(told).toEqual(['deleted /etc/new', 'modified /opaque/new']);
      });
    } finally {
      delete process.env.UNROOT_NO_OVERLAY;
    }
  });

  it('finds paths inside a root without leaving it', async () => {
    const at = join(folder, 'inside');
    mkdirSync(join(at, 'a/b'), { recursive: true });
    execFileSync('ln', ['-s', '/../../etc', join(at, 'out')]);
    execFileSync('ln', ['-s', 'loop', join(at, 'loop')]);
    execFileSync('ln', ['-s', '../../../a', join(at, 'a/b/up')]);
    expect(insidePath(at, '/out/passwd')).toBe('etc/passwd');
    expect(insidePath(at, '/a/b/up/b')).toBe('a/b');
    expect(insidePath(at, '/../..')).toBe('');
    expect(insidePath(at, '/loop')).toBeUndefined();
  });

  it.skipIf(!hasSetfattr)('sets file capabilities and ACLs, and no attribute of overlayfs', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const image = await imageOf([
      {
        path: '/server',
        content: 'x',
        mode: 0o755,
        xattrs: { 'security.capability': capability, 'trusted.overlay.opaque': Buffer.from('y') },
      },
      { path: '/odd\nname=é', content: 'x', xattrs: { 'user.note': Buffer.from('a\0b') } },
    ]);
    await withRoot(image, ({ path }) => {
      const dump = (file: string): string =>
        execFileSync('getfattr', ['-d', '-m', '-', '-e', 'hex', '--absolute-names', join(path, file)], { encoding: 'utf8' });
      expect(dump('server')).toContain(`security.capability=0x${capability.toString('hex')}`);
      expect(dump('server')).not.toContain('overlay');
      expect(dump('odd\nname=é')).toContain('user.note=0x610062');
    });
  });

  it.skipIf(!hasSetfattr)('sets a mode after a list that says otherwise, or before it', async () => {
    const list = encodeAcl([
      { tag: 'user-obj', perm: 6 },
      { tag: 'group-obj', perm: 4 },
      { tag: 'group', id: 77, perm: 6 },
      { tag: 'mask', perm: 6 },
      { tag: 'other', perm: 4 },
    ]);
    const image = await imageOf([{ path: '/f', content: 'x', mode: 0o600, xattrs: { 'system.posix_acl_access': list } }]);
    const modes: string[] = [];
    for (const listsSetLast of [false, true]) {
      const stored = await storeLayers(image, { listsSetLast });
      modes.push((statSync(join(stored.folders[0]!, 'f')).mode & 0o7777).toString(8));
      stored.release();
    }
    expect(modes).toEqual(['600', '664']);
  });
});

describe.skipIf(!root)('hostile layers', () => {
  const outside = (): string => join(folder, 'outside');
  beforeAll(() => {
    mkdirSync(outside());
    writeFileSync(join(outside(), 'secret'), 'secret');
  });
  const cases: readonly (readonly [string, readonly LayerItem[], string | undefined])[] = [
    ['a name that climbs', [{ path: '../../outside/new', content: 'x', raw: true }], 'image.entry-escapes'],
    ['a hard link that climbs', [{ path: 'h', hardlink: '../../outside/secret', raw: true }], 'image.entry-escapes'],
    ['a hard link to a file of the host', [{ path: 'h', hardlink: '/etc/passwd' }], 'engine.unsafe-layer'],
    [
      'a loop of links as a folder',
      [
        { path: 'l', target: 'l' },
        { path: 'l/x', content: 'x' },
      ],
      'engine.unsafe-layer',
    ],
    [
      'a file as a folder',
      [
        { path: 'f', content: 'x' },
        { path: 'f/x', content: 'x' },
      ],
      'engine.unsafe-layer',
    ],
    ['the root as a file', [{ path: './', type: 'file', content: 'x', raw: true }], 'engine.unsafe-layer'],
    ['a whiteout of the parent', [{ path: 'a/.wh...', content: '' }], 'engine.unsafe-layer'],
  ];
  it.each(cases)('%s is refused and leaves nothing', async (_title, items, code) => {
    const store = join(process.env.UNROOT_CACHE!, 'layers-2');
    mkdirSync(store, { recursive: true });
    const before = readdirSync(store);
    await expect(storeLayers(raw(buildLayer(items)))).rejects.toMatchObject({ code });
    expect(readdirSync(store)).toEqual(before);
    expect(readdirSync(outside())).toEqual(['secret']);
    expect(readFileSync(join(outside(), 'secret'), 'utf8')).toBe('secret');
  });

  it('links out of the root are followed inside it', async () => {
    const target = outside();
    const tar = buildLayer([
      { path: 'out', target },
      { path: 'up', target: '../../../../../../..' },
      { path: 'out/new', content: 'in' },
      { path: 'up/here', content: 'in' },
      { path: '/absolute', content: 'in', raw: true },
      // Replacing a link by a file must not write through it.
      { path: 'victim', target: join(target, 'secret') },
      { path: 'victim', content: 'own' },
    ]);
    const stored = await storeLayers(raw(tar));
    const at = stored.folders[0]!;
    expect(readdirSync(outside())).toEqual(['secret']);
    expect(readFileSync(join(at, target, 'new'), 'utf8')).toBe('in');
    expect(readdirSync(at).sort()).toEqual(['absolute', 'here', 'out', 'tmp', 'up', 'victim'].sort());
    expect(readFileSync(join(at, 'victim'), 'utf8')).toBe('own');
    expect(readFileSync(join(outside(), 'secret'), 'utf8')).toBe('secret');
    stored.release();
  });

  it('a layer that ends too early leaves nothing', async () => {
    const tar = buildLayer([{ path: 'a', content: 'x' }]);
    const source = raw(tar);
    await expect(
      storeLayers({
        ...source,
        async *openLayer() {
          yield tar.subarray(0, 512);
        },
      }),
    ).rejects.toMatchObject({ code: 'image.truncated' });
    expect(registered()).toBe(0);
  });
});

describe.skipIf(!root)('layer store', () => {
  it('unpacks a chain once, and again when it stands on other layers', async () => {
    const top: LayerItem[] = [{ path: '/etc/x', content: 'x' }];
    const one = await storeLayers(await imageOf([{ path: '/etc', mode: 0o700 }], top));
    const same = await storeLayers(await imageOf([{ path: '/etc', mode: 0o700 }], top));
    const other = await storeLayers(await imageOf([{ path: '/etc', mode: 0o711 }], top));
    expect(same.folders).toEqual(one.folders);
    expect(other.folders[1]).not.toBe(one.folders[1]);
    expect([one, other].map(({ folders }) => lstatSync(join(folders[1]!, 'etc')).mode & 0o777)).toEqual([0o700, 0o711]);
    for (const stored of [one, same, other]) stored.release();
  });

  it('is used by several processes at once', async () => {
    const image = await imageOf(Array.from({ length: 300 }, (_, index) => ({ path: `/f${index}`, content: 'x'.repeat(index) })));
    const all = await Promise.all([storeLayers(image), storeLayers(image), storeLayers(image)]);
    expect(new Set(all.flatMap(({ folders }) => folders)).size).toBe(1);
    expect(readdirSync(all[0]!.folders[0]!)).toHaveLength(300);
    expect(readdirSync(join(all[0]!.folders[0]!, '../..')).filter((name) => name.startsWith('.'))).toEqual([]);
    for (const stored of all) stored.release();
  });

  it('removes the least recently used that nobody holds, and never more than it must', async () => {
    const big = (name: string): Promise<Image> => imageOf([{ path: `/${name}`, content: 'x'.repeat(2 ** 20) }]);
    const store = join(process.env.UNROOT_CACHE!, 'layers-2');
    rmSync(store, { recursive: true, force: true });
    const oldest = await storeLayers(await big('one'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const middle = await storeLayers(await big('two'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const newest = await storeLayers(await big('three'));
    middle.release();
    newest.release();
    expect(prune(store, 10 * 2 ** 20)).toBe(0);
    // The oldest is held, so the second oldest has to go, and that is enough.
    expect(prune(store, 2.5 * 2 ** 20)).toBeGreaterThan(2 ** 20);
    expect([oldest, middle, newest].map(({ folders }) => existsSync(folders[0]!))).toEqual([true, false, true]);
    oldest.release();
    prune(store, 0);
    expect(readdirSync(store)).toEqual([]);
  });

  it('counts the mark of a dead process as none', async () => {
    const stored = await storeLayers(await imageOf([{ path: '/dead', content: 'x' }]));
    const home = join(stored.folders[0]!, '..');
    stored.release();
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    writeFileSync(join(home, 'used', `${child.pid}-1`), '');
    prune(join(home, '..'), 0);
    expect(existsSync(home)).toBe(false);
  });

  it('reads the limit as people write it', () => {
    const limit = (text: string): number => {
      process.env.UNROOT_CACHE_LIMIT = text;
      try {
        return cacheLimit();
      } finally {
        delete process.env.UNROOT_CACHE_LIMIT;
      }
    };
    expect(limit('5G')).toBe(5 * 2 ** 30);
    expect(limit('1000')).toBe(1000);
    expect(limit('20 MiB')).toBe(20 * 2 ** 20);
    expect(() => limit('much')).toThrow(/UNROOT_CACHE_LIMIT/);
  });

  it('hides with whiteouts, which are character devices 0:0', async () => {
    const stored = await storeLayers(
      await imageOf(
        [
          { path: '/a', content: 'x' },
          { path: '/b', content: 'x' },
        ],
        [
          { path: '/.wh.a', content: '' },
          { path: '/.wh.b', content: '' },
          { path: '/.wh.never', content: '' },
        ],
      ),
    );
    const top = stored.folders[1]!;
    expect(readdirSync(top)).toEqual(['a', 'b']);
    expect(readdirSync(top).map((name) => isWhiteout(lstatSync(join(top, name))))).toEqual([true, true]);
    stored.release();
  });
});
