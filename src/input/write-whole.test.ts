import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeWhole } from './write-whole.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-write-whole-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

describe('a file written whole', () => {
  it('is new, or keeps the mode it had', () => {
    writeWhole(at('new'), 'a');
    expect(readFileSync(at('new'), 'utf8')).toBe('a');
    writeFileSync(at('old'), 'old', { mode: 0o600 });
    writeWhole(at('old'), 'b');
    expect([readFileSync(at('old'), 'utf8'), statSync(at('old')).mode & 0o777]).toEqual(['b', 0o600]);
  });

  it('is what a link leads to', () => {
    writeFileSync(at('target'), 'old');
    symlinkSync('target', at('link'));
    writeWhole(at('link'), 'c');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('target'), 'utf8')).toBe('c');
  });

  it('leaves devices and fifos what they are', async () => {
    writeWhole('/dev/null', 'd');
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(spawnSync('mkfifo', [at('fifo')]).status).toBe(0);
    const reader = spawnSync('sh', ['-c', `cat ${at('fifo')} & exec 3>${at('fifo')}; printf e >${at('fifo')}; exec 3>&-; wait`]);
    expect(reader.stdout.toString()).toBe('e');
    expect(lstatSync(at('fifo')).isFIFO()).toBe(true);
  });

  it('leaves nothing behind when it cannot be', () => {
    expect(() => writeWhole(at('not/there'), 'f')).toThrow(/ENOENT/);
    expect(() => writeWhole(folder, 'f')).toThrow(/EISDIR/);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
