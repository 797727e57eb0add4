import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import {
  ARCHITECTURE,
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
} from '../../../test/support/image-builder.ts';
import type { UnrootError } from '../../error.ts';
import { openImage } from './index.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (name: string): string => join(folder, `${++count}-${name}`);

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n';
const spec: BuildSpec = {
  layers: [
    [
      { path: '/etc' },
      { path: '/etc/passwd', content: 'old\n' },
      { path: '/etc/group', content: 'root:x:0:\n' },
      { path: '/srv', uid: 1, gid: 2 },
    ],
    [
      { path: '/etc/passwd', content: PASSWD },
      { path: '/srv/data', content: 'x'.repeat(100_000), uid: 33, gid: 34, mode: 0o640 },
    ],
  ],
  config: { User: 'app', Env: ['A=b'], Cmd: ['/bin/sh'], ExposedPorts: { '80/tcp': {} }, Volumes: { '/srv': {} } },
};

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);
const failure = async (target: string, options = {}): Promise<UnrootError> => {
  try {
    await (await openImage(target, options)).close();
  } catch (error) {
    return error as UnrootError;
  }
  throw new Error(`${target} was opened`);
};

describe('openImage', () => {
  const forms: readonly (readonly [string, () => string, string])[] = [
    ['an OCI layout folder', () => writeLayout(fresh('layout'), spec), 'oci'],
    ['an OCI layout with plain layers', () => writeLayout(fresh('layout'), { ...spec, compression: 'none' }), 'oci'],
    ['a layout and tag', () => `oci:${writeLayout(fresh('layout'), spec, 'v1')}:v1`, 'oci'],
    [
      'an OCI archive',
      () => {
        const path = fresh('oci.tar');
        writeFileSync(path, archiveOf(layoutFiles(buildImage(spec))));
        return path;
      },
      'oci-archive',
    ],
    ['a docker archive', () => writeDockerArchive(fresh('docker.tar'), spec), 'docker-archive'],
    ['a docker archive with gzip outside', () => writeDockerArchive(fresh('docker.tgz'), spec, ['a:1'], true), 'docker-archive'],
    [
      'a docker archive with gzip layers',
      () => writeDockerArchive(fresh('jib.tar'), { ...spec, compression: 'gzip' }),
      'docker-archive',
    ],
  ];
  it.each(forms)('reads %s', async (_, make, transport) => {
    const image = await openImage(make());
    expect(image.transport).toBe(transport);
    expect(image.config).toEqual({
      user: 'app',
      env: ['A=b'],
      entrypoint: [],
      cmd: ['/bin/sh'],
      workingDir: '',
      volumes: ['/srv'],
      exposedPorts: ['80/tcp'],
      labels: {},
    });
    expect(image.platform).toEqual({ os: 'linux', architecture: ARCHITECTURE });
    expect(image.layers.map((layer) => layer.createdBy)).toEqual(['layer 0', 'layer 1']);
    const files = await image.readFiles(['/etc/passwd', '/etc/group', '/etc/shadow']);
    expect([...files.keys()].sort()).toEqual(['/etc/group', '/etc/passwd']);
    expect(text(files.get('/etc/passwd'))).toBe(PASSWD);
    const fs = await image.rootFs();
    expect(fs.get('/srv')).toMatchObject({ type: 'directory', uid: 1, gid: 2, layer: 0 });
    expect(fs.get('/srv/data')).toMatchObject({ type: 'file', uid: 33, gid: 34, mode: 0o640, size: 100_000, layer: 1 });
    expect(text(await fs.readFile('/srv/data'))).toBe('x'.repeat(100_000));
    for (const [i, layer] of image.layers.entries()) {
      const parts: Uint8Array[] = [];
      for await (const chunk of image.openLayer(i)) parts.push(chunk);
      expect(digestOf(Buffer.concat(parts))).toBe(layer.diffId);
      const blob: Uint8Array[] = [];
      for await (const chunk of image.openLayerBlob(i)) blob.push(chunk);
      expect(digestOf(Buffer.concat(blob))).toBe(layer.digest);
    }
    await image.close();
  });

  it('refuses to be used after close', async () => {
    const image = await openImage(writeLayout(fresh('layout'), spec));
    await image.close();
    await expect(image.rootFs()).rejects.toMatchObject({ code: 'image.closed' });
  });

  it('takes the image that was asked for when the archive holds several, and lists them when none was', async () => {
    const path = fresh('two.tar');
    const other: BuildSpec = { ...spec, config: { User: '7' } };
    writeFileSync(
      path,
      archiveOf(
        dockerFiles([
          { spec, names: ['one:1', 'uno:1'] },
          { spec: other, names: ['docker.io/library/two:latest'] },
        ]),
      ),
    );
    const error = await failure(path);
    expect(error.code).toBe('image.ambiguous');
    expect(error.message).toContain('one:1 = uno:1, docker.io/library/two:latest');
    const two = await openImage(`docker-archive:${path}:two`);
    expect(two.config.user).toBe('7');
    expect(two.name).toBe('docker.io/library/two:latest');
    await two.close();
    const first = await openImage(`docker-archive:${path}:@0`);
    expect(first.config.user).toBe('app');
    await first.close();
    expect((await failure(`docker-archive:${path}:three`)).code).toBe('image.not-found');
  });

  it('follows the links of old docker archives', async () => {
    const files = dockerFiles([{ spec: { layers: [spec.layers[0]!, spec.layers[0]!] }, names: [] }]);
    const manifest = JSON.parse(new TextDecoder().decode(files.get('manifest.json')));
    const layer = manifest[0].Layers[0];
    manifest[0].Layers = ['a/layer.tar', 'b/layer.tar'];
    const path = fresh('links.tar');
    const tar = files.get(layer)!;
    files.delete(layer);
    files.set('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
    const { buildLayer } = await import('../../../test/support/image-builder.ts');
    writeFileSync(
      path,
      buildLayer([
        { path: 'a/layer.tar', content: tar },
        { path: 'b/layer.tar', target: '../a/layer.tar' },
        ...[...files].map(([name, content]) => ({ path: name, content })),
      ]),
    );
    const image = await openImage(path);
    expect((await image.rootFs()).get('/etc/group')).toMatchObject({ layer: 1 });
    await image.close();
  });
});

describe('choosing a platform', () => {
  const index = (platforms: readonly (object | undefined)[]): string => {
    const dir = fresh('index');
    const files = new Map<string, Uint8Array>();
    const manifests = platforms.map((platform, i) => {
      const image = buildImage({ ...spec, config: { User: String(i) } });
      for (const [name, content] of layoutFiles(image)) if (name !== 'index.json') files.set(name, content);
      return {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: image.manifestDigest,
        size: image.manifest.length,
        ...(platform && { platform }),
      };
    });
    const nested = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, manifests }));
    files.set(`blobs/${digestOf(nested).replace(':', '/')}`, nested);
    const root = {
      manifests: [{ mediaType: 'application/vnd.oci.image.index.v1+json', digest: digestOf(nested), size: nested.length }],
    };
    files.set('index.json', new TextEncoder().encode(JSON.stringify(root)));
    writeFiles(dir, files);
    return dir;
  };

  it('goes through a nested index to the platform asked for', async () => {
    const dir = index([
      { os: 'linux', architecture: 'arm', variant: 'v6' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
      { os: 'linux', architecture: ARCHITECTURE },
      { os: 'unknown', architecture: 'unknown' },
    ]);
    const own = await openImage(dir);
    expect(own.config.user).toBe('2');
    await own.close();
    const v7 = await openImage(dir, { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } });
    expect(v7.config.user).toBe('1');
    await v7.close();
  });

  it('lists what there is when the platform is missing', async () => {
    const error = await failure(
      index([
        { os: 'linux', architecture: 's390x' },
        { os: 'windows', architecture: 'amd64' },
      ]),
    );
    expect(error.code).toBe('image.no-platform');
    expect(error.message).toContain('linux/s390x, windows/amd64');
  });
});

describe('bad images', () => {
  const mutated = (
    change: (files: Map<string, Uint8Array>, image: ReturnType<typeof buildImage>) => void,
    from: BuildSpec = spec,
  ): string => {
    const image = buildImage(from);
    const files = layoutFiles(image);
    change(files, image);
    const dir = fresh('bad');
    writeFiles(dir, files);
    return dir;
  };
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const rootFsFailure = async (target: string, options = {}): Promise<UnrootError> => {
    const image = await openImage(target, options);
    try {
      await image.rootFs();
    } catch (error) {
      return error as UnrootError;
    } finally {
      await image.close();
    }
    throw new Error(`${target} was read`);
  };

  it('says so when it is not an archive', async () => {
    const path = fresh('text');
    writeFileSync(path, 'hello '.repeat(1000));
    expect(await failure(path)).toMatchObject({ code: 'image.not-an-archive', exitCode: 2 });
    expect((await failure(path)).message).toContain('is not a tar archive');
    expect((await failure(path)).hint).toContain('skopeo copy');
    writeFileSync(path, 'short');
    expect((await failure(path)).code).toBe('image.not-an-archive');
    writeFileSync(path, '');
    expect((await failure(path)).code).toBe('image.not-an-archive');
    writeFileSync(path, archiveOf(new Map([['x', new Uint8Array(3)]])));
    expect((await failure(path)).code).toBe('image.not-an-archive');
    writeFileSync(path, gzipSync('not a tar'.repeat(100)));
    expect((await failure(path)).code).toBe('image.not-an-archive');
    mkdirSync(`${path}.d`);
    expect((await failure(`${path}.d`)).code).toBe('image.not-a-layout');
    expect((await failure(`${path}/none`)).code).toBe('image.not-found');
  });

  it('says so when the archive is truncated, plain and compressed', async () => {
    const path = writeDockerArchive(fresh('cut.tar'), spec);
    truncateSync(path, 5000);
    expect((await failure(path)).code).toBe('image.truncated');
    const gz = writeDockerArchive(fresh('cut.tgz'), spec, ['a:1'], true);
    truncateSync(gz, 400);
    expect((await failure(gz)).code).toBe('image.truncated');
  });

  it('says so when a file of the image is missing', async () => {
    const dir = mutated((files, image) => files.delete(blob(image.layers[1]!.digest)));
    expect(await rootFsFailure(dir)).toMatchObject({ code: 'image.incomplete', where: { layer: 1 } });
    const dir2 = mutated((files, image) => files.delete(blob(image.configDigest)));
    expect((await failure(dir2)).code).toBe('image.incomplete');
  });

  it('checks the digests of manifest, config, blobs and contents', async () => {
    const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte));
    for (const which of ['manifestDigest', 'configDigest'] as const) {
      const dir = mutated((files, image) =>
        files.set(blob(image[which]), flipped(image[which === 'manifestDigest' ? 'manifest' : 'config'])),
      );
      expect((await failure(dir)).code).toBe('image.digest-mismatch');
    }
    const dir = mutated((files, image) => {
      const other = gzipSync(image.layers[0]!.tar, { level: 0 });
      const padded = new Uint8Array(image.layers[0]!.blob.length);
      padded.set(other.subarray(0, padded.length));
      files.set(blob(image.layers[0]!.digest), flipped(image.layers[0]!.blob));
    });
    expect((await rootFsFailure(dir)).code).toMatch(/^image\.(digest-mismatch|damaged|bad-archive|not-an-archive)$/);
    const lying = buildImage(spec);
    const config = JSON.parse(new TextDecoder().decode(lying.config));
    config.rootfs.diff_ids[1] = config.rootfs.diff_ids[0];
    const dir3 = writeLayout(fresh('lying'), { ...spec, document: { rootfs: config.rootfs } });
    expect(await rootFsFailure(dir3)).toMatchObject({ code: 'image.digest-mismatch', where: { layer: 1 } });
  });

  it('refuses unknown media types by name', async () => {
    const dir = fresh('media');
    const image = buildImage(spec);
    const files = layoutFiles(image);
    const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
    manifest.layers[0].mediaType += '+encrypted';
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    files.set(blob(digestOf(bytes)), bytes);
    files.set(
      'index.json',
      new TextEncoder().encode(
        JSON.stringify({ manifests: [{ mediaType: manifest.mediaType, digest: digestOf(bytes), size: bytes.length }] }),
      ),
    );
    writeFiles(dir, files);
    const error = await failure(dir);
    expect(error.code).toBe('image.unknown-media-type');
    expect(error.message).toContain('tar+gzip+encrypted');
  });

  it('bounds what a layer unpacks to, and names the limit', async () => {
    const dir = writeLayout(fresh('bomb'), { layers: [[{ path: '/zero', content: new Uint8Array(80 * 2 ** 20) }]] });
    const bomb = await rootFsFailure(dir);
    expect(bomb.code).toBe('image.too-large');
    expect(bomb.message).toContain('maxRatio = 200');
    // Only what can be done from the command line is advised.
    expect(bomb.hint).toContain('skopeo copy');
    const image = await openImage(dir, { limits: { maxRatio: 2000 } });
    expect((await image.rootFs()).get('/zero')?.size).toBe(80 * 2 ** 20);
    await image.close();
    const total = await rootFsFailure(writeLayout(fresh('layout'), spec), { limits: { maxLayerBytes: 50_000 } });
    expect(total.message).toContain('maxLayerBytes = 50000');
  });

  it('bounds the number of entries', async () => {
    const layers = [Array.from({ length: 50 }, (_, i) => ({ path: `/f${i}`, content: '' }))];
    for (const compression of ['none', 'gzip'] as const) {
      const error = await rootFsFailure(writeLayout(fresh('many'), { layers, compression }), { limits: { maxEntries: 40 } });
      expect(error.code).toBe('image.too-large');
      expect(error.message).toContain('maxEntries = 40');
    }
  });

  it('bounds the config, and says when it is not JSON or not a config', async () => {
    const with_ = (config: string): string =>
      mutated((files, image) => {
        const bytes = new TextEncoder().encode(config);
        const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
        manifest.config = { ...manifest.config, digest: digestOf(bytes), size: bytes.length };
        const manifestBytes = new TextEncoder().encode(JSON.stringify(manifest));
        files.set(blob(digestOf(bytes)), bytes);
        files.set(blob(digestOf(manifestBytes)), manifestBytes);
        const entry = { mediaType: manifest.mediaType, digest: digestOf(manifestBytes), size: manifestBytes.length };
        files.set('index.json', new TextEncoder().encode(JSON.stringify({ manifests: [entry] })));
      });
    expect((await failure(with_('{"config":'))).code).toBe('image.bad-json');
    expect((await failure(with_('[]'))).code).toBe('image.bad-json');
    expect((await failure(with_('{"config":{"User":0}}'))).message).toContain('config.User');
    expect((await failure(with_('{"config":{"Env":["A=b",1]}}'))).message).toContain('config.Env');
    expect((await failure(with_('{}'))).code).toBe('image.bad-manifest');
    const big = await failure(with_(JSON.stringify({ author: 'x'.repeat(5 * 2 ** 20) })));
    expect(big.code).toBe('image.too-large');
    expect(big.message).toContain('maxJsonBytes');
  });

  it('never follows digests out of the layout', async () => {
    const dir = mutated((files) =>
      files.set(
        'index.json',
        new TextEncoder().encode(JSON.stringify({ manifests: [{ digest: 'sha256:../../../../etc/passwd', size: 1 }] })),
      ),
    );
    expect((await failure(dir)).code).toBe('image.bad-digest');
  });

  it('reads nothing from a registry when there shall be no network', async () => {
    const error = await failure('docker://alpine', { registry: { offline: true, environment: { HOME: fresh('home') } } });
    expect(error.code).toBe('registry.offline');
    expect(error.message).toContain('docker.io/library/alpine:latest');
    expect(error.hint).toContain('without --offline');
  });
});
