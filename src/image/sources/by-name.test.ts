import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openByName } from './by-name.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-images-'));
const before = process.env.UNROOT_IMAGES;
beforeAll(() => {
  for (const name of ['nginx', 'debian']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }
  mkdirSync(join(folder, 'no-image'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  if (before === undefined) delete process.env.UNROOT_IMAGES;
  else process.env.UNROOT_IMAGES = before;
});

it('names the images of the folder to whoever asks for one that it lacks, where no registry answers', async () => {
  // Nobody listens on port 1.
  const asked = (): Promise<unknown> => openByName('127.0.0.1:1/debain', {}).catch((error: unknown) => error);
  process.env.UNROOT_IMAGES = folder;
  expect(await asked()).toMatchObject({
    hint: expect.stringMatching(/^The images here are debian, nginx\./),
    cause: expect.objectContaining({ message: expect.stringContaining(`not in UNROOT_IMAGES (${folder})`) }),
  });
  delete process.env.UNROOT_IMAGES;
  expect(await asked()).not.toMatchObject({ hint: expect.stringContaining('The images here') });
});
