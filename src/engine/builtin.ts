/** The engine for machines that have none: over util-linux and coreutils alone. Finds out whether they are there and new enough. */
import { UnrootError } from '../error.ts';
import { capabilitySet } from '../linux/capability.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { profile as platformProfile } from '../platform/profiles.ts';
import { createBuiltinContainer } from './builtin-container.ts';
import { findProgram } from './builtin-tools.ts';
import { sameSet } from './capability-flags.ts';
import { runCommand } from './command.ts';
import type { Engine, EngineStatus } from './engine.ts';
import { deviceDifferences } from './handed-in.ts';
import { localEngine } from './oci-engine.ts';
import { whyNotIsolated } from './privileges.ts';

/** What is used, and the Debian package that brings it. */
const NEEDED: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  pivot_root: 'util-linux',
  mount: 'mount',
  umount: 'mount',
  env: 'coreutils',
  mknod: 'coreutils',
  mkfifo: 'coreutils',
  cp: 'coreutils',
  sh: 'dash',
  ldd: 'libc-bin',
};

const NOTES: readonly string[] = [
  'built in, over util-linux: no seccomp profile; no control groups, so /sys/fs/cgroup is empty',
  'network: loopback only, no bridge to the outside',
  'the working directory is entered, and the program executed, with the rights of its user, where runc still has those of the runtime',
];

/** Are the programs there, and may we use them? */
export async function detectBuiltin(): Promise<EngineStatus> {
  const missing = Object.keys(NEEDED).filter((name) => findProgram(name) === undefined);
  const status = { kind: 'builtin' as const, notes: NOTES };
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((name) => NEEDED[name]!))];
    return {
      ...status,
      available: false,
      reason: `${missing.join(', ')} not installed`,
      install: `apt-get install -y ${packages.join(' ')}`,
    };
  }
  const version = /util-linux (\S+)/.exec((await runCommand(['unshare', '--version'], { timeoutMs: 10_000 })).stdout)?.[1];
  // busybox has programs of these names that do less.
  const weak = [
    ...((await lacks(['setpriv', '--help'], '--bounding-set')) ? ['setpriv of util-linux'] : []),
    ...((await lacks(['unshare', '--help'], '--kill-child')) ? ['unshare of util-linux 2.32 or later'] : []),
    ...((await lacks(['env', '--help'], '--chdir')) ? ['env of GNU coreutils 8.28 or later'] : []),
  ];
  if (weak.length > 0)
    return {
      ...status,
      available: false,
      reason: `it needs ${weak.join(', ')}`,
      install: 'apt-get install -y util-linux coreutils',
    };
  const reason = whyNotIsolated();
  return {
    ...status,
    available: reason === undefined,
    version: version ?? 'unknown',
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The engine. Throws when {@link detectBuiltin} says no. */
export async function openBuiltinEngine(profile?: PlatformProfile): Promise<Engine> {
  const status = await detectBuiltin();
  if (!status.available) {
    throw new UnrootError(`the built-in engine cannot be used: ${status.reason}`, {
      code: 'engine.unavailable',
      ...(status.install ? { hint: status.install } : {}),
    });
  }
  return localEngine({
    kind: 'builtin',
    version: status.version ?? 'unknown',
    profile: profile ?? platformProfile('docker'),
    notes: status.notes,
    differences(launch) {
      const found: string[] = [];
      // The runtime's own execve may carry capabilities over under no_new_privs; setpriv's have passed two programs by then.
      const { runtimeCapabilities: runtime, capabilities: after } = launch;
      const lost = after.permitted.filter((name) => launch.uid !== 0 && !runtime.ambient.includes(name));
      if (launch.noNewPrivileges && lost.length > 0)
        found.push(`file capabilities of the program have no effect under no_new_privs: ${lost.join(', ')}`);
      // Under no_new_privs root gets no capability by execve that it did not have (security/commoncap.c); setpriv takes none from the permitted set.
      const whole = capabilitySet([...runtime.bounding, ...runtime.inheritable]);
      if (launch.noNewPrivileges && launch.uid === 0 && !sameSet(runtime.permitted, whole)) {
        found.push('permitted and effective sets: root keeps all of its bounding set');
      }
      if (launch.hostPid === true) found.push('hostPID: it has a PID namespace of its own here');
      return [...found, ...deviceDifferences('this engine', launch)];
    },
    create: createBuiltinContainer,
  });
}

async function lacks(argv: readonly string[], word: string): Promise<boolean> {
  const { stdout, stderr } = await runCommand(argv, { timeoutMs: 10_000 });
  return !`${stdout}${stderr}`.includes(word);
}
