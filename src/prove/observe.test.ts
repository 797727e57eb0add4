import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNotWith, writeBusyboxImage } from '../../test/conformance/busybox-image.ts';
import type { Container, Engine, PreparedImage } from '../engine/engine.ts';
import { detectRunc, openOciEngine } from '../engine/runc.ts';
import type { Image } from '../image/image.ts';
import { openImage } from '../image/sources/index.ts';
import { launchImage } from '../launch/launch-image.ts';
import { launchSubject } from '../launch/subject.ts';
import { profile } from '../platform/profiles.ts';
import { observe } from './observe.ts';

const missing = whyNotWith(await detectRunc());
if (missing !== undefined) console.warn(`SKIPPED: a runtime that hangs: ${missing}`);

describe.skipIf(missing !== undefined)('a runtime that hangs before the program of the image', () => {
  let folder: string;
  let image: Image;
  let engine: Engine;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'observe-test-'));
    image = await openImage(writeBusyboxImage(folder));
    engine = await openOciEngine('runc');
  });
  afterAll(async () => {
    await engine.close();
    await image.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Stops the runtime's init of the first `times` containers, which then never gets to its execve. */
  const hanging = (prepared: PreparedImage, times: number, made: Container[]): PreparedImage => ({
    ...prepared,
    async create(...args) {
      const container = await prepared.create(...args);
      made.push(container);
      if (made.length <= times) process.kill(container.pid!, 'SIGSTOP');
      return container;
    },
  });

  it('is started once more, since nothing of the image ran, and is an error then', async () => {
    const prepared = await engine.prepare(image);
    const launch = launchImage({
      image: await launchSubject(image, { rootFs: true }),
      settings: { network: 'none', user: '10001', command: ['sh', '-c', 'echo done'] },
      profile: profile('docker'),
    });
    if (launch.kind !== 'launch') throw new Error(launch.message);
    const [once, always]: readonly [Container[], Container[]] = [[], []];
    const [worked, failed] = await Promise.all([
      observe(hanging(prepared, 1, once), launch),
      observe(hanging(prepared, 2, always), launch).catch((error: unknown) => error),
    ]);
    expect(worked).toMatchObject({ outcome: 'exited', exit: { code: 0 }, stdout: 'done\n' });
    expect(once).toHaveLength(2);
    expect(failed).toMatchObject({ code: 'engine.start-stuck' });
    expect(always).toHaveLength(2);
    for (const container of [...once, ...always]) expect(container.running()).toBe(false);
  }, 240_000);
});
