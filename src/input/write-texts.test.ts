import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readManifestFiles } from './manifest-files.ts';
import { writeTexts } from './write-texts.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroot-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const put = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content, { mode: 0o640 });
  return join(folder, name);
};

test('a link stays a link, modes stay, nothing else is left behind', () => {
  const file = put('a.yaml', 'a: 1\n');
  symlinkSync('a.yaml', join(folder, 'link.yaml'));
  writeTexts([{ path: join(folder, 'link.yaml'), before: 'a: 1\n', after: 'a: 2\n' }]);
  expect(readFileSync(file, 'utf8')).toBe('a: 2\n');
  expect(lstatSync(join(folder, 'link.yaml')).isSymbolicLink() && readlinkSync(join(folder, 'link.yaml'))).toBe('a.yaml');
  expect(statSync(file).mode & 0o7777).toBe(0o640);
  expect(readdirSync(folder).sort()).toEqual(['a.yaml', 'link.yaml']);
});

test('UTF-16 is written as it was read, in both orders, with its mark', () => {
  const text = '\ufeffa: é # \u{1f600}\n';
  for (const [name, encode] of [
    ['le.yaml', (one: string): Buffer => Buffer.from(one, 'utf16le')],
    ['be.yaml', (one: string): Buffer => Buffer.from(one, 'utf16le').swap16()],
  ] as const) {
    const path = put(name, encode(text));
    const [file] = readManifestFiles([path]).files;
    expect(file!.text).toBe(text);
    writeTexts([{ path, before: file!.text, after: text.replace('é', 'ü') }]);
    expect(readFileSync(path).equals(encode(text.replace('é', 'ü')))).toBe(true);
  }
});

test('one file that cannot be written, or that somebody changed: all stay as they were', () => {
  const [a, b] = [put('a.yaml', 'a: 1\n'), put('b.yaml', 'b: 1\n')];
  const change = (path: string, before: string): Parameters<typeof writeTexts>[0][number] => ({ path, before, after: 'new\n' });
  expect(() => writeTexts([change(a, 'a: 1\n'), change(b, 'b: older\n')])).toThrow(/was changed by somebody else meanwhile/);
  expect(() => writeTexts([change(a, 'a: 1\n'), change(join(folder, 'none.yaml'), '')])).toThrow(/Cannot write .*ENOENT/);
  // A folder where the temporary file would be.
  writeFileSync(join(folder, `b.yaml.${process.pid}.tmp`), 'somebody’s');
  expect(() => writeTexts([change(a, 'a: 1\n'), change(b, 'b: 1\n')])).toThrow(/Cannot write .*EEXIST/);
  expect([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')]).toEqual(['a: 1\n', 'b: 1\n']);
  expect(readdirSync(folder).filter((name) => name.startsWith('a.yaml'))).toEqual(['a.yaml']);
  expect(readFileSync(join(folder, `b.yaml.${process.pid}.tmp`), 'utf8')).toBe('somebody’s');
});
