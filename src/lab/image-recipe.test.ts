/** Recipes of images: what is read of them, and where they are wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readImage } from './image-recipe.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'unroot-recipe-')), 'web');
mkdirSync(folder);
afterAll(() => rmSync(join(folder, '..'), { recursive: true }));
const read = (text: string): ReturnType<typeof readImage> => {
  writeFileSync(join(folder, 'image.yaml'), text);
  return readImage(folder, 'web');
};

it('reads what an image starts from, and its layers in order', () => {
  const recipe = read(
    'base: nginx\nlayers:\n  - { createdBy: COPY, files: [{ path: /a, bytes: 5 }] }\n  - { createdBy: RUN rm, removed: [/a] }\n',
  );
  expect(recipe).toMatchObject({ name: 'web', base: 'nginx', packages: [], script: '' });
  expect(recipe.layers?.map(({ createdBy }) => createdBy)).toEqual(['COPY', 'RUN rm']);
});

it.each([
  ['base: web', 1, 'base is another image of the labs'],
  ['base: ../x', 1, 'base is another image of the labs'],
  ['from: x', 1, 'an image has no from'],
  ['files:\n  - { path: /a, mode: "9" }', 2, 'mode is octal'],
  ['files:\n  - { path: ../a }', 2, 'absolute path'],
  ['files:\n  - { path: /a, from: ../../x }', 2, 'from leaves'],
  ['files:\n  - { path: /a, bytes: 99999999999 }', 2, 'bytes is a number'],
  ['layers:\n  - { files: [{ path: /a }] }', 2, 'says what made it'],
  ['layers:\n  - createdBy: x\n    removed: [a/../b]', 2, 'what is removed has an absolute path'],
])('refuses %j, with the line', (text, line, message) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: 'lab.invalid', message: expect.stringMatching(message) }));
  expect(() => read(text)).toThrow(new RegExp(`image\\.yaml:${line}:`));
});
