/** The execve model against the kernel of this machine: a real program with set-id bits and file capabilities, run by all sorts of processes, says who it became. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Capability,
  type CapabilitySet,
  capabilitiesFromMask,
  capabilitySet,
  decodeFileCapabilities,
  encodeFileCapabilities,
  type FileCapabilities,
} from '../../src/linux/capability.ts';
import { type Executable, type ExecveCaller, type ExecveRules, transitionOnExecve } from '../../src/linux/execve.ts';
import { recordConformance } from '../support/conformance.ts';
import {
  type Became,
  fileLine,
  missingForExecve,
  performExecve,
  runLine,
  type Stage,
  stageForExecve,
} from './execve-performer.ts';

const missing = missingForExecve();
if (missing !== undefined) console.warn(`SKIPPED test/reality/execve.test.ts: ${missing}`);
const HAVE: CapabilitySet =
  missing === undefined
    ? capabilitiesFromMask(BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]}`))
    : [];

type How = 'direct' | 'shell' | 'script';
interface File extends Pick<Executable, 'uid' | 'gid' | 'mode'> {
  readonly capabilities?: FileCapabilities;
}
interface Case {
  readonly how: How;
  readonly noSuid: boolean;
  readonly who: ExecveCaller;
  readonly file: File;
  /** How `script`: the script's own owner, mode and attribute, none of which may count. */
  readonly script?: File;
}

const ROOT_FILE: File = { uid: 0, gid: 0, mode: 0o755 };
const executableOf = (file: File, noSuid: boolean): Executable => ({
  mode: file.mode,
  uid: file.uid,
  gid: file.gid,
  noSuid,
  ...(file.capabilities === undefined ? {} : { fileCapabilities: file.capabilities }),
});

/** What the model says: a shell is a program of its own before the file; a script is its interpreter. */
function modelled({ how, who, file, noSuid }: Case, rules: ExecveRules): Became | string {
  let caller = who;
  if (how === 'shell') {
    const shell = transitionOnExecve(who, { mode: 0o755, uid: 0, gid: 0 }, rules);
    if (shell.kind === 'refused') return shell.errno;
    caller = {
      ...who,
      uid: shell.uid,
      gid: shell.gid,
      realUid: shell.realUid,
      realGid: shell.realGid,
      capabilities: shell.capabilities,
    };
  }
  const after = transitionOnExecve(caller, executableOf(file, noSuid), rules);
  if (after.kind === 'refused') return after.errno;
  return {
    uids: [after.realUid, after.uid, after.uid, after.uid],
    gids: [after.realGid, after.gid, after.gid, after.gid],
    ...after.capabilities,
    noNewPrivileges: who.noNewPrivileges,
  };
}

/** Performs all of them in one go and compares each; the first that differs is told whole. */
function compare(stage: Stage, cases: readonly Case[], rules: ExecveRules, counts: Record<string, number>): void {
  const lines = cases.flatMap(({ how, noSuid, who, file, script }) => {
    const place = noSuid ? 'nosuid' : 'plain';
    const path = join(stage.folder, how === 'script' ? `plain/script-${place}` : `${place}/x`);
    const line = (on: string, what: File) =>
      fileLine({
        path: join(stage.folder, on),
        ...what,
        ...(what.capabilities && { attribute: encodeFileCapabilities(what.capabilities) }),
      });
    return [
      line('plain/x', file),
      ...(how === 'script' ? [line(`plain/script-${place}`, script ?? ROOT_FILE)] : []),
      runLine(
        how === 'shell' ? 'shell' : 'direct',
        path,
        who,
        HAVE.filter((name) => !who.capabilities.bounding.includes(name)),
      ),
    ];
  });
  const answers = performExecve(stage, lines);
  expect(answers).toHaveLength(cases.length);
  cases.forEach((one, index) => {
    const model = modelled(one, rules);
    const kind = typeof model === 'string' ? model : one.how;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (JSON.stringify(sorted(model)) !== JSON.stringify(sorted(answers[index]!))) {
      const { bounding: _, ...shown } = one.who.capabilities;
      expect(answers[index], JSON.stringify({ ...one, who: { ...one.who, capabilities: shown }, index })).toEqual(model);
    }
  });
}
const sorted = (answer: Became | string) =>
  typeof answer === 'string' ? answer : Object.entries(answer).sort(([a], [b]) => (a < b ? -1 : 1));

/** The choice of everything below, but for rules that changed with the kernel: asked of the kernel once. */
function rulesHere(stage: Stage): ExecveRules {
  const held: CapabilitySet = ['CAP_NET_BIND_SERVICE'];
  const capabilities = { bounding: HAVE, permitted: held, effective: held, inheritable: held, ambient: held };
  const who = { uid: 1000, gid: 1000, groups: [50], noNewPrivileges: false, capabilities };
  const path = join(stage.folder, 'plain/x');
  const [answer] = performExecve(stage, [fileLine({ path, uid: 0, gid: 50, mode: 0o2755 }), runLine('direct', path, who, [])]);
  if (typeof answer !== 'object') throw new Error(`a set-group-ID program does not run: ${answer}`);
  return { idChange: answer.ambient.length === 0 ? 'from-real' : 'from-effective' };
}

const ONE: Capability = 'CAP_NET_BIND_SERVICE';
const on = (flag: boolean): CapabilitySet => (flag ? [ONE] : []);
const BOTH = [false, true];

/** Everything finite, with one capability: nothing in the kernel's rules makes two of them look at each other. */
function* grid(): Generator<Case> {
  const sets = [
    [false, false, false],
    [true, false, false],
    [false, true, false],
    [true, true, false],
    [true, true, true],
  ] as const;
  const attributes: (FileCapabilities | undefined)[] = [undefined];
  for (const p of BOTH)
    for (const i of BOTH) for (const effective of BOTH) attributes.push({ permitted: on(p), inheritable: on(i), effective });
  const files = [
    { uid: 0, gid: 0, mode: 0o755 },
    { uid: 0, gid: 0, mode: 0o4755 },
    { uid: 1001, gid: 0, mode: 0o4755 },
    { uid: 0, gid: 50, mode: 0o2755 },
    { uid: 0, gid: 51, mode: 0o2755 },
  ];
  for (const [permitted, inheritable, ambient] of sets)
    for (const bounded of BOTH)
      for (const noNewPrivileges of BOTH)
        for (const [realUid, uid] of [
          [0, 0],
          [1000, 1000],
          [1000, 0],
          [0, 1000],
        ] as const)
          for (const capabilities of attributes)
            for (const file of files)
              for (const how of ['direct', 'shell', 'script'] as const) {
                // A shell whose real and effective ids differ gives up the effective ones by itself.
                if (how === 'shell' && realUid !== uid) continue;
                const who = {
                  uid,
                  realUid,
                  gid: 1000,
                  groups: [50],
                  noNewPrivileges,
                  capabilities: {
                    bounding: HAVE.filter((name) => bounded || name !== ONE),
                    permitted: on(permitted),
                    effective: on(permitted),
                    inheritable: on(inheritable),
                    ambient: on(ambient),
                  },
                };
                const whole = { ...file, ...(capabilities && { capabilities }) };
                if (how === 'script') {
                  // The file's bits on the script: none of them counts. And on the interpreter: all of them do.
                  if (capabilities === undefined || file.mode === 0o755)
                    yield { how, noSuid: false, who, file: ROOT_FILE, script: whole };
                  if (capabilities === undefined) yield { how, noSuid: false, who, file: whole };
                } else yield { how, noSuid: false, who, file: whole };
              }
}

const POOL: Capability[] = ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_SYS_ADMIN', 'CAP_BPF'];
const some = fc.subarray(POOL.filter((name) => missing !== undefined || HAVE.includes(name)));
const file = fc.record(
  {
    uid: fc.constantFrom(0, 1000, 1001),
    gid: fc.constantFrom(0, 50, 51, 1000),
    mode: fc.constantFrom(0o755, 0o4755, 0o2755, 0o6755, 0o2745, 0o6745),
    capabilities: fc.record(
      { permitted: some, inheritable: some, effective: fc.boolean(), rootId: fc.constantFrom(0, 1000, 100_000) },
      { requiredKeys: ['permitted', 'inheritable', 'effective'] },
    ),
  },
  { requiredKeys: ['uid', 'gid', 'mode'] },
);
const scenario = fc
  .record({
    how: fc.constantFrom<How>('direct', 'direct', 'shell', 'script'),
    noSuid: fc.constantFrom(false, false, false, true),
    ids: fc.constantFrom([0, 0], [1000, 1000], [1001, 1001], [1000, 0], [0, 1000]),
    gids: fc.constantFrom([0, 0], [1000, 1000], [1000, 50]),
    groups: fc.subarray([0, 50, 51]),
    permitted: some,
    inheritable: some,
    ambient: some,
    dropped: some,
    noNewPrivileges: fc.boolean(),
    noRoot: fc.constantFrom(false, false, false, true),
    file,
    script: file,
  })
  .map(
    ({ how, noSuid, ids, gids, groups, permitted, inheritable, ambient, dropped, noNewPrivileges, noRoot, ...files }): Case => {
      const [realUid, uid] = ids as [number, number];
      const [realGid, gid] = gids as [number, number];
      const kept = capabilitySet(permitted);
      return {
        how: how === 'shell' && (realUid !== uid || realGid !== gid) ? 'direct' : how,
        noSuid,
        who: {
          uid,
          realUid,
          gid,
          realGid,
          groups,
          noNewPrivileges,
          noRoot,
          capabilities: {
            bounding: HAVE.filter((name) => !dropped.includes(name)),
            permitted: kept,
            effective: kept,
            inheritable: capabilitySet(inheritable),
            ambient: capabilitySet(ambient.filter((name) => kept.includes(name) && inheritable.includes(name))),
          },
        },
        file: plainFile(files.file),
        script: plainFile(files.script),
      };
    },
  )
  // Whether the group may execute it at all (x missing there) is access's subject.
  .filter(({ who, file, script, how }) => [file, ...(how === 'script' ? [script!] : [])].every((one) => mayRun(one, who)));
const plainFile = ({
  capabilities,
  ...rest
}: {
  uid: number;
  gid: number;
  mode: number;
  capabilities?: FileCapabilities;
}): File =>
  capabilities === undefined
    ? rest
    : {
        ...rest,
        capabilities: {
          ...capabilities,
          permitted: capabilitySet(capabilities.permitted),
          inheritable: capabilitySet(capabilities.inheritable),
        },
      };
const mayRun = (one: File, who: ExecveCaller): boolean =>
  (one.mode & 0o010) !== 0 || one.uid === who.uid || (one.gid !== who.gid && who.groups?.includes(one.gid) !== true);

describe.skipIf(missing !== undefined)('what execve makes of a process', () => {
  let stage: Stage;
  let rules: ExecveRules = {};
  const counts: Record<string, number> = {};
  const seed = Number(process.env.UNROOT_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const runs = Number(process.env.UNROOT_REALITY_EXECVE ?? 3000);
  beforeAll(() => {
    stage = stageForExecve();
    rules = rulesHere(stage);
  });
  afterAll(() => {
    stage?.remove();
    const compared = Object.values(counts).reduce((sum, one) => sum + one, 0);
    if (compared < runs) return;
    recordConformance({
      id: 'execve',
      title: 'linux/execve.ts against the kernel: ids, five capability sets, or the errno',
      against: `Linux ${release()}`,
      compared,
      mismatches: 0,
      counts,
      seed,
      notes: [
        'Every combination of one capability in the process’s sets, the file’s sets and bits, real and effective ids and no_new_privs, directly, through /bin/sh and through a script; then random ones with six capabilities, securebits and nosuid mounts.',
        `Ids count as changed ${rules.idChange === 'from-real' ? 'when they differ from the real ones (older kernels)' : 'when the effective ones change (newer kernels)'}.`,
      ],
    });
  });

  test('the whole grid with one capability', () => {
    compare(stage, [...grid()], rules, counts);
    expect(counts.EPERM).toBeGreaterThan(100);
  });

  test(`random processes and files`, () => {
    const batch = 250;
    fc.assert(
      fc.property(fc.array(scenario, { minLength: batch, maxLength: batch }), (cases) => compare(stage, cases, rules, counts)),
      { numRuns: Math.ceil(runs / batch), seed, endOnFailure: true },
    );
  });
});

/** setxattr(2) lets only good bytes in; an ext4 file system written by debugfs holds what it is told. */
const tools = ['mkfs.ext4', 'debugfs'].filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
const noImages = missing ?? (tools.length > 0 ? `needs ${tools.join(', ')}: apt-get install -y e2fsprogs` : noLoop());
if (noImages !== undefined) console.warn(`SKIPPED: security.capability as no setxattr would write it: ${noImages}`);

/** Also when a container has no loop devices. */
function noLoop(): string | undefined {
  const found = spawnSync('losetup', ['--find'], { encoding: 'utf8' });
  return found.status === 0 ? undefined : `needs a loop device: ${found.stderr.trim()}`;
}

describe.skipIf(noImages !== undefined)('security.capability as no setxattr would write it', () => {
  const word = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);
  const bytes: readonly (readonly [what: string, attribute: Uint8Array])[] = [
    ['revision 1', word(0x01000001, 1 << 10, 0)],
    ['revision 1 without the effective bit', word(0x01000000, 1 << 10, 0)],
    ['revision 2', word(0x02000001, 1 << 10, 0, 0, 0)],
    ['revision 2 with bits that are no capability', word(0x02000001, 1 << 10, 0, 0xffff0000, 0)],
    ['revision 2 with other flags', word(0x02fffff0, 1 << 10, 0, 0, 0)],
    ['revision 3 of the real root', word(0x03000001, 1 << 10, 0, 0, 0, 0)],
    ['revision 3 of another root', word(0x03000001, 1 << 10, 0, 0, 0, 100_000)],
    ['revision 0', word(0x00000001, 1 << 10, 0)],
    ['revision 4', word(0x04000001, 1 << 10, 0, 0, 0, 0)],
    ['revision 255', word(0xff000001, 1 << 10, 0, 0, 0)],
    ['revision 1 with the size of 2', word(0x01000001, 1 << 10, 0, 0, 0)],
    ['revision 2 with the size of 1', word(0x02000001, 1 << 10, 0)],
    ['revision 2 with the size of 3', word(0x02000001, 1 << 10, 0, 0, 0, 0)],
    ['revision 3 with the size of 2', word(0x03000001, 1 << 10, 0, 0, 0)],
    ['three bytes', Uint8Array.of(1, 0, 0)],
    ['one word', word(0x02000001)],
    ['28 bytes', word(0x03000001, 1 << 10, 0, 0, 0, 0, 0)],
  ];

  test('is read, ignored or refused as the model says', () => {
    const stage = stageForExecve();
    const work = mkdtempSync(join(tmpdir(), 'unroot-ext4-'));
    chmodSync(work, 0o755);
    const image = join(work, 'image');
    const mount = join(work, 'mount');
    mkdirSync(mount);
    let mounted = false;
    try {
      writeFileSync(image, '');
      execFileSync('truncate', ['-s', '32M', image]);
      execFileSync('mkfs.ext4', ['-q', '-F', image]);
      const commands = bytes.flatMap(([, attribute], index) => {
        writeFileSync(join(work, `value${index}`), attribute);
        return [
          `write ${stage.probe} f${index}`,
          `set_inode_field f${index} mode 0100755`,
          `ea_set -f ${work}/value${index} f${index} security.capability`,
        ];
      });
      const debugfs = spawnSync('debugfs', ['-w', '-f', '-', image], { input: commands.join('\n'), encoding: 'utf8' });
      expect(debugfs.stderr.split('\n').filter((line) => line !== '' && !/^debugfs 1\./.test(line))).toEqual([]);
      execFileSync('mount', ['-o', 'loop,ro', image, mount]);
      mounted = true;
      const capabilities = { bounding: HAVE, permitted: [], effective: [], inheritable: [], ambient: [] };
      const who = { uid: 1000, gid: 1000, noNewPrivileges: false, capabilities };
      const got = performExecve(
        stage,
        bytes.map((_, index) => runLine('direct', join(mount, `f${index}`), who, [])),
      );
      const seen = bytes.map(([what], index) => {
        const answer = got[index]!;
        return [what, typeof answer === 'string' ? answer : answer.effective.join()];
      });
      const model = bytes.map(([what, attribute]) => {
        const decoded = decodeFileCapabilities(attribute);
        const file = 'invalid' in decoded ? { invalidFileCapabilities: decoded } : { fileCapabilities: decoded };
        const after = transitionOnExecve(who, { mode: 0o755, uid: 0, gid: 0, ...file });
        return [what, after.kind === 'refused' ? after.errno : after.capabilities.effective.join()];
      });
      expect(seen).toEqual(model);
    } finally {
      if (mounted) execFileSync('umount', [mount]);
      rmSync(work, { recursive: true, force: true });
      stage.remove();
    }
  });
});
