import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { ProcessFacts } from '../lab.ts';
import { factsMissed, type NodeProcess, nodeProcesses } from './processes.ts';

const init: NodeProcess = {
  pid: 1,
  ppid: 0,
  pidInside: 1,
  argv: ['init'],
  uids: [0, 0, 0, 0],
  gids: [0, 0, 0, 0],
  groups: [],
  capabilities: { inheritable: '0', permitted: '200400', effective: '200400', bounding: '200400', ambient: '0' },
  noNewPrivileges: false,
  seccomp: 0,
  controlGroup: '/unroot-lab-1/node',
  namespaces: { pid: 'pid:[1]', net: 'net:[1]', mnt: 'mnt:[1]', user: 'user:[1]', ipc: 'ipc:[1]', uts: 'uts:[1]' },
  container: false,
};
const missed = (is: ProcessFacts, one: Partial<NodeProcess> = {}): readonly string[] =>
  factsMissed({ ...init, ...one }, is, init);

it('names capabilities that are effective, and those that are not', () => {
  // CAP_SYS_ADMIN is 21, CAP_NET_BIND_SERVICE 10.
  expect(missed({ holds: ['CAP_SYS_ADMIN', 'CAP_NET_BIND_SERVICE'], lacks: ['CAP_CHOWN'] })).toEqual([]);
  expect(missed({ holds: ['CAP_CHOWN'], lacks: ['CAP_SYS_ADMIN'] })).toEqual(['it lacks CAP_CHOWN', 'it holds CAP_SYS_ADMIN']);
  const capabilities = { ...init.capabilities, effective: '0' };
  expect(missed({ holds: ['CAP_SYS_ADMIN'] }, { capabilities })).toEqual(['it lacks CAP_SYS_ADMIN']);
});

it("tells the node's namespaces and control group from its own", () => {
  const own = {
    namespaces: { ...init.namespaces, mnt: 'mnt:[2]', user: 'user:[2]' },
    controlGroup: '/unroot-lab-1/node/unroot-c',
  };
  for (const fact of ['mountNamespace', 'userNamespace', 'controlGroup'] as const) {
    expect(missed({ [fact]: 'node' })).toEqual([]);
    expect(missed({ [fact]: 'own' })).toHaveLength(1);
    expect(missed({ [fact]: 'own' }, own)).toEqual([]);
    expect(missed({ [fact]: 'node' }, own)).toHaveLength(1);
  }
});

it('reads them from /proc', () => {
  const own = nodeProcesses('/proc').find(({ pid }) => pid === process.pid);
  expect(own?.namespaces.mnt).toBe(readlinkSync('/proc/self/ns/mnt'));
  expect(own?.uids[1]).toBe(process.geteuid?.());
});
