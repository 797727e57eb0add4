import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openInside, readInside } from './inside.ts';

const top = mkdtempSync(join(tmpdir(), 'unroot-inside-'));
const root = join(top, 'root');
mkdirSync(join(root, 'etc/deep'), { recursive: true });
writeFileSync(join(top, 'secret'), 'of the machine');
writeFileSync(join(root, 'etc/hosts'), 'of the node');
for (const [link, target] of [
  ['up', '../secret'],
  ['absolute', '/etc/hosts'],
  ['outside', join(top, 'secret')],
  ['loop', 'loop'],
  ['etc/deep/hosts', '../../../../etc/hosts'],
  ['folder', 'etc'],
  ['magic', '/proc/self/root'],
] as const)
  symlinkSync(target, join(root, link));
afterAll(() => rmSync(top, { recursive: true }));

it('reads a file, also through links of that root', () => {
  expect(readInside(root, '/etc/hosts')).toBe('of the node');
  expect(readInside(root, '/absolute')).toBe('of the node');
  expect(readInside(root, '/folder/hosts')).toBe('of the node');
  expect(readInside(root, '/etc/deep/hosts')).toBe('of the node');
  expect(readInside(root, '/../../etc/./hosts')).toBe('of the node');
});

it('never leaves the root', () => {
  expect(readFileSync(join(root, 'up'), 'utf8')).toBe('of the machine');
  expect(readInside(root, '/up')).toBeUndefined();
  expect(readInside(root, '/outside')).toBeUndefined();
  expect(readInside(root, `/magic${top}/secret`)).toBeUndefined();
  expect(readInside(root, `/../..${top}/secret`)).toBeUndefined();
});

it('says what is not there, and ends with loops', () => {
  expect(openInside(root, '/nothing')).toBeUndefined();
  expect(openInside(root, '/etc/hosts/below')).toBeUndefined();
  expect(openInside(root, '/loop')).toBeUndefined();
  const link = openInside(root, '/absolute', false);
  expect(link?.stat.isSymbolicLink()).toBe(true);
  link?.close();
});
