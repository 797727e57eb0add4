/** As whom RUN lines, and the program in the end, work: USER looked up among the accounts that the build has by then. */

import { decideQuietly } from '../linux/access.ts';
import { NO_CAPABILITIES } from '../linux/capability.ts';
import type { FileTree, QuietDecision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import type { BuildAccounts } from './build-accounts.ts';
import { groupCalled, userCalled } from './build-accounts.ts';
import type { BuildTree } from './build-tree.ts';
import type { StageState, Worker } from './stage-state.ts';

export function workerOf(user: string | undefined, accounts: BuildAccounts, state: StageState): Worker {
  if (user === undefined) return { text: 'the user of the base', uid: undefined, gid: undefined, groups: [] };
  const [name = '', group] = user.split(':');
  const found = name === '' ? { uid: 0, gid: 0 } : userCalled(name, accounts);
  const gid =
    group === undefined || group === ''
      ? (found?.gid ?? (state.baseMissing === undefined ? 0 : undefined))
      : groupCalled(group, accounts);
  if (found === undefined) {
    const unsure = state.baseMissing !== undefined || state.opaque.some(({ kind, asRoot }) => kind !== 'content' && asRoot);
    return { text: name, uid: undefined, gid, groups: [], ...(unsure ? {} : { missing: `no user ${name} in /etc/passwd` }) };
  }
  const groups = accounts.groups.filter(({ members }) =>
    accounts.users.some((entry) => entry.uid === found.uid && members.includes(entry.name)),
  );
  const text = /^\d+$/.test(name) || name === '' ? `uid ${found.uid}` : `${name} (uid ${found.uid})`;
  return { text, uid: found.uid, gid, groups: group === undefined ? groups.map((one) => one.gid) : [] };
}

/** Whether that user may do it, on the files as they are by now. Undefined: nobody knows. */
export function mayDo(operation: Operation, worker: Worker, tree: BuildTree, complete: boolean): QuietDecision | undefined {
  if (worker.uid === undefined) return undefined;
  const who = {
    uid: worker.uid,
    gid: worker.gid ?? worker.uid,
    groups: worker.groups,
    capabilities: NO_CAPABILITIES,
    noNewPrivileges: false,
  };
  const files: FileTree = {
    lookup: (path) => {
      const entry = tree.get(path);
      if (entry === undefined) return complete ? undefined : 'unknown';
      return entry.target === undefined ? { inode: entry } : { inode: entry, target: entry.target };
    },
  };
  return decideQuietly(operation, who, files, {
    unprivilegedPortStart: 0,
    pingGroupRange: [0, 0],
    protectedRegular: 0,
    protectedFifos: 0,
    protectedHardlinks: 0,
    protectedSymlinks: 0,
  });
}
