/** Nobody's own image is touched: an image podman or Docker had before is there afterwards, under the names it had, and no other stays. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { dockerApi } from '../../src/engine/docker/api.ts';
import { detectDocker, dockerEngine } from '../../src/engine/docker.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { detectPodman, podmanEngine } from '../../src/engine/podman.ts';
import { deriveImage } from '../../src/image/derive.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { startDockerd, whyNoDockerd } from '../support/dockerd.ts';
import { temporaryFolder, writeDockerArchive } from '../support/image-builder.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const podman = (...args: string[]): string => execFileSync('podman', args, { encoding: 'utf8' }).trim();
/** A different image each time: the content is unique. */
function archive(name: string): string {
  const layer = [{ path: '/etc' }, { path: '/etc/unique', content: `${process.pid} ${name}` }];
  return writeDockerArchive(`${folder}/${name}.tar`, { layers: [layer], config: { Cmd: ['/none'] } }, [
    `localhost/test-${process.pid}-${name}:1`,
  ]);
}
async function prepareAndGiveBack(engine: Engine, file: string): Promise<void> {
  const image = await openImage(`docker-archive:${file}`);
  const first = await engine.prepare(image);
  const second = await engine.prepare(image);
  await first.remove();
  await second.remove();
  await second.remove();
  await image.close();
}

/** Loads an image, then one derived from it, while the first is there and after it is gone. Answers which layers were read the second and third time. */
async function layersOfDerived(engine: Engine, file: string): Promise<readonly number[][]> {
  const image = await openImage(`docker-archive:${file}`);
  const rounds: number[][] = [];
  const prepareDerived = async (label: string): Promise<void> => {
    const derived = await deriveImage(image, {
      entries: [{ kind: 'directory', path: `/${label}`, uid: 10001, gid: 10001, mode: 0o755 }],
      config: { user: '10001' },
    });
    const read: number[] = [];
    const noted = <T>(index: number, stream: T): T => {
      read.push(index);
      return stream;
    };
    const watched: Image = {
      ...derived,
      openLayer: (index) => noted(index, derived.openLayer(index)),
      openLayerBlob: (index) => noted(index, derived.openLayerBlob(index)),
    };
    await (await engine.prepare(watched)).remove();
    rounds.push([...new Set(read)].sort());
  };
  const base = await engine.prepare(image);
  await prepareDerived('while');
  await base.remove();
  await prepareDerived('after');
  await engine.close();
  await image.close();
  return rounds;
}

const status = await detectPodman();
if (!status.available) console.warn(`SKIPPED: ${status.reason}: ${status.install}`);
describe.runIf(status.available)('podman', () => {
  const namesOf = (id: string): string[] =>
    JSON.parse(podman('image', 'inspect', '--format', '{{json .RepoTags}}', id)) as string[];

  it("keeps a user's named image", async () => {
    const file = archive('named');
    podman('load', '--quiet', '--input', file);
    const id = podman('image', 'inspect', '--format', '{{.Id}}', `localhost/test-${process.pid}-named:1`);
    const engine = await podmanEngine();
    await prepareAndGiveBack(engine, file);
    await engine.close();
    expect(namesOf(id)).toEqual([`localhost/test-${process.pid}-named:1`]);
    podman('rmi', id);
  });

  it("keeps a user's image without any name", async () => {
    const file = archive('dangling');
    podman('load', '--quiet', '--input', file);
    const name = `localhost/test-${process.pid}-dangling:1`;
    const id = podman('image', 'inspect', '--format', '{{.Id}}', name);
    podman('untag', name, name);
    const engine = await podmanEngine();
    await prepareAndGiveBack(engine, file);
    await engine.close();
    expect(namesOf(id)).toEqual([]);
    podman('rmi', id);
  });

  it('removes what it brought, when the last run leaves', async () => {
    const file = archive('brought');
    const one = await podmanEngine();
    const two = await podmanEngine();
    const image = await openImage(`docker-archive:${file}`);
    const id = image.configDigest.slice(7);
    const first = await one.prepare(image);
    const second = await two.prepare(image);
    await first.remove();
    // The other run still needs it.
    expect(namesOf(id)).toHaveLength(1);
    await second.remove();
    expect(() => podman('image', 'exists', id)).toThrow();
    await one.close();
    await two.close();
    await image.close();
  });

  it('leaves no name behind when several runs give one image back at once', async () => {
    const image = await openImage(`docker-archive:${archive('at-once')}`);
    const engines = [await podmanEngine(), await podmanEngine()];
    for (const engine of engines) for (let count = 0; count < 3; count++) await engine.prepare(image);
    await Promise.all(engines.map((engine) => engine.close()));
    expect(() => podman('image', 'exists', image.configDigest.slice(7))).toThrow();
    await image.close();
  });

  it('loads of a derived image only what is new, and all of it when the rest is gone', async () => {
    expect(await layersOfDerived(await podmanEngine(), archive('derived'))).toEqual([[1], [0, 1]]);
  });
});

if (whyNoDockerd) console.warn(`SKIPPED: ${whyNoDockerd}`);
describe.runIf(whyNoDockerd === undefined)('docker', () => {
  it("keeps a user's named and unnamed images and removes what it brought", async () => {
    const { socket, version, stop } = await startDockerd();
    try {
      const api = dockerApi(socket, '1.41');
      const images = async (): Promise<unknown> =>
        ((await api.need('GET', '/images/json?all=1')) as { RepoTags: string[] | null }[]).flatMap((each) => each.RepoTags);
      const engine = await dockerEngine({ socket });
      expect(engine.version).toBe(version);
      await prepareAndGiveBack(engine, archive('docker'));
      expect(await images()).toEqual([]);

      const docker = (...args: string[]): string =>
        execFileSync('docker', ['-H', `unix://${socket}`, ...args], { encoding: 'utf8' });
      const named = archive('docker-named');
      docker('load', '--quiet', '--input', named);
      await prepareAndGiveBack(engine, named);
      const name = `localhost/test-${process.pid}-docker-named:1`;
      expect(await images()).toEqual([name]);
      await engine.close();
    } finally {
      await stop();
    }
  });

  it('loads of a derived image only what is new, and all of it when the rest is gone', async () => {
    const { socket, stop } = await startDockerd();
    try {
      expect(await layersOfDerived(await dockerEngine({ socket }), archive('docker-derived'))).toEqual([[1], [0, 1]]);
    } finally {
      await stop();
    }
  });

  it('says what is missing', async () => {
    expect(await detectDocker({ socket: `${folder}/none` })).toMatchObject({
      available: false,
      reason: `the Docker daemon does not answer at unix://${folder}/none`,
      install: 'apt-get install -y docker.io',
    });
    await expect(dockerEngine({ socket: `${folder}/none` })).rejects.toMatchObject({ code: 'engine.unavailable' });
  });
});
