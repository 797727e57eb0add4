import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findProgram } from '../../engine/builtin-tools.ts';
import { cpio } from './cpio.ts';

const busybox = findProgram('busybox');
if (busybox === undefined) console.warn('SKIPPED: cpio: busybox is not installed (apt-get install -y busybox-static)');

it.skipIf(busybox === undefined)('is an archive that busybox unpacks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-cpio-'));
  try {
    const data = Buffer.from('#!/bin/sh\necho odd\n');
    const input = cpio([
      { name: 'bin', mode: 0o40755 },
      { name: 'bin/three', mode: 0o100755, data },
      { name: 'empty', mode: 0o100644 },
    ]);
    execFileSync(busybox!, ['cpio', '-i', '-d'], { cwd: folder, input, stdio: ['pipe', 'pipe', 'pipe'] });
    expect(readFileSync(join(folder, 'bin/three'))).toEqual(data);
    expect(statSync(join(folder, 'bin/three')).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, 'empty')).size).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
