import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { folderChanges, overlayChanges, snapshot } from './changes.ts';
import type { FileChange } from './engine.ts';
import { tmpfsOf } from './mount-watch.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroot-test-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const words = (changes: readonly FileChange[]): string[] => changes.map((each) => `${each.change} ${each.type} ${each.path}`);
const root = process.getuid?.() === 0;
if (!root) console.warn('SKIPPED: whiteouts and opaque folders: needs root');

describe('folderChanges', () => {
  it('tells added, modified and deleted, under the path inside the container', () => {
    writeFileSync(join(folder, 'stays'), 'a');
    writeFileSync(join(folder, 'grows'), 'a');
    writeFileSync(join(folder, 'goes'), 'a');
    mkdirSync(join(folder, 'sub'));
    const before = snapshot(folder);
    writeFileSync(join(folder, 'grows'), 'ab');
    unlinkSync(join(folder, 'goes'));
    writeFileSync(join(folder, 'sub/new'), '');
    chmodSync(folder, 0o711);
    expect(words(folderChanges('/data', before, snapshot(folder)))).toEqual([
      'modified directory /data',
      'deleted file /data/goes',
      'modified file /data/grows',
      'added file /data/sub/new',
    ]);
  });

  it('sees a change of content that kept the size, and one of the mode', () => {
    writeFileSync(join(folder, 'same'), 'a');
    writeFileSync(join(folder, 'mode'), 'a');
    const before = snapshot(folder);
    expect(folderChanges('/d', before, snapshot(folder))).toEqual([]);
    writeFileSync(join(folder, 'same'), 'b');
    chmodSync(join(folder, 'mode'), 0o600);
    expect(words(folderChanges('/d', before, snapshot(folder)))).toEqual(['modified file /d/mode', 'modified file /d/same']);
  });

  it('never follows a link, and takes a missing folder for an empty one', () => {
    symlinkSync('/', join(folder, 'everything'));
    expect([...snapshot(folder).keys()].sort()).toEqual(['/', '/everything']);
    expect(snapshot(join(folder, 'none')).size).toBe(0);
  });
});

describe('overlayChanges', () => {
  const image = memoryRootFs({
    '/etc/passwd': 'root',
    '/etc/gone': 'x',
    '/deep/er/file': 'x',
    '/deep/er/kept': 'x',
    '/home': { mode: 0o755 },
  });

  it('leaves out what the runtime made before the start, and folders only copied up', () => {
    mkdirSync(join(folder, 'etc'), { mode: 0o755 });
    mkdirSync(join(folder, 'run'));
    writeFileSync(join(folder, 'etc/hosts'), '');
    const baseline = snapshot(folder);
    writeFileSync(join(folder, 'etc/passwd'), 'root and one more');
    writeFileSync(join(folder, 'run/pid'), '1');
    mkdirSync(join(folder, 'home'), { mode: 0o700 });
    expect(words(overlayChanges(folder, baseline, image))).toEqual([
      'modified file /etc/passwd',
      'modified directory /home',
      'added file /run/pid',
    ]);
  });

  it.runIf(root)('reads whiteouts, and what vanished behind an opaque folder', () => {
    mkdirSync(join(folder, 'etc'));
    expect(spawnSync('mknod', [join(folder, 'etc/gone'), 'c', '0', '0']).status).toBe(0);
    expect(spawnSync('mknod', [join(folder, 'etc/never-was'), 'c', '0', '0']).status).toBe(0);
    mkdirSync(join(folder, 'deep/er'), { recursive: true });
    writeFileSync(join(folder, 'deep/er/kept'), 'anew');
    expect(words(overlayChanges(folder, new Map(), image, ['/deep/er', '/etc/gone']))).toEqual([
      'deleted file /deep/er/file',
      'modified file /deep/er/kept',
      'deleted file /etc/gone',
    ]);
  });
});

describe('tmpfsOf', () => {
  it('finds a tmpfs of a process by its mount point only', () => {
    expect(tmpfsOf(process.pid, '/dev/shm')).toBe(`/proc/${process.pid}/root/dev/shm`);
    expect(tmpfsOf(process.pid, '/proc')).toBeUndefined();
    expect(tmpfsOf(process.pid, '/dev/shm/none')).toBeUndefined();
  });
});
