/** Checks about images, numbers and records, against real layouts and files of a folder that plays the node's root. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeLayout } from '../../../test/support/image-builder.ts';
import type { LabCheck } from '../lab.ts';
import { evaluate } from './evaluate.ts';
import type { CheckWorld } from './look.ts';

const root = mkdtempSync(join(tmpdir(), 'unroot-image-facts-'));
/** What these checks look at of it is its root. */
const world = { node: { root } } as unknown as CheckWorld;
beforeAll(() => {
  writeLayout(join(root, 'image'), {
    layers: [
      [
        { path: '/srv' },
        { path: '/srv/film', content: 'x'.repeat(1000) },
        { path: '/srv/key', content: 'secret', mode: 0o600 },
        { path: '/other', content: 'y'.repeat(10) },
      ],
      [{ path: '/srv/film', content: 'x'.repeat(1000), uid: 1000, gid: 1000 }],
      [
        { path: '/srv/.wh.key', content: '' },
        { path: '/other', content: 'z' },
      ],
    ],
    config: { User: '1000' },
  });
});
afterAll(() => rmSync(root, { recursive: true }));

const stands = async (check: Readonly<Record<string, unknown>>): Promise<readonly [boolean, string]> => {
  const { green, detail } = await evaluate({ says: 'x', ...check } as unknown as LabCheck, world);
  return [green, detail];
};
const image = async (fields: Readonly<Record<string, unknown>>): Promise<readonly [boolean, string]> =>
  stands({ kind: 'image', path: '/image', ...fields });
const file = async (fields: Readonly<Record<string, unknown>>): Promise<readonly [boolean, string]> =>
  image({ files: [{ path: '/srv/film', ...fields }] });

it('tells who made a file what it is, how often it is stored, and what is gone', async () => {
  expect(await file({ owner: '1000:1000', layer: 1, copies: 2 })).toEqual([true, expect.stringContaining('3 layers')]);
  expect(await file({ layer: 0 })).toEqual([false, '/srv/film is as layer 1 has it, not layer 0']);
  expect(await file({ copies: 1 })).toEqual([false, '/srv/film is stored in 2 layers, not 1']);
  expect(await file({ exists: false })).toEqual([false, '/srv/film is in it']);
  expect(await file({ capabilities: true })).toEqual([false, '/srv/film has no file capabilities']);
  expect((await image({ files: [{ path: '/srv/key', exists: false, copies: 1 }] }))[0]).toBe(true);
  expect((await image({ files: [{ path: '/srv/key' }] }))[1]).toBe('/srv/key is not in it');
  expect((await image({ history: '^layer 2$' }))[0]).toBe(true);
  expect((await image({ history: 'chown' }))[0]).toBe(false);
});

it.each([
  ['layers', undefined, 3],
  ['bytes', undefined, 2017],
  ['wasted', undefined, 1016],
  ['wasted', '/srv', 1006],
  ['wasted', '/srv/film', 1000],
  ['wasted', '/sr', 0],
  ['bytes-of-layer', '1', 1000],
  ['first-layer-of', '/srv/film', 0],
  ['last-layer-of', '/srv/film', 1],
  ['copies-of', '/srv/film', 2],
  ['copies-of', '/nothing', 0],
])('holds a number against its own: %s of %s', async (is, of, truth) => {
  const check = { kind: 'answer', path: '/answer', image: { path: '/image' }, is, ...(of === undefined ? {} : { of }) };
  writeFileSync(join(root, 'answer'), `${truth}\n`);
  expect(await stands(check)).toEqual([true, `/answer: ${truth}`]);
  writeFileSync(join(root, 'answer'), `${truth + 1}`);
  // And does not give it away.
  expect(await stands(check)).toEqual([false, `/answer says ${truth + 1}, and it is not that`]);
  writeFileSync(join(root, 'answer'), `${truth} or ${truth + 1}`);
  expect(await stands(check)).toEqual([false, '/answer does not hold one number']);
});

it('says what is not there', async () => {
  rmSync(join(root, 'answer'));
  const check = { kind: 'answer', path: '/answer', image: { path: '/image' }, is: 'last-layer-of', of: '/nothing' };
  expect(await stands(check)).toEqual([false, '/answer is not there']);
  writeFileSync(join(root, 'answer'), '0');
  expect(await stands(check)).toEqual([false, 'no layer has /nothing']);
  expect(await stands({ kind: 'image', path: '/none' })).toEqual([false, '/none is not there']);
  expect(await stands({ kind: 'image', path: '/srv' })).toEqual([false, '/srv is not there']);
  expect(await stands({ kind: 'image', name: 'web' })).toEqual([false, 'no image was built yet']);
});

it('counts lines', async () => {
  writeFileSync(join(root, 'trace'), 'a = -1 EACCES\nb = 0\nc = -1 EACCES\n');
  const check = { kind: 'file', path: '/trace', matches: '= -1 EACCES$' };
  expect((await stands({ ...check, lines: 2 }))[0]).toBe(true);
  expect(await stands({ ...check, lines: 1 })).toEqual([false, '/trace has 2 such lines, not 1']);
});

it('knows of a start what was started, how its containers ended, and whether anything ran', async () => {
  mkdirSync(join(root, 'run/lab'), { recursive: true });
  const lines = [
    { event: 'refused', run: '1', target: 'pod.yaml', refused: 'Failed: Error: will run as root' },
    {
      event: 'status',
      run: '1',
      target: 'pod.yaml',
      container: 'a',
      status: 'CreateContainerConfigError',
      refused: 'will run as root',
    },
    { event: 'started', run: '2', target: 'other.yaml', argv: ['sleep', '1h'], uid: 1000 },
    {
      event: 'status',
      run: '2',
      target: 'other.yaml',
      container: 'a',
      status: 'CreateContainerConfigError',
      refused: 'will run as root',
    },
  ];
  writeFileSync(join(root, 'run/lab/records'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const record = async (fields: Readonly<Record<string, unknown>>): Promise<boolean> =>
    (await stands({ kind: 'record', ...fields }))[0];
  const refusal = { status: 'CreateContainerConfigError', refused: '^will run as root$' };
  expect(await record({ target: '^pod\\.yaml$', ...refusal, started: false })).toBe(true);
  expect(await record({ target: '^pod\\.yaml$', ...refusal, started: true })).toBe(false);
  expect(await record({ target: '^other\\.yaml$', ...refusal, started: false })).toBe(false);
  expect(await record({ status: 'Completed' })).toBe(false);
  expect(await record({ argv: '^sleep 1h$', uid: 1000, started: true })).toBe(true);
  expect(await record({ argv: '^strace' })).toBe(false);
});
