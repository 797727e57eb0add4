/** The rules that need no file against the kernel of this machine, in network, host name and mount namespaces of their own. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/linux/access.ts';
import { type Capability, capabilitySet } from '../../src/linux/capability.ts';
import type { Credentials } from '../../src/linux/credentials.ts';
import type { FileTree, KernelFacts } from '../../src/linux/decision.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { asLine, availableCapabilities, doLine, factsHere, missingHere, perform } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/process.test.ts: ${missing}`);
const HAVE = missing === undefined ? availableCapabilities() : [];

/** CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET. */
const OWN_NAMESPACES = 0x00020000 | 0x04000000 | 0x40000000;
const ROOT: FileTree = {
  lookup: (path) => (path === '/' ? { inode: { type: 'directory', uid: 0, gid: 0, mode: 0o755 } } : 'unknown'),
};

const NEEDED: Capability[] = [
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_KILL',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
  'CAP_SYS_NICE',
  'CAP_SETPCAP',
];

const id = fc.constantFrom(-1, 0, 1000, 1001);
const OPERATIONS: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant('bind' as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    address: fc.constant('0.0.0.0'),
    port: fc.constantFrom(0, 1, 79, 80, 81, 1023, 1024, 8080),
  }),
  fc.record({
    kind: fc.constant('socket' as const),
    type: fc.constantFrom('raw' as const, 'packet' as const, 'ping' as const, 'netlink' as const),
    family: fc.constant('inet' as const),
  }),
  fc.record({ kind: fc.constant('setuid' as const), call: fc.constant('setresuid' as const), ids: fc.tuple(id, id, id) }),
  fc.record({ kind: fc.constant('setgid' as const), call: fc.constant('setresgid' as const), ids: fc.tuple(id, id, id) }),
  fc.record({ kind: fc.constant('setgroups' as const), groups: fc.uniqueArray(fc.constantFrom(0, 50, 1000), { maxLength: 2 }) }),
  fc.constant({ kind: 'chroot' as const, path: '/' }),
  fc.constant({ kind: 'mount' as const, call: 'mount' as const, path: '/' }),
  fc.constant({ kind: 'unshare' as const, flags: ['CLONE_NEWUTS'] }),
  fc.constant({ kind: 'priority' as const, call: 'setpriority', lowers: true }),
  fc.constant({ kind: 'sethostname' as const }),
  fc.constant({ kind: 'bounding-drop' as const }),
  // Process 1 is root's everywhere.
  fc.constant({ kind: 'kill' as const, pid: 1, signal: '0', targetUid: 0 }),
);

const scenario = fc.record({
  uid: fc.constantFrom(0, 1000, 1001),
  gid: fc.constantFrom(0, 50, 1000),
  groups: fc.uniqueArray(fc.constantFrom(0, 50, 1000), { maxLength: 2 }),
  capabilities: fc.subarray(NEEDED, { maxLength: 4 }),
  portStart: fc.constantFrom(0, 80, 1024),
  pingGroups: fc.constantFrom<(readonly [number, number])[]>([1, 0], [0, 0], [50, 1000], [0, 2147483647]),
  operations: fc.array(OPERATIONS, { minLength: 30, maxLength: 30 }),
});

describe.skipIf(missing !== undefined)('rules without files', () => {
  test('ports, sockets, ids, signals, priorities and the administrator’s calls', () => {
    let denied = 0;
    let allowed = 0;
    fc.assert(
      fc.property(scenario, (one) => {
        const capabilities = capabilitySet(one.capabilities.filter((name) => HAVE.includes(name)));
        const who: Credentials = {
          uid: one.uid,
          gid: one.gid,
          groups: one.groups,
          noNewPrivileges: false,
          capabilities: { bounding: HAVE, permitted: capabilities, effective: capabilities, inheritable: [], ambient: [] },
        };
        const facts: KernelFacts = { ...factsHere(), unprivilegedPortStart: one.portStart, pingGroupRange: one.pingGroups };
        const { results } = perform([
          `unshare\t${OWN_NAMESPACES}`,
          `write\t/proc/sys/net/ipv4/ip_unprivileged_port_start\t${one.portStart}`,
          `write\t/proc/sys/net/ipv4/ping_group_range\t${one.pingGroups.join(' ')}`,
          asLine(who, 0o022),
          ...one.operations.map(doLine),
        ]);
        one.operations.forEach((operation, index) => {
          const decision = decide(operation, who, ROOT, facts);
          const story = `${JSON.stringify(operation)} by ${JSON.stringify(one)}: ${decision.steps.map((step) => step.text).join('; ')}`;
          expect(decision.known, story).toBe(true);
          expect(decision.errno ?? 'OK', story).toBe(results[index]);
          if (decision.allowed) allowed += 1;
          else denied += 1;
        });
      }),
      { numRuns: Number(process.env.UNROOT_REALITY_RUNS ?? 40), endOnFailure: true },
    );
    expect(denied).toBeGreaterThan(200);
    expect(allowed).toBeGreaterThan(200);
    console.info(`${allowed + denied} decisions compared, ${denied} of them denials`);
  });
});
