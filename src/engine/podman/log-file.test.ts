import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runLog } from '../run-log.ts';
import { followLogFile } from './log-file.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroot-test-'));
  path = join(folder, 'log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const line = (stream: string, tag: string, text: string): string =>
  `2026-11-21T07:45:39.968123442+00:00 ${stream} ${tag} ${text}\n`;

it('keeps the streams apart, joins pieces, and waits for the rest of a line', () => {
  const log = runLog();
  const file = followLogFile(path, log);
  file.read();
  expect(log.both()).toBe('');
  appendFileSync(
    path,
    line('stdout', 'F', 'one') +
      line('stdout', 'P', 'half') +
      line('stderr', 'F', 'bad') +
      line('stdout', 'F', ' done').slice(0, 50),
  );
  file.read();
  expect([log.stdout(), log.stderr()]).toEqual(['one\nhalf', 'bad\n']);
  appendFileSync(path, line('stdout', 'F', ' done').slice(50));
  file.read();
  expect(log.stdout()).toBe('one\nhalf done\n');
  expect(log.both()).toBe('one\nhalfbad\n done\n');
  file.close();
});

it('reads an empty line, one with blanks, and nothing of what is no line of the format', () => {
  const log = runLog();
  const file = followLogFile(path, log);
  writeFileSync(path, `${line('stdout', 'F', '')}${line('stdout', 'F', '  x  y ')}garbage\nmore garbage here\n`);
  file.read();
  expect(log.both()).toBe('\n  x  y \n');
  file.close();
});

it('loses nothing when a new file takes the place of the old one', () => {
  const log = runLog();
  const file = followLogFile(path, log);
  writeFileSync(path, line('stdout', 'F', '1'));
  file.read();
  appendFileSync(path, line('stdout', 'F', '2'));
  writeFileSync(`${path}.tmp`, line('stdout', 'F', '3'));
  renameSync(`${path}.tmp`, path);
  appendFileSync(path, line('stdout', 'F', '4'));
  file.read();
  expect(log.stdout()).toBe('1\n2\n3\n4\n');
  file.close();
});
