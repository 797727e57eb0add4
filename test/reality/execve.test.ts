/** The execve model against the kernel of this machine: copies of cat with set-id bits and file capabilities, run by all sorts of processes, read their own /proc/self/status. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CAPABILITIES,
  type Capability,
  type CapabilitySet,
  capabilityMask,
  capabilitySet,
  encodeFileCapabilities,
} from '../../src/linux/capability.ts';
import { type Executable, transitionOnExecve } from '../../src/linux/execve.ts';
import { availableCapabilities, missingHere, perform } from './performer.ts';

const CAT = ['/usr/bin/cat', '/bin/cat'].find((path) => existsSync(path));
const missing = missingHere() ?? (CAT === undefined ? 'needs cat: apt-get install -y coreutils' : undefined);
if (missing !== undefined) console.warn(`SKIPPED test/reality/execve.test.ts: ${missing}`);
const HAVE = missing === undefined ? availableCapabilities() : [];

/** One of them is what root needs to change ids: the kernel looks at it when no_new_privs is set. */
const POOL: Capability[] = ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN', 'CAP_SETUID', 'CAP_BPF'];
const some = fc.subarray(POOL);

const scenario = fc.record({
  uid: fc.constantFrom(0, 1000, 1001),
  gid: fc.constantFrom(0, 1000),
  permitted: some,
  inheritable: some,
  ambient: some,
  dropped: some,
  noNewPrivileges: fc.boolean(),
  noSuid: fc.constantFrom(false, false, false, true),
  files: fc.array(
    fc.record({
      owner: fc.constantFrom(0, 1000, 1001),
      group: fc.constantFrom(0, 50, 1000),
      bits: fc.constantFrom(0, 0, 0o4000, 0o2000, 0o6000),
      groupExecutes: fc.constantFrom(true, true, false),
      capabilities: fc.option(fc.record({ permitted: some, inheritable: some, effective: fc.boolean() }), { freq: 2 }),
    }),
    { minLength: 8, maxLength: 8 },
  ),
});

const numbers = (set: CapabilitySet) => set.map((name) => CAPABILITIES.indexOf(name)).join(',');
const mask = (set: CapabilitySet) => capabilityMask(set).toString(16).padStart(16, '0');

describe.skipIf(missing !== undefined)('what execve makes of a process', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unroot-execve-'));
    perform([`build\tchmod\t${folder}\t${0o755}`]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('ids, permitted, effective, inheritable, bounding and ambient sets, or EPERM', () => {
    const seen = { runs: 0, refused: 0 };
    fc.assert(
      fc.property(scenario, (one) => {
        const own = (set: readonly Capability[]) => capabilitySet(set.filter((name) => HAVE.includes(name)));
        const permitted = own(one.permitted);
        const inheritable = own(one.inheritable);
        const ambient = own(one.ambient.filter((name) => permitted.includes(name) && inheritable.includes(name)));
        const dropped = own(one.dropped);
        const bounding = HAVE.filter((name) => !dropped.includes(name));
        const who = {
          uid: one.uid,
          gid: one.gid,
          noNewPrivileges: one.noNewPrivileges,
          capabilities: { bounding, permitted, effective: permitted, inheritable, ambient },
        };
        const as = ['as', one.uid, one.gid, '', mask(permitted), '22', mask(inheritable), numbers(ambient), numbers(dropped)];
        const files = one.files.map((file, index) => ({
          ...file,
          path: `${folder}/cat${index}`,
          mode: (file.groupExecutes ? 0o755 : 0o745) | file.bits,
        }));
        const { results, statuses } = perform([
          ...files.flatMap((file) => [
            `build\tunlink\t${file.path}`,
            `copy\t${CAT}\t${file.path}`,
            `build\tchown\t${file.path}\t${file.owner}\t${file.group}\t0`,
            `build\tchmod\t${file.path}\t${file.mode}`,
            ...(file.capabilities === null ? [] : [`build\tsetcap\t${file.path}\t${hexOf(file.capabilities)}`]),
          ]),
          ...(one.noSuid ? [`unshare\t${0x00020000}`, `mount\t${folder}\t2`] : []),
          [...as, one.noNewPrivileges ? 1 : 0].join('\t'),
          ...files.map((file) => `do\tstatus\t${file.path}`),
        ]);
        files.forEach((file, index) => {
          // A process in the file's group whose x is missing there may not run it at all; that is access.test.ts's subject.
          if (results[index] === 'EACCES') return;
          const executable: Executable = {
            mode: file.mode,
            uid: file.owner,
            gid: file.group,
            noSuid: one.noSuid,
            ...(file.capabilities === null
              ? {}
              : {
                  fileCapabilities: {
                    permitted: capabilitySet(file.capabilities.permitted),
                    inheritable: capabilitySet(file.capabilities.inheritable),
                    effective: file.capabilities.effective,
                  },
                }),
          };
          const answer = transitionOnExecve(who, executable);
          const story = JSON.stringify({
            who: { ...who, capabilities: { ...who.capabilities, bounding: `all but ${dropped}` } },
            executable,
            steps: answer.steps,
          });
          if (answer.kind === 'refused') {
            seen.refused += 1;
            expect(results[index], story).toBe('EPERM');
            return;
          }
          seen.runs += 1;
          expect(results[index], story).toBe('OK');
          expect(statuses[index], story).toEqual({
            uids: [answer.realUid, answer.uid, answer.uid, answer.uid],
            gids: [answer.realGid, answer.gid, answer.gid, answer.gid],
            ...answer.capabilities,
          });
        });
      }),
      { numRuns: Number(process.env.UNROOT_REALITY_RUNS ?? 60), endOnFailure: true },
    );
    expect(seen.runs).toBeGreaterThan(200);
    expect(seen.refused).toBeGreaterThan(10);
    console.info(`${seen.runs} execve compared, ${seen.refused} refused with EPERM`);
  });
});

function hexOf(capabilities: { permitted: Capability[]; inheritable: Capability[]; effective: boolean }): string {
  return Buffer.from(
    encodeFileCapabilities({
      permitted: capabilitySet(capabilities.permitted),
      inheritable: capabilitySet(capabilities.inheritable),
      effective: capabilities.effective,
    }),
  ).toString('hex');
}
