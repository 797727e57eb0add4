/** A running process as the access model knows one: its status file, in the numbers of its own user namespace. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { UnrootError } from '../../../error.ts';
import { type Names, namesOf } from '../../../explain/names.ts';
import { NO_CAPABILITIES } from '../../../linux/capability.ts';
import type { Credentials } from '../../../linux/credentials.ts';
import type { KernelFacts } from '../../../linux/decision.ts';
import { capabilityState, nodeProcesses } from '../../checks/processes.ts';
import { insideId, mappingOf } from './live-tree.ts';

export interface Asker {
  readonly credentials: Credentials;
  readonly command: string;
  readonly names: Names;
}

/** `proc`: the node's /proc; `pid` as the node counts. Throws `lab.process-gone`. */
export function askerOf(proc: string, pid: number): Asker {
  const status = nodeProcesses(proc).find((one) => one.pid === pid);
  if (status === undefined)
    throw new UnrootError('This process is gone', { code: 'lab.process-gone', hint: 'choose another one' });
  const uids = mappingOf(`${proc}/${pid}`, 'uid_map');
  const gids = mappingOf(`${proc}/${pid}`, 'gid_map');
  const uid = (index: number): number => insideId(status.uids[index] ?? 0, uids) ?? 65534;
  const gid = (index: number): number => insideId(status.gids[index] ?? 0, gids) ?? 65534;
  const credentials: Credentials = {
    // File access counts the fourth one (fsuid), which is the effective one wherever nobody asked for something else.
    uid: uid(3),
    gid: gid(3),
    realUid: uid(0),
    savedUid: uid(2),
    realGid: gid(0),
    savedGid: gid(2),
    groups: status.groups.map((group) => insideId(group, gids) ?? 65534),
    capabilities: capabilityState(status.capabilities),
    noNewPrivileges: status.noNewPrivileges,
    ...(uids.length === 0 ? {} : { userNamespace: { uids, gids } }),
  };
  return { credentials, command: status.argv.join(' ').slice(0, 200), names: accounts(`${proc}/${pid}`) };
}

/** Somebody without capabilities in the tree of a process. */
export function somebody(proc: string, pid: number, uid: number, gid: number): Asker {
  const credentials: Credentials = { uid, gid, groups: [], capabilities: NO_CAPABILITIES, noNewPrivileges: false };
  return { credentials, command: `somebody with uid ${uid}`, names: accounts(`${proc}/${pid}`) };
}

const MAX_ACCOUNTS = 1 << 20;

function accounts(folder: string): Names {
  const read = (name: string): string | undefined => {
    let file: number | undefined;
    try {
      // A learner's link could lead to a file of the machine.
      file = openSync(`${folder}/root/etc/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(file);
      return stats.isFile() && stats.size < MAX_ACCOUNTS ? readFileSync(file, 'utf8') : undefined;
    } catch {
      return undefined; // Images without accounts are usual.
    } finally {
      if (file !== undefined) closeSync(file);
    }
  };
  return namesOf(read('passwd'), read('group'));
}

/** What this kernel says of itself; what it does not say is as most systems have it. */
export function kernelFacts(): KernelFacts {
  const number = (name: string, otherwise: number): number => {
    try {
      return Number(readFileSync(`/proc/sys/${name}`, 'utf8'));
    } catch {
      return otherwise;
    }
  };
  return {
    unprivilegedPortStart: number('net/ipv4/ip_unprivileged_port_start', 1024),
    pingGroupRange: [1, 0],
    protectedRegular: number('fs/protected_regular', 2),
    protectedFifos: number('fs/protected_fifos', 1),
    protectedHardlinks: number('fs/protected_hardlinks', 1),
    protectedSymlinks: number('fs/protected_symlinks', 1),
  };
}
