/**
 * Disks of a node: loop devices of this machine over files of its own folder. The player binds them before the node starts and lets them go
 * after its end, so that the node needs no /dev/loop-control and reaches no other one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../engine/command.ts';
import { type Registration, register, undo } from '../engine/reaper.ts';
import { UnrootError } from '../error.ts';

export interface NodeDisk {
  /** In the node: /dev/vdb, /dev/vdc. */
  readonly name: string;
  readonly major: number;
  readonly minor: number;
}

export interface NodeDisks {
  readonly disks: readonly NodeDisk[];
  /** When the node is gone. */
  remove(): Promise<void>;
}

/** Sparse: what is not written takes no place. */
const BYTES = 64 * 2 ** 20;
/** linux/major.h */
export const LOOP_MAJOR = 7;

/** Whether some can be made here; else what is missing and how to get it. */
export function whyNoDisks(): { readonly why: string; readonly get: string } | undefined {
  if (!existsSync('/dev/loop-control'))
    return {
      why: 'there are no loop devices (/dev/loop-control)',
      get: 'modprobe loop; in a container: --privileged, or --device /dev/loop-control with some /dev/loopN',
    };
  try {
    execFileSync('losetup', ['--find'], { stdio: ['ignore', 'pipe', 'pipe'] });
    return undefined;
  } catch (cause) {
    const { code, stderr } = cause as { code?: string; stderr?: Buffer };
    if (code === 'ENOENT') return { why: 'losetup is not installed', get: 'apt-get install -y mount' };
    return {
      why: `no loop device can be used: ${stderr?.toString().trim() || (cause as Error).message}`,
      get: 'root on the machine itself, or a container with --privileged',
    };
  }
}

/** Makes `count` of them, with their files in `home`. */
export function makeDisks(home: string, count: number): NodeDisks {
  const made: { readonly device: string; readonly file: string; readonly registration: Registration }[] = [];
  const disks: NodeDisk[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `vd${String.fromCharCode('b'.charCodeAt(0) + index)}`;
    const file = join(home, `${name}.img`);
    try {
      writeFileSync(file, '', { mode: 0o600 });
      truncateSync(file, BYTES);
      const device = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      const path = device.trim();
      made.push({ device: path, file, registration: register(undo.command('losetup', '--detach', path)) });
      const { rdev } = statSync(path);
      // makedev(3): of a loop device the number is small.
      disks.push({ name: `/dev/${name}`, major: LOOP_MAJOR, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) });
    } catch (cause) {
      for (const { device } of made) execFileSync('losetup', ['--detach', device], { stdio: 'ignore' });
      for (const { registration } of made) registration.release();
      throw new UnrootError(
        `a disk of the node cannot be made: ${(cause as { stderr?: string }).stderr?.trim() || (cause as Error).message}`,
        {
          code: 'lab.node-failed',
          hint: 'unroot lab list says what this machine lacks',
          cause,
        },
      );
    }
  }
  return {
    disks,
    async remove() {
      for (const { device, file, registration } of made) {
        // What is still mounted goes a moment after the last process; the kernel then lets the device go by itself.
        if (isOver(device, file)) await runCommand(['losetup', '--detach', device], { timeoutMs: 10_000 });
        for (let left = 250; isOver(device, file) && left > 0; left -= 1) await sleep(20);
        registration.release();
      }
    },
  };
}

/** Somebody else may have it by now. */
function isOver(device: string, file: string): boolean {
  const backing = `/sys/block/${basename(device)}/loop/backing_file`;
  return existsSync(backing) && readFileSync(backing, 'utf8').trim().startsWith(file);
}
