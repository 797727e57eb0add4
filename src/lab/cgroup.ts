/**
 * Control groups of one node: limits on the outer one, which the node cannot see; the inner one is bound into it, so that container runtimes
 * there make theirs below. Where no group can be made there are no such limits, and the node says so.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeCgroup } from '../engine/cgroup.ts';
import { register, undo } from '../engine/reaper.ts';
import { CONTAINER_DEVICES, type DeviceRule, limitDevices } from './device-filter.ts';

export interface NodeCgroup {
  readonly version: 1 | 2 | undefined;
  /** For the node's script: name below /sys/fs/cgroup ('' = all of it) and folder of the machine. */
  readonly binds: readonly (readonly [name: string, folder: string])[];
  /** A process that writes 0 to each is in. */
  readonly join: readonly string[];
  /** What is not limited, in words. */
  readonly notes: readonly string[];
  remove(): Promise<void>;
}

export interface CgroupLimits {
  readonly processes: number;
  readonly megabytes: number;
  /** What may be opened besides what containers may. */
  readonly devices: readonly DeviceRule[];
}

/** Makes them. */
export function makeNodeCgroup(id: string, limits: CgroupLimits): NodeCgroup {
  const free = freeCgroup(`unroot-lab-${id}`);
  if (free === undefined)
    return {
      version: undefined,
      binds: [],
      join: [],
      notes: ['no control groups can be made here: the number of processes and their memory are not limited'],
      remove: async () => {},
    };
  const registrations = free.folders.map((folder) => register(undo.rmdir(folder)));
  const devices = [...CONTAINER_DEVICES, ...limits.devices];
  const set = (file: string, value: string): void => {
    if (existsSync(file)) writeFileSync(file, value);
  };
  for (const folder of free.folders) {
    const inner = join(folder, 'node');
    if (free.version === 2) enable(dirname(folder));
    mkdirSync(folder, { recursive: true });
    set(join(folder, 'pids.max'), String(limits.processes));
    set(join(folder, free.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'), String(limits.megabytes * 2 ** 20));
    if (existsSync(join(folder, 'devices.deny'))) {
      writeFileSync(join(folder, 'devices.deny'), 'a');
      const rules = devices.map(([type, major, minor]) => `${type} ${major}:${minor ?? '*'} rwm`);
      // Making a node gives no access.
      for (const rule of ['c *:* m', 'b *:* m', ...rules]) writeFileSync(join(folder, 'devices.allow'), rule);
    }
    if (free.version === 2) limitDevices(folder, devices);
    inherit(folder);
    if (free.version === 2) enable(folder);
    mkdirSync(inner, { recursive: true });
    inherit(inner);
    // Version 2 has processes only in groups without groups of their own.
    if (free.version === 2) mkdirSync(join(inner, 'init'), { recursive: true });
  }
  return {
    version: free.version,
    binds: free.folders.map((folder) => [free.version === 2 ? '' : basename(dirname(folder)), join(folder, 'node')]),
    join: free.folders.map((folder) => join(folder, free.version === 2 ? 'node/init' : 'node', 'cgroup.procs')),
    notes: [],
    async remove() {
      for (const folder of free.folders) await removeTree(folder);
      for (const registration of registrations) registration.release();
    },
  };
}

/** cpuset of version 1: a new group has no processors until it is told. */
function inherit(folder: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const file = join(folder, name);
    if (!existsSync(join(folder, 'cpuset.mems')) || !existsSync(file) || existsSync(join(folder, 'cgroup.controllers'))) continue;
    const value = readFileSync(join(dirname(folder), name), 'utf8').trim();
    if (value !== '') writeFileSync(file, value);
  }
}

function enable(folder: string): void {
  const has = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  for (const name of ['pids', 'memory', 'cpu']) {
    if (!has.includes(name)) continue;
    try {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${name}`);
    } catch {
      // Processes of others sit in it: then this one is not limited, as before.
    }
  }
}

/** Deepest first; each is busy until its last process is quite gone. */
async function removeTree(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  for (let left = 500; existsSync(folder) && left > 0; left -= 1) {
    try {
      rmdirSync(folder);
    } catch {
      await sleep(20);
    }
  }
}
