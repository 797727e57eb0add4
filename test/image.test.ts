/** The image layer against the tools other people use: what we read is what they unpack, what we write is what they load. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { deriveImage } from '../src/image/derive.ts';
import { writeDockerArchive as sinkDockerArchive, writeOciLayout } from '../src/image/sinks/index.ts';
import { openImage } from '../src/image/sources/index.ts';
import {
  archiveOf,
  type BuildSpec,
  buildImage,
  digestOf,
  dockerFiles,
  layoutFiles,
  temporaryFolder,
  writeDockerArchive,
  writeFiles,
  writeLayout,
} from './support/image-builder.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (name: string): string => join(folder, `${++count}-${name}`);

/** Why a test cannot run here: '' when it can. */
function lacks(program: string, apt: string): string {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return '';
  console.warn(`SKIPPED: ${program} is missing: apt-get install -y ${apt}`);
  return `(${program} is missing)`;
}
const isRoot = process.getuid?.() === 0 ? '' : '(needs root)';
if (isRoot !== '') console.warn('SKIPPED: what umoci unpacks and podman mounts, and derived images in podman: needs root');
const noSkopeo = lacks('skopeo', 'skopeo');
const noUmoci = lacks('umoci', 'umoci') || isRoot;
const noPodman = lacks('podman', 'podman') || isRoot;
const noZstd = lacks('zstd', 'zstd');
const noTar = lacks('tar', 'tar');

const CAPABILITY = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const spec: BuildSpec = {
  layers: [
    [
      { path: '/etc' },
      { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\n' },
      { path: '/etc/group', content: 'root:x:0:\n' },
      { path: '/tmp', mode: 0o1777 },
      { path: '/usr/bin/a', content: 'a'.repeat(5000), mode: 0o4755, uid: 3, gid: 4 },
      { path: '/usr/bin/b', hardlink: '/usr/bin/a', mode: 0o4755, uid: 3, gid: 4 },
      { path: '/usr/bin/cap', content: 'cap', mode: 0o755, xattrs: { 'security.capability': CAPABILITY } },
      { path: '/bin', target: 'usr/bin' },
      { path: '/old/dir/file', content: 'x' },
      { path: '/opq' },
      { path: '/opq/hidden', content: 'x' },
      { path: '/swap' },
      { path: '/swap/in', content: '' },
      { path: '/swapped', content: 'file' },
      { path: `/long/${'n'.repeat(120)}/${'m'.repeat(120)}`, content: 'long', uid: 4_000_000 },
      { path: '/pipe', type: 'fifo', mode: 0o600 },
    ],
    [
      { path: '/old/dir/.wh.file', content: '' },
      { path: '/opq', mode: 0o700, uid: 8 },
      { path: '/opq/.wh..wh..opq', content: '' },
      { path: '/opq/new', content: 'new' },
      { path: '/swap', content: 'now a file' },
      { path: '/swapped' },
      { path: '/swapped/in', content: 'in' },
      { path: '/usr/bin/a', content: 'other', mode: 0o755 },
    ],
  ],
  config: { User: 'root', Cmd: ['/usr/bin/a'], Env: ['PATH=/usr/bin'] },
};

/** `type mode uid:gid size target` by path, of our tree. */
async function ours(target: string): Promise<Map<string, string>> {
  const image = await openImage(target);
  const out = new Map<string, string>();
  for (const entry of (await image.rootFs()).entries()) {
    if (entry.path === '/') continue;
    const size = entry.type === 'file' ? entry.size : '-';
    // The mode of a symlink means nothing, and file systems differ.
    const mode = entry.type === 'symlink' ? '-' : entry.mode.toString(8);
    out.set(entry.path, `${entry.type} ${mode} ${entry.uid}:${entry.gid} ${size} ${entry.target ?? ''}`);
  }
  await image.close();
  return out;
}

/** The same of a folder on disk. */
function onDisk(root: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const item of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(item.parentPath, item.name);
    const stat = lstatSync(path);
    const type = stat.isFile()
      ? 'file'
      : stat.isDirectory()
        ? 'directory'
        : stat.isSymbolicLink()
          ? 'symlink'
          : stat.isFIFO()
            ? 'fifo'
            : stat.isCharacterDevice()
              ? 'character-device'
              : 'block-device';
    const mode = type === 'symlink' ? '-' : (stat.mode & 0o7777).toString(8);
    const target = type === 'symlink' ? readlinkSync(path) : '';
    out.set(path.slice(root.length), `${type} ${mode} ${stat.uid}:${stat.gid} ${type === 'file' ? stat.size : '-'} ${target}`);
  }
  return out;
}
const sorted = (map: ReadonlyMap<string, string>): [string, string][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('what we read', () => {
  it.skipIf(noUmoci !== '')(`equals what umoci unpacks ${noUmoci}`, async () => {
    const dir = writeLayout(fresh('layout'), spec);
    const bundle = fresh('bundle');
    execFileSync('umoci', ['unpack', '--image', `${dir}:latest`, bundle], { stdio: 'ignore' });
    // umoci lets the parents of an entry that the layer does not list keep root's 0755, as we do.
    expect(sorted(await ours(dir))).toEqual(sorted(onDisk(join(bundle, 'rootfs'))));
  });

  it.skipIf(noPodman !== '')(`equals what podman mounts, and reads podman's store in place ${noPodman}`, async () => {
    const dir = writeLayout(fresh('layout'), spec, 'store');
    const name = `localhost/unroot-test-${process.pid}:store`;
    execFileSync('skopeo', ['copy', '-q', `oci:${dir}:store`, `containers-storage:${name}`], { stdio: 'ignore' });
    try {
      const mount = execFileSync('podman', ['image', 'mount', name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      const mounted = sorted(onDisk(mount));
      execFileSync('podman', ['image', 'umount', name], { stdio: 'ignore' });
      expect(sorted(await ours(dir))).toEqual(mounted);
      expect(sorted(await ours(`containers-storage:${name}`))).toEqual(mounted);

      const [stored, built] = [await openImage(name), buildImage(spec)];
      expect(stored.transport).toBe('containers-storage');
      expect(stored.storeReference).toBe(name);
      expect(stored.layers.map((layer) => layer.diffId)).toEqual(built.layers.map((layer) => layer.diffId));
      for (const [i, layer] of built.layers.entries()) {
        const parts: Uint8Array[] = [];
        for await (const chunk of stored.openLayer(i)) parts.push(chunk);
        expect(digestOf(Buffer.concat(parts))).toBe(layer.diffId);
      }
      expect(Buffer.from((await stored.readFiles(['/etc/passwd'])).get('/etc/passwd')!).toString()).toContain('root:x:0:0');
      const head = await stored.readFiles(['/etc/passwd'], { limit: 6, head: true });
      expect(Buffer.from(head.get('/etc/passwd')!).toString()).toBe('root:x');
      await stored.close();
      const short = await openImage(`unroot-test-${process.pid}:store`);
      expect(short.configDigest).toBe(built.configDigest);
      await short.close();
    } finally {
      execFileSync('podman', ['rmi', '-f', name], { stdio: 'ignore' });
    }
  });

  it.skipIf(noTar !== '' || noUmoci !== '')(`lists a tar as tar does ${noTar}`, async () => {
    const image = buildImage({ layers: [spec.layers[0]!] });
    const lines = execFileSync('tar', ['-tv', '--numeric-owner', '--full-time'], {
      input: Buffer.from(image.layers[0]!.tar),
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    const theirs = lines
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).slice(1, 3).join(' '));
    const entries = await ours(writeLayout(fresh('layout'), { layers: [spec.layers[0]!] }));
    const items = spec.layers[0] as readonly { readonly path: string; readonly hardlink?: string }[];
    items.forEach((item, i) => {
      if (item.hardlink !== undefined) return;
      const [, , owner, size] = entries.get(item.path)!.split(' ');
      expect(theirs[i], item.path).toBe(`${owner!.replace(':', '/')} ${size === '-' ? 0 : size}`);
    });
  });

  it.skipIf(noZstd !== '')(`unpacks zstd layers ${noZstd}`, async () => {
    const built = buildImage({ ...spec, compression: 'none' });
    const zstd = (bytes: Uint8Array): Uint8Array =>
      new Uint8Array(execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 2 ** 28 }));
    const blobs = built.layers.map((layer) => zstd(layer.tar));
    const make = (change: (blob: Uint8Array) => Uint8Array): string => {
      const stored = blobs.map(change);
      const manifest = new TextEncoder().encode(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: {
            mediaType: 'application/vnd.oci.image.config.v1+json',
            digest: built.configDigest,
            size: built.config.length,
          },
          layers: stored.map((blob) => ({
            mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
            digest: digestOf(blob),
            size: blob.length,
          })),
        }),
      );
      const files = layoutFiles({ ...built, manifest, manifestDigest: digestOf(manifest) });
      for (const blob of stored) files.set(`blobs/${digestOf(blob).replace(':', '/')}`, blob);
      const dir = fresh('zstd');
      writeFiles(dir, files);
      return dir;
    };
    const image = await openImage(make((blob) => blob));
    expect(image.layers[0]!.compression).toBe('zstd');
    expect((await image.rootFs()).get('/opq/new')).toMatchObject({ layer: 1 });
    await image.close();
    for (const change of [
      (blob: Uint8Array) => blob.subarray(0, blob.length - 20),
      (blob: Uint8Array) => blob.map((byte, i) => (i > 10 ? byte ^ 0x55 : byte)),
    ]) {
      const bad = await openImage(make(change));
      await expect(bad.rootFs()).rejects.toMatchObject({ name: 'UnrootError', exitCode: 2 });
      await bad.close();
    }
    const bomb = zstd(new Uint8Array(300 * 2 ** 20));
    const path = fresh('bomb.tar.zst');
    writeFileSync(path, bomb);
    await expect(openImage(path)).rejects.toMatchObject({ code: 'image.too-large' });
  });
});

describe('what we write', () => {
  const entries = [
    { kind: 'own', path: '/opq', uid: 10001, gid: 10001, mode: 0o750 },
    { kind: 'own', path: '/usr/bin/cap', uid: 10001, gid: 0, mode: 0o755 },
    { kind: 'directory', path: '/data', uid: 10001, gid: 0, mode: 0o770 },
  ] as const;

  it('an OCI layout is replaced as a whole, never a folder that is something else, and nothing is left behind', async () => {
    const image = await openImage(writeLayout(fresh('layout'), spec));
    const parent = fresh('out');
    const out = join(parent, 'image');
    const first = await writeOciLayout(image, out, { tag: 'one' });
    expect(readdirSync(parent)).toEqual(['image']);
    const again = await writeOciLayout(image, out, { tag: 'one', hardLinks: true });
    expect(again).toEqual(first);
    const read = await openImage(first.reference);
    expect(read.configDigest).toBe(image.configDigest);
    expect(read.layers.map((layer) => layer.digest)).toEqual(image.layers.map((layer) => layer.digest));
    await read.close();
    const other = join(parent, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'precious'), '');
    await expect(writeOciLayout(image, other)).rejects.toMatchObject({ code: 'image.cannot-write' });
    expect(existsSync(join(other, 'precious'))).toBe(true);
    const aborted = AbortSignal.abort();
    await expect(writeOciLayout(image, join(parent, 'never'), { signal: aborted })).rejects.toMatchObject({ exitCode: 130 });
    expect(readdirSync(parent).sort()).toEqual(['image', 'other']);
    await image.close();
  });

  it('nothing is written when a layer turns out to be damaged', async () => {
    const built = buildImage(spec);
    const files = layoutFiles(built);
    const name = `blobs/${built.layers[0]!.digest.replace(':', '/')}`;
    files.set(
      name,
      files.get(name)!.map((byte, i) => (i === 50 ? byte ^ 1 : byte)),
    );
    const dir = fresh('damaged');
    writeFiles(dir, files);
    const image = await openImage(dir);
    const parent = fresh('out');
    await expect(writeOciLayout(image, join(parent, 'image'))).rejects.toMatchObject({ code: 'image.digest-mismatch' });
    expect(readdirSync(parent)).toEqual([]);
    await image.close();
  });

  const forms: readonly (readonly [string, () => string])[] = [
    ['an OCI layout', () => writeLayout(fresh('layout'), spec)],
    ['a docker archive', () => writeDockerArchive(fresh('a.tar'), spec)],
  ];
  it.skipIf(noSkopeo !== '').each(forms)(`a derived image of %s passes skopeo ${noSkopeo}`, async (_, make) => {
    const derived = await deriveImage(await openImage(make()), { entries, config: { user: '10001:0' } });
    const layout = await writeOciLayout(derived, fresh('derived'), { tag: 'fixed' });
    const config = JSON.parse(execFileSync('skopeo', ['inspect', '--config', layout.reference], { encoding: 'utf8' }));
    expect(config.config.User).toBe('10001:0');
    // A copy checks every digest.
    execFileSync('skopeo', ['copy', '-q', layout.reference, `dir:${fresh('dir')}`]);
    const archive = fresh('derived.tar');
    await sinkDockerArchive(derived, archive, { names: ['example.com/app:fixed'] });
    const inspected = JSON.parse(
      execFileSync('skopeo', ['inspect', `docker-archive:${archive}:example.com/app:fixed`], { encoding: 'utf8' }),
    );
    expect(inspected.Layers).toEqual(derived.layers.map((layer) => layer.diffId));
    const reread = await openImage(archive);
    expect(reread.configDigest).toBe(derived.configDigest);
    expect((await reread.rootFs()).get('/data')).toMatchObject({ uid: 10001, mode: 0o770 });
    await reread.close();
    await derived.close();
  });

  it.skipIf(noPodman !== '')(
    `podman loads it and sees the same tree, capabilities and parents included ${noPodman}`,
    async () => {
      const derived = await deriveImage(await openImage(writeLayout(fresh('layout'), spec)), {
        entries,
        config: { user: '10001:0' },
      });
      const layout = await writeOciLayout(derived, fresh('derived'), { tag: 'fixed' });
      const expected = sorted(await ours(layout.reference));
      const archive = fresh('load.tar');
      const name = `localhost/unroot-load-${process.pid}:1`;
      await sinkDockerArchive(derived, archive, { names: [name] });
      execFileSync('podman', ['load', '-q', '-i', archive], { stdio: 'ignore' });
      const pulled = execFileSync('podman', ['pull', '-q', layout.reference], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      try {
        for (const image of [name, pulled]) {
          const mount = execFileSync('podman', ['image', 'mount', image], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          }).trim();
          expect(sorted(onDisk(mount))).toEqual(expected);
          if (lacks('getcap', 'libcap2-bin') === '') {
            expect(execFileSync('getcap', [join(mount, 'usr/bin/cap')], { encoding: 'utf8' })).toContain(
              'cap_net_bind_service=ep',
            );
          }
          execFileSync('podman', ['image', 'umount', image], { stdio: 'ignore' });
        }
      } finally {
        spawnSync('podman', ['rmi', '-f', name, pulled], { stdio: 'ignore' });
      }
      await derived.close();
    },
  );
});

describe('docker-daemon:', () => {
  /** What the daemon answers to GET /images/NAME/get, served from a socket of our own: no dockerd runs where the tests do. */
  async function withDaemon(answer: (name: string) => Uint8Array | number | 'break', test: () => Promise<void>): Promise<void> {
    const socket = fresh('docker.sock');
    const server = createServer((request, response) => {
      const name = decodeURIComponent(/^\/images\/(.+)\/get$/.exec(request.url ?? '')?.[1] ?? '');
      const body = answer(name);
      if (body === 'break') {
        response.writeHead(200, { 'content-length': 100_000 });
        response.write('x'.repeat(1000), () => response.destroy());
      } else if (typeof body === 'number') response.writeHead(body).end('{"message":"it said so"}');
      else response.writeHead(200, { 'content-type': 'application/x-tar' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = `unix://${socket}`;
    try {
      await test();
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('streams the archive to a temporary file and removes it at close', async () => {
    const archive = archiveOf(dockerFiles([{ spec, names: ['some/app:1'] }]));
    const tmpDir = fresh('tmp');
    mkdirSync(tmpDir);
    await withDaemon(
      (name) => (name === 'some/app:1' ? archive : 404),
      async () => {
        const image = await openImage('docker-daemon:some/app:1', { tmpDir });
        expect(image).toMatchObject({ transport: 'docker-daemon', storeReference: 'some/app:1', name: 'some/app:1' });
        expect((await image.readFiles(['/etc/passwd'])).size).toBe(1);
        expect(readdirSync(tmpDir)).toHaveLength(1);
        await image.close();
        expect(readdirSync(tmpDir)).toEqual([]);
        await expect(openImage('docker-daemon:none', { tmpDir })).rejects.toMatchObject({ code: 'image.not-found' });
        const bare = await openImage('some/app:1', { tmpDir });
        expect(bare.transport).toBe('docker-daemon');
        await bare.close();
        await expect(openImage('none/such:2', { tmpDir, registry: { offline: true } })).rejects.toMatchObject({
          code: 'image.not-found',
        });
      },
    );
    await withDaemon(
      () => 500,
      async () =>
        await expect(openImage('docker-daemon:x', { tmpDir })).rejects.toMatchObject({
          code: 'image.daemon',
          message: expect.stringContaining('it said so'),
        }),
    );
    await withDaemon(
      () => 'break',
      async () => await expect(openImage('docker-daemon:x', { tmpDir })).rejects.toMatchObject({ code: 'image.truncated' }),
    );
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  it('says so when no daemon answers', async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = `unix://${fresh('nothing.sock')}`;
    await expect(openImage('docker-daemon:x')).rejects.toMatchObject({ code: 'image.no-daemon' });
    await expect(openImage(`no-such-image-${process.pid}`, { registry: { offline: true } })).rejects.toMatchObject({
      code: 'image.not-found',
      hint: expect.stringContaining('skopeo copy docker://'),
    });
    process.env.DOCKER_HOST = 'ssh://host';
    await expect(openImage('docker-daemon:x')).rejects.toMatchObject({ code: 'image.no-daemon' });
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  });
});

it('a temporary file of a compressed archive goes away, also after a failure', async () => {
  const tmpDir = fresh('tmp');
  mkdirSync(tmpDir);
  const path = writeDockerArchive(fresh('a.tgz'), spec, ['a:1'], true);
  const image = await openImage(path, { tmpDir });
  expect(readdirSync(tmpDir)).toHaveLength(1);
  await image.close();
  expect(readdirSync(tmpDir)).toEqual([]);
  const cut = fresh('cut.tgz');
  writeFileSync(cut, gzipSync(readFileSync(path)).subarray(0, 500));
  await expect(openImage(cut, { tmpDir })).rejects.toMatchObject({ name: 'UnrootError' });
  expect(readdirSync(tmpDir)).toEqual([]);
});
