import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTAINER_DEVICES, limitDevices } from './device-filter.ts';

const tree = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((folder) => existsSync(join(folder, 'cgroup.controllers')));
const group = join(tree ?? '', `unroot-test-${process.pid}`);
const can = ((): boolean => {
  try {
    mkdirSync(group);
    return tree !== undefined;
  } catch {
    return false;
  }
})();
if (!can) console.warn('SKIPPED: device filter: no control group of version 2 can be made here (it needs root and cgroup2)');

describe.skipIf(!can)('devices of a control group of version 2', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-devices-'));
  /** What opening a device says, from inside the group. */
  const opened = (type: string, major: number, minor: number): string =>
    execFileSync(
      'sh',
      [
        '-c',
        `echo 0 >${group}/cgroup.procs; mknod ${folder}/d ${type} ${major} ${minor} || exit; dd if=${folder}/d of=/dev/null bs=1 count=0 2>&1 | tail -1; rm ${folder}/d`,
      ],
      { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
    ).trim();
  beforeAll(() => expect(opened('c', 1, 11)).not.toMatch(/not permitted/));
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    for (let left = 50; existsSync(group) && left > 0; left -= 1) {
      try {
        rmdirSync(group);
      } catch {
        await sleep(20);
      }
    }
    expect(existsSync(group)).toBe(false);
  });

  it('lets those of containers be opened, and no others', () => {
    limitDevices(group, CONTAINER_DEVICES);
    for (const [major, minor] of [
      [1, 3],
      [1, 5],
      [1, 9],
    ] as const)
      expect(opened('c', major, minor)).not.toMatch(/not permitted/);
    // The kernel's log, a number of no driver, the first loop device: nodes can be made, not opened.
    expect(opened('c', 1, 11)).toMatch(/Operation not permitted/);
    expect(opened('b', 7, 0)).toMatch(/Operation not permitted/);
    expect(opened('c', 10, 237)).toMatch(/Operation not permitted/);
  });

  it('names what is wrong', () => {
    expect(() => limitDevices(join(tree ?? '', 'nothing'), [['b', 7]])).toThrow(/cannot be limited: .*No such file/);
  });
});
