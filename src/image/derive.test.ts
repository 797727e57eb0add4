import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CREATED, temporaryFolder, writeLayout } from '../../test/support/image-builder.ts';
import type { LayerChange } from '../finding/fix.ts';
import { encodeAcl } from './acl-xattr.ts';
import { type DerivedImage, deriveImage } from './derive.ts';
import type { Image } from './image.ts';
import type { ConfigChange, LayerEntry } from './layer-entry.ts';
import { openImage } from './sources/index.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

const CAPABILITY = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const ACL = encodeAcl([
  { tag: 'user-obj', perm: 7 },
  { tag: 'user', id: 33, perm: 5 },
  { tag: 'group-obj', perm: 5 },
  { tag: 'mask', perm: 5 },
  { tag: 'other', perm: 0 },
]);

async function derive(
  entries: readonly LayerEntry[],
  config: ConfigChange = {},
  more = {},
): Promise<{ base: Image; image: DerivedImage }> {
  const dir = writeLayout(join(folder, String(++count)), {
    layers: [
      [
        { path: '/var', mode: 0o755 },
        { path: '/var/cache', mode: 0o2775, uid: 0, gid: 8, xattrs: { 'user.note': Uint8Array.of(1) } },
        { path: '/var/cache/app', mode: 0o700, uid: 1, gid: 1 },
        { path: '/usr/bin/app', content: 'binary'.repeat(1000), mode: 0o755, xattrs: { 'security.capability': CAPABILITY } },
        { path: '/srv/acl', content: 'x', mode: 0o750, xattrs: { 'system.posix_acl_access': ACL } },
        { path: '/run', mode: 0o755 },
        { path: '/var/run', target: '/run' },
        { path: '/etc/conf', content: 'old' },
      ],
    ],
    config: { User: 'root', Env: ['PATH=/bin', 'A=1', 'B=2'], Cmd: ['x'], ExposedPorts: { '80/tcp': {} }, OnBuild: ['kept'] },
    document: { 'vendor.field': { kept: true } },
  });
  const base = await openImage(dir);
  return { base, image: await deriveImage(base, { entries, config, ...more }) };
}
const names = (image: DerivedImage): string[] => image.addedEntries.map((entry) => entry.name);

describe('deriveImage', () => {
  it('adds one layer with the changed entries and the directories above them as they are', async () => {
    const { base, image } = await derive([{ kind: 'own', path: '/var/cache/app', uid: 10001, gid: 10001, mode: 0o700 }]);
    expect(image.layers).toHaveLength(2);
    expect(image.layers[0]).toEqual(base.layers[0]);
    expect(names(image)).toEqual(['var', 'var/cache', 'var/cache/app']);
    const fs = await image.rootFs();
    expect(fs.get('/var/cache')).toMatchObject({
      uid: 0,
      gid: 8,
      mode: 0o2775,
      layer: 1,
      xattrs: { 'user.note': Uint8Array.of(1) },
    });
    expect(fs.get('/var/cache/app')).toMatchObject({ uid: 10001, gid: 10001, mode: 0o700, layer: 1 });
    expect((await base.rootFs()).get('/var/cache/app')).toMatchObject({ uid: 1, layer: 0 });
    expect(image.added).toMatchObject({ entries: 3, copied: 0 });
    expect(image.added.uncompressed).toBe(1024 + 3 * 512 + 2 * 512);
    expect(image.added.compressed).toBeLessThan(600);
    await image.close();
  });

  it('repeats the root only when it is special', async () => {
    const make = async (mode: number): Promise<string[]> => {
      const base = await openImage(
        writeLayout(join(folder, String(++count)), { layers: [[{ path: '/', mode }, { path: '/a' }]] }),
      );
      const image = await deriveImage(base, { entries: [{ kind: 'own', path: '/a', uid: 1, gid: 1, mode: 0o700 }], config: {} });
      await image.close();
      return names(image);
    };
    expect(await make(0o755)).toEqual(['a']);
    expect(await make(0o711)).toEqual(['./', 'a']);
  });

  it('copies content only when a file changes hands, and keeps capabilities unless told otherwise', async () => {
    const own = { kind: 'own', path: '/usr/bin/app', uid: 5, gid: 6, mode: 0o755 } as const;
    const { image } = await derive([own]);
    expect(image.added.copied).toBe(6000);
    const fs = await image.rootFs();
    expect(fs.get('/usr/bin/app')).toMatchObject({
      uid: 5,
      gid: 6,
      size: 6000,
      layer: 1,
      fileCapabilities: { permitted: ['CAP_NET_BIND_SERVICE'] },
    });
    expect(new TextDecoder().decode(await fs.readFile('/usr/bin/app'))).toBe('binary'.repeat(1000));
    await image.close();
    const dropped = await derive([{ ...own, dropCapabilities: true }]);
    expect((await dropped.image.rootFs()).get('/usr/bin/app')?.fileCapabilities).toBeUndefined();
    await dropped.image.close();
    await expect(derive([own], {}, { copyLimit: 5999 })).rejects.toMatchObject({ code: 'image.too-large' });
  });

  it('makes the access control list say the same as the new mode', async () => {
    const { image } = await derive([{ kind: 'own', path: '/srv/acl', uid: 5, gid: 5, mode: 0o640 }]);
    expect((await image.rootFs()).get('/srv/acl')?.acl).toEqual([
      { tag: 'user-obj', perm: 6 },
      { tag: 'user', id: 33, perm: 5 },
      { tag: 'group-obj', perm: 5 },
      { tag: 'mask', perm: 4 },
      { tag: 'other', perm: 0 },
    ]);
    await image.close();
  });

  it('makes, replaces and removes, through symlinked parents', async () => {
    const { image } = await derive([
      { kind: 'directory', path: '/var/run/app/sub', uid: 7, gid: 7, mode: 0o750 },
      { kind: 'file', path: '/etc/conf', content: 'new', uid: 0, gid: 0, mode: 0o644 },
      { kind: 'own', path: '/etc/conf', uid: 9, gid: 9, mode: 0o600 },
      { kind: 'symlink', path: '/var/log', target: '/run/log', uid: 0, gid: 0 },
      { kind: 'remove', path: '/srv/acl' },
    ]);
    const fs = await image.rootFs();
    expect(fs.get('/run/app/sub')).toMatchObject({ type: 'directory', uid: 7, mode: 0o750 });
    expect(fs.get('/run/app')).toMatchObject({ type: 'directory', uid: 0, mode: 0o755 });
    expect(fs.get('/var/run')).toMatchObject({ type: 'symlink', layer: 0 });
    expect(new TextDecoder().decode(await fs.readFile('/etc/conf'))).toBe('new');
    expect(fs.get('/etc/conf')).toMatchObject({ uid: 9, mode: 0o600 });
    expect(fs.get('/var/log')).toMatchObject({ type: 'symlink', target: '/run/log' });
    expect(fs.get('/srv/acl')).toBeUndefined();
    expect(fs.get('/srv')).toMatchObject({ type: 'directory' });
    await image.close();
  });

  it('changes the config and keeps what it does not know', async () => {
    const { image } = await derive([], {
      user: '10001:10001',
      env: { A: 'new', C: '3' },
      removeEnv: ['B'],
      entrypoint: ['/e'],
      cmd: [],
      workingDir: '/srv',
      exposedPorts: ['8080/tcp'],
      volumes: ['/data'],
      labels: { l: 'v' },
    });
    expect(image.config).toMatchObject({
      user: '10001:10001',
      env: ['PATH=/bin', 'A=new', 'C=3'],
      entrypoint: ['/e'],
      cmd: [],
      workingDir: '/srv',
      exposedPorts: ['8080/tcp'],
      volumes: ['/data'],
      labels: { l: 'v' },
    });
    const raw = JSON.parse(new TextDecoder().decode(image.rawConfig));
    expect(raw['vendor.field']).toEqual({ kept: true });
    expect(raw.config.OnBuild).toEqual(['kept']);
    expect(raw.history.at(-1)).toEqual({ created: CREATED, created_by: 'unroot fix', empty_layer: true });
    expect(image.layers).toHaveLength(1);
    expect(image.added).toEqual({ entries: 0, uncompressed: 0, compressed: 0, copied: 0 });
    await image.close();
  });

  it('records the layer in config and history, the same way every time', async () => {
    const change: LayerChange[] = [{ kind: 'directory', path: '/data', uid: 1, gid: 1, mode: 0o755 }];
    const first = await derive(change, { user: '5' });
    const second = await derive(change, { user: '5' });
    expect(first.image.configDigest).toBe(second.image.configDigest);
    const raw = JSON.parse(new TextDecoder().decode(first.image.rawConfig));
    expect(raw.rootfs.diff_ids.at(-1)).toBe(first.image.layers[1]!.diffId);
    expect(raw.history).toHaveLength(2);
    const later = await derive(change, { user: '5' }, { sourceDateEpoch: 86400 });
    expect(JSON.parse(new TextDecoder().decode(later.image.rawConfig)).created).toBe('1970-01-02T00:00:00Z');
    expect(later.image.addedEntries.map((entry) => entry.mtime)).toEqual([86400]);
    for (const { image } of [first, second, later]) await image.close();
  });

  it('refuses changes that cannot be', async () => {
    const bad = (entry: LayerEntry): Promise<unknown> => derive([entry]);
    const own = { kind: 'own', uid: 1, gid: 1, mode: 0o755 } as const;
    for (const path of ['/none', 'relative', '/etc/../x', '/etc/conf/x', '/.wh.x']) {
      await expect(bad({ ...own, path }), path).rejects.toMatchObject({ code: 'image.bad-change' });
    }
    await expect(derive([], { user: 'app' })).rejects.toMatchObject({ code: 'image.bad-change' });
  });
});
