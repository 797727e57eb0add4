/** The access model against the kernel of this machine: random trees, random processes, real system calls; every errno and the tree afterwards must agree. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decide } from '../../src/linux/access.ts';
import { type Capability, capabilitySet } from '../../src/linux/capability.ts';
import type { Credentials } from '../../src/linux/credentials.ts';
import type { FileNode, FileTree } from '../../src/linux/decision.ts';
import { isWithin, parentPath } from '../../src/linux/file-path.ts';
import type { AclEntry } from '../../src/linux/inode.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { simulate } from '../../src/linux/simulate.ts';
import { asLine, availableCapabilities, buildLine, doLine, factsHere, missingHere, perform } from './performer.ts';

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/access.test.ts: ${missing}`);

const FACTS = missing === undefined ? factsHere() : undefined!;
const HAVE = missing === undefined ? availableCapabilities() : [];
const FILE_CAPABILITIES: readonly Capability[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_MKNOD',
  'CAP_SYS_CHROOT',
  'CAP_SETFCAP',
  'CAP_SYS_ADMIN',
];

// --- what is generated -------------------------------------------------------------------------------------------------------------

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const name = oneOf('a', 'b', 'c');
const uid = oneOf(0, 1000, 1001);
const gid = oneOf(0, 1000, 50);
const triple = fc.nat(7);
const mode = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(7) }),
    oneOf(7, 6, 5, 4, 0, 7),
    triple,
    triple,
  )
  .map(([special, owner, group, other]) => (special << 9) | (owner << 6) | (group << 3) | other);
/** Directories mostly let somebody in, else nothing below is ever reached. */
const directoryMode = fc.oneof(mode, oneOf(0o755, 0o775, 0o777, 0o1777, 0o2775, 0o711, 0o750, 0o1770, 0o3777));

/** Relative to the base folder. Dots, doubled and trailing slashes now and then. */
const path = fc.oneof(
  // `@n` stands for the path of the n-th entry of the tree, so that much of what is asked about is there.
  { weight: 14, arbitrary: fc.nat(15).map((index) => `@${index}`) },
  { weight: 5, arbitrary: fc.tuple(fc.nat(15), name).map(([index, one]) => `@${index}/${one}`) },
  { weight: 5, arbitrary: name },
  { weight: 5, arbitrary: fc.tuple(name, name).map((parts) => parts.join('/')) },
  { weight: 3, arbitrary: fc.tuple(name, name, name).map((parts) => parts.join('/')) },
  { weight: 1, arbitrary: fc.tuple(name, name, name).map(([a, b, c]) => `${a}/${b}/../${c}`) },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([a, b]) => `${a}/.//${b}`) },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([a, b]) => `${a}/${b}/`) },
  { weight: 1, arbitrary: fc.tuple(name, oneOf('.', '..')).map(([a, dots]) => `${a}/${dots}`) },
);
/** `/` stands for the base folder. */
const linkTarget = fc.oneof(
  path,
  path.map((one) => `/${one}`),
  name.map((one) => `../${one}`),
  name,
  oneOf('/', '.', 'nowhere/at/all', '/a/b/'),
);

const perm = fc.nat(7);
const acl = fc.record({
  user: perm,
  named: perm,
  namedId: uid,
  group: perm,
  namedGroup: perm,
  namedGroupId: gid,
  mask: perm,
  other: perm,
});

const entry = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  type: fc.oneof(
    { weight: 8, arbitrary: fc.constant('directory' as const) },
    { weight: 4, arbitrary: fc.constant('file' as const) },
    { weight: 3, arbitrary: fc.constant('symlink' as const) },
    { weight: 1, arbitrary: oneOf('fifo' as const, 'socket' as const, 'character-device' as const) },
  ),
  uid,
  gid,
  mode,
  directoryMode,
  target: linkTarget,
  acl: fc.option(acl, { freq: 4 }),
  defaultAcl: fc.option(acl, { freq: 5 }),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        path,
        access: oneOf('read' as const, 'write' as const, 'read-write' as const, 'path' as const),
        create: fc.boolean(),
        exclusive: oneOf(true, false, false),
        truncate: oneOf(true, false, false),
        directory: oneOf(true, false, false, false),
        noFollow: oneOf(true, false, false),
        mode,
      })
      // O_CREAT with O_DIRECTORY is EINVAL only since Linux 6.4.
      .map((o) => ({ kind: 'open' as const, ...o, directory: o.directory && !o.create })),
  },
  fc.record({
    kind: fc.constant('open' as const),
    path,
    access: oneOf('write' as const, 'read-write' as const),
    tmpfile: fc.constant(true),
    mode,
  }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mkdir' as const), path, mode }) },
  fc.record({ kind: fc.constant('rmdir' as const), path }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlink' as const), path }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rename' as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('link' as const), path, to: path }) },
  fc.record({ kind: fc.constant('symlink' as const), path, target: linkTarget }),
  fc.record({
    kind: fc.constant('mknod' as const),
    path,
    type: oneOf('file' as const, 'fifo' as const, 'socket' as const, 'character-device' as const),
    mode,
  }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('chmod' as const), path, mode }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('chown' as const),
      path,
      uid: oneOf(-1, 0, 1000, 1001),
      gid: oneOf(-1, 0, 1000, 50),
      noFollow: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('truncate' as const), path }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('utimes' as const), path, now: fc.boolean(), noFollow: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('access' as const), path, want: fc.nat(7) }) },
  fc.record({ kind: fc.constant('stat' as const), path, noFollow: fc.boolean() }),
  fc.record({ kind: fc.constant('chdir' as const), path }),
  fc.record({ kind: fc.constant('chroot' as const), path }),
  fc.record({ kind: fc.constant('readlink' as const), path }),
  fc.record({ kind: fc.constant('setxattr' as const), path, name: oneOf('user.x', 'trusted.x', 'security.x', 'user.y') }),
  fc.record({ kind: fc.constant('bind-unix' as const), path }),
  fc.record({ kind: fc.constant('connect-unix' as const), path }),
  fc.record({ kind: fc.constant('exec' as const), path }),
);

const identity = fc.record({
  uid: fc.oneof({ weight: 4, arbitrary: oneOf(1000, 1001) }, { weight: 1, arbitrary: fc.constant(0) }),
  gid,
  groups: fc.uniqueArray(gid, { maxLength: 2 }),
  capabilities: fc.oneof(
    { weight: 2, arbitrary: fc.constant([] as Capability[]) },
    { weight: 3, arbitrary: fc.subarray([...FILE_CAPABILITIES], { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant([...FILE_CAPABILITIES]) },
  ),
  umask: oneOf(0, 0o022, 0o027, 0o077),
});

const scenario = fc.record({
  entries: fc.array(entry, { minLength: 6, maxLength: 16 }),
  baseMode: oneOf(0o777, 0o1777, 0o755, 0o2775, 0o775),
  baseOwner: uid,
  baseGroup: gid,
  mount: fc.option(fc.record({ path: oneOf('a', 'b'), readOnly: fc.boolean(), noExec: fc.boolean() }), { freq: 3 }),
  identity,
  operations: fc.array(operation, { minLength: 20, maxLength: 40 }),
});

type Sample<T> = T extends fc.Arbitrary<infer V> ? V : never;
type Acl = Sample<typeof acl>;
type Scenario = Sample<typeof scenario>;

// --- how it is compared ------------------------------------------------------------------------------------------------------------

const TAG_NUMBER: Readonly<Record<AclEntry['tag'], number>> = {
  'user-obj': 1,
  user: 2,
  'group-obj': 4,
  group: 8,
  mask: 16,
  other: 32,
};

function aclHex(one: Acl): string {
  const entries: readonly AclEntry[] = [
    { tag: 'user-obj', perm: one.user },
    { tag: 'user', id: one.namedId, perm: one.named },
    { tag: 'group-obj', perm: one.group },
    { tag: 'group', id: one.namedGroupId, perm: one.namedGroup },
    { tag: 'mask', perm: one.mask },
    { tag: 'other', perm: one.other },
  ];
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  entries.forEach((item, index) => {
    bytes.writeUInt16LE(TAG_NUMBER[item.tag], 4 + 8 * index);
    bytes.writeUInt16LE(item.perm, 6 + 8 * index);
    bytes.writeUInt32LE(item.id ?? 0xffffffff, 8 + 8 * index);
  });
  return bytes.toString('hex');
}

function buildLines(base: string, one: Scenario): string[] {
  const lines: string[] = [];
  for (const item of one.entries) {
    const path = `${base}/${item.path}`;
    const folders = item.path.split('/').slice(0, -1);
    folders.forEach((_, depth) => {
      lines.push(
        buildLine({ kind: 'mkdir', path: `${base}/${folders.slice(0, depth + 1).join('/')}`, mode: item.directoryMode }),
      );
    });
    if (item.type === 'symlink') {
      lines.push(buildLine({ kind: 'symlink', path, target: inside(base, known(one.entries, item.target)) }));
      lines.push(buildLine({ kind: 'chown', path, uid: item.uid, gid: item.gid, noFollow: true }));
      continue;
    }
    if (item.type === 'directory') lines.push(buildLine({ kind: 'mkdir', path }));
    else lines.push(buildLine({ kind: 'mknod', path, type: item.type }));
    lines.push(buildLine({ kind: 'chown', path, uid: item.uid, gid: item.gid, noFollow: true }));
    lines.push(buildLine({ kind: 'chmod', path, mode: item.type === 'directory' ? item.directoryMode : item.mode }));
    if (item.acl !== null) lines.push(['build', 'setxattr', path, 'system.posix_acl_access', aclHex(item.acl)].join('\t'));
    if (item.type === 'directory' && item.defaultAcl !== null) {
      lines.push(['build', 'setxattr', path, 'system.posix_acl_default', aclHex(item.defaultAcl)].join('\t'));
    }
  }
  return lines;
}

function inside(base: string, target: string): string {
  return target.startsWith('/') ? `${base}${target}` : target;
}

/** `@n` in a generated path is the n-th entry's. */
function known(entries: Scenario['entries'], path: string): string {
  return path.replace(/@([0-9]+)/, (_, index) => entries[Number(index) % entries.length]!.path);
}

/** The paths of an operation, made absolute. */
function placed(base: string, entries: Scenario['entries'], one: Operation): Operation {
  const moved: Record<string, unknown> = { ...one };
  if ('path' in one) moved.path = `${base}/${known(entries, one.path)}`;
  if ('to' in one) moved.to = `${base}/${known(entries, one.to)}`;
  if ('target' in one) moved.target = inside(base, known(entries, one.target));
  return moved as unknown as Operation;
}

function treeOf(
  entries: ReadonlyMap<string, FileNode>,
  top: string,
  mount: { path: string; readOnly: boolean; noExec: boolean } | undefined,
): FileTree {
  const all = new Map(entries);
  const root: FileNode = { inode: { type: 'directory', uid: 0, gid: 0, mode: 0o755 } };
  for (let at = parentPath(top); ; at = parentPath(at)) {
    all.set(at, root);
    if (at === '/') break;
  }
  for (const [path, node] of all) {
    const mounted = mount !== undefined && isWithin(path, mount.path);
    all.set(
      path,
      mounted ? { ...node, mount: mount.path, readOnly: mount.readOnly, noExec: mount.noExec } : { ...node, mount: '/' },
    );
  }
  return {
    lookup: (path) => all.get(path) ?? (isWithin(path, top) ? undefined : 'unknown'),
    list: (path) =>
      [...all.keys()].filter((one) => one !== path && parentPath(one) === path).map((one) => one.slice(path.length + 1)),
  };
}

/** A program that may be executed but is none, a fifo nobody reads and a socket nobody listens on fail after permission was granted. */
function normal(real: string, operation: Operation): string {
  if (real === 'ENOEXEC' && operation.kind === 'exec') return 'OK';
  if (real === 'ECONNREFUSED' && operation.kind === 'connect-unix') return 'OK';
  return real === 'ENXIO' && operation.kind === 'open' ? 'OK' : real;
}

const seen = { decisions: 0, unknown: 0, errnos: new Map<string, number>() };

function check(one: Scenario, parent: string): void {
  const top = mkdtempSync(join(parent, 's'));
  // Deep enough that no chain of `..` reaches anything but folders made here.
  const base = `${top}/1/2/3/4/5/6/7/8`;
  try {
    const who: Credentials = {
      ...one.identity,
      noNewPrivileges: false,
      capabilities: {
        bounding: HAVE,
        permitted: capabilitySet(one.identity.capabilities.filter((capability) => HAVE.includes(capability))),
        effective: capabilitySet(one.identity.capabilities.filter((capability) => HAVE.includes(capability))),
        inheritable: [],
        ambient: [],
      },
    };
    mkdirSync(base, { recursive: true, mode: 0o755 });
    const operations = one.operations.map((item) => placed(base, one.entries, item));
    const built = perform([...buildLines(base, one), `dump\t${top}`]).trees[0]!;
    const target = one.mount === null ? undefined : built.get(`${base}/${one.mount.path}`);
    const mount = target?.inode.type === 'directory' ? { ...one.mount!, path: `${base}/${one.mount!.path}` } : undefined;
    const flags = mount === undefined ? 0 : (mount.readOnly ? 1 : 0) | (mount.noExec ? 8 : 0);
    const { results, trees } = perform([
      ...(mount === undefined ? [] : [`unshare\t${0x00020000}`, `mount\t${mount.path}\t${flags}`]),
      `build\tchmod\t${top}\t${0o755}`,
      `build\tchown\t${base}\t${one.baseOwner}\t${one.baseGroup}\t0`,
      `build\tchmod\t${base}\t${one.baseMode}`,
      `dump\t${top}`,
      asLine(who, one.identity.umask),
      ...operations.map(doLine),
      `dump\t${top}`,
    ]);
    const world = simulate(treeOf(trees[0]!, top, mount));
    operations.forEach((operation, index) => {
      const decision = decide(operation, who, world, FACTS);
      const real = normal(results[index]!, operation);
      seen.decisions += 1;
      seen.errnos.set(real, (seen.errnos.get(real) ?? 0) + 1);
      if (!decision.known) {
        seen.unknown += 1;
      } else {
        const model = normal(decision.errno ?? 'OK', operation);
        const story = [
          JSON.stringify(operation),
          ...decision.steps.map((step) => `  ${step.ok ? 'yes' : 'NO '} ${step.text}`),
        ].join('\n');
        if (model !== real)
          expect.fail(`kernel says ${real}, model says ${model}\nwho ${JSON.stringify(one.identity)}\n${story}`);
        expect(decision.allowed).toBe(model === 'OK' && decision.errno === undefined);
      }
      if (real === 'OK') world.apply(operation, who, one.identity.umask);
    });
    const done = operations.filter((_, index) => results[index] === 'OK').map((item) => JSON.stringify(item));
    compareTrees(world, trees[1]!, top, [JSON.stringify(one.identity), ...done].join('\n'));
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

/** What the simulated tree says must be what is on the disk. */
function compareTrees(world: FileTree, real: ReadonlyMap<string, FileNode>, top: string, story: string): void {
  const model = new Map<string, string>();
  const visit = (path: string): void => {
    const node = world.lookup(path);
    if (node === undefined || node === 'unknown') return;
    model.set(path, plain(node));
    if (node.inode.type !== 'directory') return;
    for (const name of world.list!(path) ?? []) visit(`${path}/${name}`);
  };
  visit(top);
  for (const path of new Set([...model.keys(), ...real.keys()])) {
    const node = real.get(path);
    const there = node === undefined ? 'nothing' : plain(node);
    const says = model.get(path) ?? 'nothing';
    if (there !== says) expect.fail(`kernel says ${path} is\n${there}\nmodel says\n${says}\n${story}`);
  }
}

function plain(node: FileNode): string {
  const { mode } = node.inode;
  const { type, uid, gid, acl, defaultAcl } = node.inode;
  return JSON.stringify([type, mode.toString(8), uid, gid, acl ?? [], defaultAcl ?? [], node.target]);
}

describe.skipIf(missing !== undefined)('the access model and this kernel agree', () => {
  let parent = '';
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'unroot-access-'));
    perform([`build\tchmod\t${parent}\t${0o755}`]);
  });
  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  test('on files, one operation after the other', () => {
    const runs = Number(process.env.UNROOT_REALITY_RUNS ?? 80);
    fc.assert(
      fc.property(scenario, (one) => check(one, parent)),
      // No shrinking: the message tells the one operation that differs, with the model's reasons.
      {
        numRuns: runs,
        endOnFailure: true,
        ...(process.env.UNROOT_REALITY_SEED === undefined ? {} : { seed: Number(process.env.UNROOT_REALITY_SEED) }),
      },
    );
    expect(seen.decisions).toBeGreaterThan(runs * 20);
    expect(seen.unknown / seen.decisions).toBeLessThan(0.02);
    for (const errno of ['OK', 'EACCES', 'EPERM', 'ENOENT', 'EEXIST', 'EROFS', 'ELOOP', 'ENOTDIR']) {
      expect(seen.errnos.get(errno) ?? 0, `no operation ended in ${errno}: the test looks at too little`).toBeGreaterThan(0);
    }
    console.info(
      `${seen.decisions} decisions compared: ${[...seen.errnos].map(([errno, count]) => `${errno} ${count}`).join(', ')}`,
    );
  });
});
