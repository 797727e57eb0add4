import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDisks, whyNoDisks } from './disks.ts';

const why = process.getuid?.() !== 0 ? undefined : whyNoDisks();
const can = process.getuid?.() === 0 && why === undefined;
if (!can) console.warn(`SKIPPED: disks of a node: ${why === undefined ? 'needs root' : `${why.why} (${why.get})`}`);
const home = mkdtempSync(join(tmpdir(), 'unroot-disks-'));
afterAll(() => rmSync(home, { recursive: true }));

const bound = (): readonly string[] =>
  readdirSync('/sys/block').filter((name) => {
    const file = `/sys/block/${name}/loop/backing_file`;
    return existsSync(file) && readFileSync(file, 'utf8').includes(home);
  });

describe.skipIf(!can)('disks of a node', () => {
  it('are devices with the numbers they say, over files of their own, and are let go', async () => {
    const { disks, remove } = makeDisks(home, 2);
    try {
      expect(disks.map(({ name, major }) => [name, major])).toEqual([
        ['/dev/vdb', 7],
        ['/dev/vdc', 7],
      ]);
      expect(bound()).toHaveLength(2);
      const node = join(home, 'node');
      execFileSync('mknod', [node, 'b', '7', String(disks[1]!.minor)]);
      const fd = openSync(node, 'r+');
      writeSync(fd, 'x'.repeat(512));
      closeSync(fd);
      execFileSync('sync', [node]);
      expect(readFileSync(join(home, 'vdc.img')).subarray(0, 3).toString()).toBe('xxx');
      expect(readFileSync(join(home, 'vdb.img')).subarray(0, 3)).toEqual(Buffer.alloc(3));
    } finally {
      await remove();
    }
    expect(bound()).toEqual([]);
  });

  it('are let go when a later one cannot be made', () => {
    // A file that cannot be written: the second disk's name is a folder.
    execFileSync('mkdir', ['-p', join(home, 'second/vdc.img')]);
    expect(() => makeDisks(join(home, 'second'), 2)).toThrow();
    expect(bound()).toEqual([]);
  });
});
