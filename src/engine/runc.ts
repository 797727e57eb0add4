/** Finds runc and crun on this machine and says what keeps them from being used. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { profile as platformProfile } from '../platform/profiles.ts';
import { cgroupVersion, freeCgroup } from './cgroup.ts';
import { runCommand } from './command.ts';
import type { Engine, EngineStatus } from './engine.ts';
import { ociEngine } from './oci-engine.ts';
import { whyNotIsolated } from './privileges.ts';
import { newId } from './rootfs/run-folder.ts';

/** Is runc there, and may we use it? It finds its groups in mountinfo and gives up where none are mounted (libcontainer/cgroups: `no cgroup mount found in mountinfo`). */
export async function detectRunc(): Promise<EngineStatus> {
  const status = await detect('runc');
  if (!status.available || cgroupVersion() !== undefined) return status;
  return { ...status, available: false, reason: 'runc does not work here: no control groups are mounted at /sys/fs/cgroup' };
}

/** Is crun there, and does it work here? Debian's refuses control groups of version 1. */
export async function detectCrun(): Promise<EngineStatus> {
  const status = await detect('crun');
  if (!status.available) return status;
  const words = await crunRefuses();
  return words === undefined ? status : { ...status, available: false, reason: `crun does not work here: ${words}` };
}

/** runc or crun as an engine. It decides nothing about identity itself: unless told, it does as the newest Docker. */
export async function openOciEngine(kind: 'runc' | 'crun', profile?: PlatformProfile): Promise<Engine> {
  const status = await (kind === 'runc' ? detectRunc() : detectCrun());
  if (!status.available) {
    throw new UnrootError(`${kind} cannot be used: ${status.reason}`, {
      code: 'engine.unavailable',
      ...(status.install ? { hint: status.install } : {}),
    });
  }
  return ociEngine({ kind, program: kind }, status.version ?? '', profile ?? platformProfile('docker'), status.notes);
}

async function detect(kind: 'runc' | 'crun'): Promise<EngineStatus> {
  const run = await runCommand([kind, '--version'], { timeoutMs: 10_000 });
  const install = `apt-get install -y ${kind}`;
  if (run.missing) return { kind, available: false, reason: `${kind} is not installed`, install, notes: [] };
  // `runc version 1.1.5+ds1`, `crun version 1.8.1`.
  const version = /version (\S+)/.exec(run.stdout)?.[1];
  if (run.code !== 0 || version === undefined) {
    return {
      kind,
      available: false,
      reason: `${kind} --version fails: ${(run.stderr || run.stdout).trim()}`,
      install,
      notes: [],
    };
  }
  const notes = ['no seccomp profile is applied', 'network: loopback only, no bridge to the outside'];
  if (!freeCgroup(newId())) notes.push('no control groups: they cannot be written here');
  const reason = whyNotIsolated();
  return { kind, available: reason === undefined, version, ...(reason === undefined ? {} : { reason }), notes };
}

/** Its own words, from an empty bundle that could only fail at the very end, for want of a program. */
async function crunRefuses(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-crun-'));
  const id = newId();
  try {
    mkdirSync(join(folder, 'root'));
    const spec = {
      ociVersion: '1.0.2',
      process: { user: { uid: 0, gid: 0 }, args: ['/none'], cwd: '/', env: [] },
      root: { path: join(folder, 'root') },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: { namespaces: ['pid', 'mount', 'network', 'ipc', 'uts'].map((type) => ({ type })), cgroupsPath: `/${id}` },
    };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(spec));
    const base = ['crun', '--root', join(folder, 'state')];
    const run = await runCommand([...base, 'run', '--bundle', folder, id], { timeoutMs: 10_000 });
    if (existsSync(join(folder, 'state', id))) await runCommand([...base, 'delete', '--force', id], { timeoutMs: 10_000 });
    const words = run.stderr.trim();
    if (/executable file.*not found|\/none/i.test(words)) return undefined;
    return `${words || `exit code ${run.code}`}${cgroupVersion() === 1 ? ' (this machine has control groups of version 1)' : ''}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
