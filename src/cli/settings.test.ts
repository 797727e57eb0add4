/** A folder or file of this machine that is bound: which of the two it is decides whether it can be mounted. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { settingsFrom } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('--volume looks whether its source is a folder or a file', () => {
  writeFileSync(join(folder, 'file'), '');
  const kinds = (...volume: string[]): unknown =>
    settingsFrom({ volume }, undefined, []).volumes?.map(({ kind, hostPathType }) => [kind, hostPathType]);
  expect(kinds(`${folder}:/data`, `${folder}/file:/data:ro`)).toEqual([
    ['bind', 'Directory'],
    ['bind', 'File'],
  ]);
  expect(kinds(`${folder}/none:/data`, 'name:/data', '/anonymous'), 'not there, or none of this machine').toEqual([
    ['bind', undefined],
    ['named', undefined],
    ['anonymous', undefined],
  ]);
});
