/** Files below /proc/sys against the kernel: their bits hold even for those whom capabilities let through everywhere else. Nothing is written. */
import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/linux/access.ts';
import type { Capability } from '../../src/linux/capability.ts';
import type { Credentials } from '../../src/linux/credentials.ts';
import type { FileNode, FileTree } from '../../src/linux/decision.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { asLine, doLine, factsHere, missingHere, perform } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/sysctl.test.ts: ${missing}`);

/** CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET. */
const OWN_NAMESPACES = 0x00020000 | 0x04000000 | 0x40000000;
const FILES = [
  ...['net/ipv4/ip_forward', 'net/ipv4/tcp_fastopen_key', 'net/ipv4/ping_group_range', 'net/core/somaxconn'],
  ...[
    'kernel/hostname',
    'kernel/cad_pid',
    'kernel/ostype',
    'kernel/random/uuid',
    'vm/compact_memory',
    'vm/swappiness',
    'fs/file-nr',
  ],
].map((name) => `/proc/sys/${name}`);
const SETS: readonly (readonly Capability[])[] = [
  [],
  ['CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH', 'CAP_FOWNER', 'CAP_SYS_ADMIN'],
  ['CAP_NET_ADMIN'],
];

/** Settings come and go with the kernel's configuration. */
function nodeOf(path: string): FileNode | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const sysctl = path.startsWith('/proc/sys/')
    ? { sysctl: path.startsWith('/proc/sys/net') ? ('net' as const) : ('kernel' as const) }
    : {};
  const type = found.isDirectory() ? 'directory' : 'file';
  return { inode: { type, uid: found.uid, gid: found.gid, mode: found.mode & 0o7777, ...sysctl } };
}

describe.skipIf(missing !== undefined)('settings of the kernel', () => {
  test('go by ids; only the network’s administrator is let through, and only to the network’s', () => {
    const tree: FileTree = { lookup: nodeOf };
    const facts = factsHere();
    let compared = 0;
    const answers = new Set<string>();
    for (const uid of [0, 1000]) {
      for (const gid of [0, 1000]) {
        for (const names of SETS) {
          const capabilities = { bounding: [], permitted: names, effective: names, inheritable: [], ambient: [] };
          const who: Credentials = { uid, gid, groups: [], noNewPrivileges: false, capabilities };
          const operations = FILES.filter((path) => nodeOf(path) !== undefined).flatMap((path): Operation[] => [
            { kind: 'open', path, access: 'read' },
            { kind: 'open', path, access: 'write' },
          ]);
          const { results } = perform([`unshare\t${OWN_NAMESPACES}`, asLine(who, 0), ...operations.map(doLine)]);
          operations.forEach((operation, index) => {
            const decision = decide(operation, who, tree, facts);
            const story = `${JSON.stringify(operation)} by ${uid}:${gid} ${names}: ${decision.steps.map((step) => step.text).join('; ')}`;
            expect(decision.errno ?? 'OK', story).toBe(results[index]);
            answers.add(results[index]!);
            compared += 1;
          });
        }
      }
    }
    expect(compared).toBeGreaterThan(150);
    expect([...answers].sort()).toEqual(['EACCES', 'OK']);
  });
});
