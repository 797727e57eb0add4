/** Random cases: trees, processes and operations that meet often enough for every rule to be asked. */
import fc from 'fast-check';
import type { Capability } from '../../src/linux/capability.ts';
import { parentPath } from '../../src/linux/file-path.ts';
import type { AclEntry } from '../../src/linux/inode.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { type CaseProcess, entriesOf, type IdRange, type MountFlag, type RealityCase, type TreeItem } from './case.ts';

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const often = <T>(...pairs: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...pairs.map(([weight, arbitrary]) => ({ weight, arbitrary })));

const name = oneOf('a', 'b', 'c');
const uid = oneOf(0, 1000, 1001);
const gid = oneOf(0, 1000, 50);
const triple = fc.nat(7);
const mode = fc
  .tuple(often([3, fc.constant(0)], [2, fc.nat(7)]), oneOf(7, 6, 5, 4, 0, 7), triple, triple)
  .map(([special, owner, group, other]) => (special << 9) | (owner << 6) | (group << 3) | other);
/** Directories mostly let somebody in, else nothing below is ever reached. */
const directoryMode = often([1, mode], [2, oneOf(0o755, 0o775, 0o777, 0o1777, 0o2775, 0o711, 0o750, 0o1770, 0o3777)]);
/** Programs mostly may be executed. */
const programMode = often([1, mode], [2, oneOf(0o755, 0o711, 0o4755, 0o2755, 0o750, 0o700, 0o555)]);

/** `@n` stands for the path of the n-th thing of the tree, so that much of what is asked about is there. */
const reference = fc.nat(40).map((index) => `@${index}`);
const path = often(
  [60, reference],
  [20, fc.tuple(reference, name).map((parts) => parts.join('/'))],
  [12, name.map((one) => `/${one}`)],
  [20, fc.tuple(name, name).map((parts) => `/${parts.join('/')}`)],
  [10, fc.tuple(name, name, name).map((parts) => `/${parts.join('/')}`)],
  [4, fc.tuple(reference, name).map(([one, two]) => `${one}/../${two}`)],
  [4, fc.tuple(reference, name).map(([one, two]) => `${one}/.//${two}`)],
  [4, reference.map((one) => `${one}/`)],
  [4, fc.tuple(reference, oneOf('.', '..', 'a/..', './')).map((parts) => parts.join('/'))],
  [
    1,
    oneOf('/', '//', '', '/.', `/${'x'.repeat(256)}`, `/a/${'€'.repeat(86)}`, `/a/${'€'.repeat(85)}`, `/${'./'.repeat(2048)}a`),
  ],
);
const linkTarget = often(
  [6, path.filter((one) => one !== '' && one.length < 200)],
  [1, name],
  [1, name.map((one) => `../${one}`)],
  [1, fc.tuple(name, name).map((parts) => parts.join('/'))],
  [1, oneOf('/', '.', 'nowhere/at/all', '/a/b/', '../../..')],
);

/** With named entries, or with a mask and none; always in the order the kernel keeps. */
const acl = fc
  .record({
    user: triple,
    users: fc.uniqueArray(fc.tuple(uid, triple), { maxLength: 2, selector: ([id]) => id }),
    group: triple,
    groups: fc.uniqueArray(fc.tuple(gid, triple), { maxLength: 2, selector: ([id]) => id }),
    mask: triple,
    other: triple,
  })
  .map((one): readonly AclEntry[] => [
    { tag: 'user-obj', perm: one.user },
    ...[...one.users].sort((a, b) => a[0] - b[0]).map(([id, perm]) => ({ tag: 'user' as const, id, perm })),
    { tag: 'group-obj', perm: one.group },
    ...[...one.groups].sort((a, b) => a[0] - b[0]).map(([id, perm]) => ({ tag: 'group' as const, id, perm })),
    { tag: 'mask', perm: one.mask },
    { tag: 'other', perm: one.other },
  ]);

/** What an ACL makes of the mode's nine bits. */
function modeWith(bits: number, list: readonly AclEntry[] | undefined): number {
  if (list === undefined) return bits;
  const perm = (tag: AclEntry['tag']) => list.find((entry) => entry.tag === tag)?.perm ?? 0;
  return (bits & 0o7000) | (perm('user-obj') << 6) | (perm('mask') << 3) | perm('other');
}

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

const wish = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }),
  type: often(
    [9, fc.constant('directory' as const)],
    [4, fc.constant('file' as const)],
    [5, fc.constant('program' as const)],
    [3, fc.constant('script' as const)],
    [4, fc.constant('symlink' as const)],
    [3, fc.constant('hard-link' as const)],
    [1, oneOf('fifo' as const, 'socket' as const, 'character-device' as const)],
    [1, fc.constant('tmpfs' as const)],
    [1, fc.constant('bind' as const)],
  ),
  uid,
  gid,
  mode,
  directoryMode,
  programMode,
  target: linkTarget,
  interpreter: often([8, reference], [1, oneOf('/nowhere', '/a', 'a', '/a/b/c')]),
  acl: fc.option(acl, { freq: 4, nil: undefined }),
  defaultAcl: fc.option(acl, { freq: 5, nil: undefined }),
  capabilities: fc.option(
    fc.record({
      permitted: fc.subarray(['CAP_CHOWN', 'CAP_MKNOD', 'CAP_NET_RAW', 'CAP_SYS_ADMIN'] as Capability[], { minLength: 1 }),
      effective: fc.boolean(),
    }),
    { freq: 3, nil: undefined },
  ),
  flags: fc.subarray(['ro', 'noexec', 'nosuid', 'nodev'] as MountFlag[]),
});
type Wish = typeof wish extends fc.Arbitrary<infer V> ? V : never;

/** Makes a tree of wishes: parents appear, what cannot be is left out. */
function treeOf(wishes: readonly Wish[], root: { uid: number; gid: number; mode: number }): TreeItem[] {
  const items: TreeItem[] = [{ type: 'directory', path: '/', ...root }];
  const made = ['/'];
  const resolve = (text: string) =>
    text.replace(/@([0-9]+)/, (_, index) => made[Number(index) % made.length]!).replace(/^\/\/(?=.)/, '/');
  for (const one of wishes) {
    let entries = entriesOf(items);
    const parts = one.path;
    const whole = `/${parts.join('/')}`;
    const owner = { uid: one.uid, gid: one.gid };
    const parents = parts.slice(0, -1).map((_, depth) => `/${parts.slice(0, depth + 1).join('/')}`);
    if (parents.some((parent) => entries.has(parent) && entries.get(parent)!.inode.type !== 'directory')) continue;
    const there = entries.get(whole);
    if (one.type === 'tmpfs' || one.type === 'bind') {
      if (there?.inode.type !== 'directory') continue;
      if (one.type === 'tmpfs') items.push({ type: 'tmpfs', path: whole, ...owner, mode: one.directoryMode, flags: one.flags });
      else items.push({ type: 'bind', path: whole, flags: one.flags });
      continue;
    }
    if (there !== undefined) continue;
    for (const parent of parents) {
      if (entries.has(parent)) continue;
      items.push({ type: 'directory', path: parent, uid: 0, gid: 0, mode: one.directoryMode });
      made.push(parent);
    }
    if (one.type === 'hard-link') {
      entries = entriesOf(items);
      const to = resolve(one.interpreter);
      const source = entries.get(to);
      if (source === undefined || source.inode.type === 'directory' || source.mount !== entries.get(parentPath(whole))?.mount)
        continue;
      items.push({ type: 'hard-link', path: whole, to });
    } else if (one.type === 'symlink') {
      const to = resolve(one.target);
      items.push({ type: 'symlink', path: whole, ...owner, mode: 0o777, to });
    } else {
      const bits =
        one.type === 'directory'
          ? one.directoryMode
          : one.type === 'program' || one.type === 'script'
            ? one.programMode
            : one.mode;
      items.push({
        type: one.type,
        path: whole,
        ...owner,
        mode: modeWith(bits, one.acl),
        ...(one.acl === undefined ? {} : { acl: one.acl }),
        ...(one.type === 'directory' && one.defaultAcl !== undefined ? { defaultAcl: one.defaultAcl } : {}),
        ...(one.type === 'script' ? { to: resolve(one.interpreter) } : {}),
        ...(one.type === 'program' && one.capabilities !== undefined ? { capabilities: one.capabilities } : {}),
      });
    }
    made.push(whole);
  }
  return items;
}

function fileOperation(): fc.Arbitrary<Operation> {
  const flag = oneOf(true, false, false);
  return often<Operation>(
    [
      8,
      fc
        .record({
          path,
          access: oneOf('read' as const, 'write' as const, 'read-write' as const, 'path' as const),
          create: fc.boolean(),
          exclusive: flag,
          truncate: flag,
          append: flag,
          directory: oneOf(true, false, false, false),
          noFollow: flag,
          mode,
        })
        // O_CREAT with O_DIRECTORY is EINVAL only since Linux 6.4.
        .map((one) => ({ kind: 'open' as const, ...one, directory: one.directory && !one.create })),
    ],
    [
      1,
      fc.record({
        kind: fc.constant('open' as const),
        path,
        access: oneOf('write' as const, 'read-write' as const),
        tmpfile: fc.constant(true),
        mode,
      }),
    ],
    [2, fc.record({ kind: fc.constant('mkdir' as const), path, mode })],
    [1, fc.record({ kind: fc.constant('rmdir' as const), path })],
    [2, fc.record({ kind: fc.constant('unlink' as const), path })],
    [4, fc.record({ kind: fc.constant('rename' as const), path, to: path })],
    [2, fc.record({ kind: fc.constant('link' as const), path, to: path })],
    [1, fc.record({ kind: fc.constant('symlink' as const), path, target: linkTarget })],
    [
      2,
      fc.record({
        kind: fc.constant('mknod' as const),
        path,
        type: oneOf('file' as const, 'fifo' as const, 'socket' as const, 'character-device' as const),
        mode,
      }),
    ],
    [3, fc.record({ kind: fc.constant('chmod' as const), path, mode, noFollow: oneOf(true, false, false, false) })],
    [
      4,
      fc.record({
        kind: fc.constant('chown' as const),
        path,
        uid: oneOf(-1, 0, 1000, 1001),
        gid: oneOf(-1, 0, 1000, 50),
        noFollow: fc.boolean(),
      }),
    ],
    [1, fc.record({ kind: fc.constant('truncate' as const), path })],
    [2, fc.record({ kind: fc.constant('utimes' as const), path, now: fc.boolean(), noFollow: fc.boolean() })],
    [2, fc.record({ kind: fc.constant('access' as const), path, want: fc.nat(7) })],
    [1, fc.record({ kind: fc.constant('stat' as const), path, noFollow: fc.boolean() })],
    [1, fc.record({ kind: fc.constant('chdir' as const), path })],
    [1, fc.record({ kind: fc.constant('chroot' as const), path })],
    [1, fc.record({ kind: fc.constant('readlink' as const), path })],
    [
      2,
      fc.record({
        kind: fc.constant('setxattr' as const),
        path,
        name: oneOf('user.x', 'trusted.x', 'security.x', 'user.y', 'security.capability', 'system.posix_acl_access', 'nowhere.x'),
      }),
    ],
    [1, fc.record({ kind: fc.constant('bind-unix' as const), path })],
    [1, fc.record({ kind: fc.constant('connect-unix' as const), path })],
    [4, fc.record({ kind: fc.constant('exec' as const), path })],
  );
}

function processOf(pool: readonly Capability[]): fc.Arbitrary<CaseProcess> {
  const some = often(
    [2, fc.constant([] as Capability[])],
    [3, fc.subarray([...pool], { maxLength: 3 })],
    [1, fc.subarray([...pool])],
    [1, fc.constant([...pool])],
  );
  return fc
    .record({
      uid: often([4, oneOf(1000, 1001)], [1, fc.constant(0)]),
      gid,
      groups: fc.uniqueArray(gid, { maxLength: 2 }),
      // Mostly one and the same, as in a container that has just started.
      others: fc.option(fc.record({ realUid: uid, savedUid: uid, realGid: gid, savedGid: gid }), { freq: 2, nil: undefined }),
      permitted: some,
      notEffective: often([2, fc.constant([] as Capability[])], [1, some]),
      inheritable: often([2, fc.constant([] as Capability[])], [1, some]),
      ambient: some,
      // A file whose capabilities are outside of the bounding set cannot be executed: often enough to be looked at.
      dropped: often([2, fc.constant([] as Capability[])], [1, some], [1, fc.constant([...pool])]),
      noNewPrivileges: fc.boolean(),
      umask: oneOf(0, 0o022, 0o027, 0o077),
    })
    .map(({ others, notEffective, ambient, ...one }) => ({
      ...one,
      ...others,
      effective: one.permitted.filter((capability) => !notEffective.includes(capability)),
      ambient: ambient.filter((capability) => one.permitted.includes(capability) && one.inheritable.includes(capability)),
    }));
}

/** Operations on files, one after the other on the same tree. */
export const fileCase: fc.Arbitrary<RealityCase> = fc
  .record({
    wishes: fc.array(wish, { minLength: 8, maxLength: 24, size: 'max' }),
    root: fc.record({ uid, gid, mode: oneOf(0o777, 0o1777, 0o755, 0o2775, 0o775) }),
    who: processOf(FILE_CAPABILITIES),
    disk: oneOf(false, false, false, true),
    operations: fc.array(fileOperation(), { minLength: 40, maxLength: 60, size: 'max' }),
  })
  .map(({ wishes, root, who, disk, operations }) => {
    const tree = treeOf(wishes, root);
    const paths = [...entriesOf(tree).keys()];
    return { disk, who, tree, operations: operations.map((one) => placed(one, paths)).filter(possible) };
  });

function placed(operation: Operation, paths: readonly string[]): Operation {
  const known = (text: string) =>
    text.replace(/@([0-9]+)/, (_, index) => paths[Number(index) % paths.length]!).replace(/^\/\/(?=[^/])/, '/');
  return {
    ...operation,
    ...('path' in operation ? { path: known(operation.path) } : {}),
    ...('to' in operation ? { to: known(operation.to) } : {}),
    ...('target' in operation ? { target: known(operation.target) } : {}),
  } as Operation;
}

/** A socket's address holds 107 bytes, and none at all means something else. */
function possible(operation: Operation): boolean {
  if (operation.kind !== 'bind-unix' && operation.kind !== 'connect-unix') return true;
  return operation.path !== '' && Buffer.byteLength(operation.path) < 108;
}

const MAPS: readonly Required<Pick<RealityCase, 'userNamespace'>>['userNamespace'][] = [
  // Root inside is 1000 outside; the machine's root is nobody's.
  {
    uids: [[0, 1000, 2]],
    gids: [
      [0, 1000, 1],
      [50, 50, 1],
    ],
  },
  // All owners known, not all groups.
  {
    uids: [
      [0, 0, 1],
      [1000, 1000, 2],
    ],
    gids: [[0, 0, 1]],
  },
  {
    uids: [
      [0, 1001, 1],
      [1000, 0, 1],
    ],
    gids: [
      [0, 1000, 1],
      [50, 0, 1],
      [1000, 50, 1],
    ],
  },
  {
    uids: [[0, 1000, 1]],
    gids: [
      [0, 50, 1],
      [50, 1000, 1],
    ],
  },
];

/** The same on a tree some of whose owners the process's user namespace does not know. */
export const namespaceCase: fc.Arbitrary<RealityCase> = fc
  .record({
    one: fileCase,
    userNamespace: oneOf(...MAPS),
    pick: fc.nat(1000),
    more: fc.array(identityOperation(), { maxLength: 8, size: 'max' }),
  })
  .map(({ one, userNamespace, pick, more }) => {
    const inside = (ranges: readonly IdRange[], at: number) => ranges[at % ranges.length]![0];
    const uid = (at: number) => inside(userNamespace.uids, pick + at);
    const gid = (at: number) => inside(userNamespace.gids, pick + at);
    const { realUid, savedUid, realGid, savedGid, ...who } = one.who;
    const others = realUid === undefined ? {} : { realUid: uid(1), savedUid: uid(2), realGid: gid(1), savedGid: gid(2) };
    const groups = [...new Set(who.groups.map((_, at) => gid(at)))];
    return {
      ...one,
      userNamespace,
      who: { ...who, uid: uid(0), gid: gid(0), groups, ...others },
      // Whether a file's capabilities count depends on how its file system was mounted.
      tree: one.tree.map((item) => {
        if (!('capabilities' in item)) return item;
        const { capabilities: _, ...rest } = item;
        return rest;
      }),
      // The list a file has cannot be set again where its ids are not known.
      operations: [...one.operations, ...more].filter(
        (each) => each.kind !== 'setxattr' || each.name !== 'system.posix_acl_access',
      ),
    };
  });

function identityOperation(): fc.Arbitrary<Operation> {
  const id = oneOf(-1, 0, 1, 1000, 1001);
  const group = oneOf(-1, 0, 50, 1000);
  return often<Operation>(
    [1, fc.record({ kind: fc.constant('setuid' as const), call: fc.constant('setresuid' as const), ids: fc.tuple(id, id, id) })],
    [1, fc.record({ kind: fc.constant('setuid' as const), call: fc.constant('setuid' as const), ids: fc.tuple(id) })],
    [
      1,
      fc.record({
        kind: fc.constant('setgid' as const),
        call: fc.constant('setresgid' as const),
        ids: fc.tuple(group, group, group),
      }),
    ],
    [1, fc.record({ kind: fc.constant('setgroups' as const), groups: fc.uniqueArray(oneOf(0, 50, 1000), { maxLength: 2 }) })],
  );
}

const PROCESS_CAPABILITIES: readonly Capability[] = [
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_NET_ADMIN',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_KILL',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
  'CAP_SYS_NICE',
  'CAP_SETPCAP',
];

const id = oneOf(-1, 0, 1000, 1001);
const group = oneOf(-1, 0, 50, 1000);
const setIds = <K extends 'setuid' | 'setgid', C extends string>(kind: K, call: C, ...ids: readonly fc.Arbitrary<number>[]) =>
  fc.record({ kind: fc.constant(kind), call: fc.constant(call), ids: fc.tuple(...ids) });

const TARGETS = 3;
const processOperation: fc.Arbitrary<Operation> = often<Operation>(
  [
    6,
    fc.record({
      kind: fc.constant('bind' as const),
      protocol: oneOf('tcp' as const, 'udp' as const),
      address: oneOf('0.0.0.0', '127.0.0.1', '::', '::1', '::ffff:127.0.0.1'),
      port: oneOf(0, 1, 79, 80, 81, 443, 1023, 1024, 8080, 65535),
    }),
  ],
  [
    4,
    fc.record({
      kind: fc.constant('socket' as const),
      type: oneOf('raw' as const, 'packet' as const, 'ping' as const, 'ping' as const, 'netlink' as const),
      family: oneOf('inet' as const, 'inet6' as const),
    }),
  ],
  [1, setIds('setuid', 'setuid', id)],
  [1, setIds('setuid', 'seteuid', id)],
  [1, setIds('setuid', 'setreuid', id, id)],
  [1, setIds('setuid', 'setresuid', id, id, id)],
  [1, setIds('setuid', 'setfsuid', id)],
  [1, setIds('setgid', 'setgid', group)],
  [1, setIds('setgid', 'setegid', group)],
  [1, setIds('setgid', 'setregid', group, group)],
  [1, setIds('setgid', 'setresgid', group, group, group)],
  [1, setIds('setgid', 'setfsgid', group)],
  [1, fc.record({ kind: fc.constant('setgroups' as const), groups: fc.uniqueArray(oneOf(0, 50, 1000), { maxLength: 2 }) })],
  [4, fc.record({ kind: fc.constant('kill' as const), pid: fc.nat(TARGETS - 1), signal: oneOf('0', 'SIGTERM', 'SIGCONT') })],
  [
    1,
    fc.record({
      kind: fc.constant('setsockopt' as const),
      name: oneOf(
        'SO_MARK',
        'SO_RCVBUFFORCE',
        'SO_SNDBUFFORCE',
        'SO_DEBUG',
        'IP_TRANSPARENT',
        'IPV6_TRANSPARENT',
        'SO_KEEPALIVE',
      ),
    }),
  ],
  [1, fc.constant({ kind: 'chroot' as const, path: '/' })],
  [1, fc.constant({ kind: 'mount' as const, call: 'mount' as const, path: '/a' })],
  [
    1,
    fc.record({
      kind: fc.constant('unshare' as const),
      flags: fc.subarray(['CLONE_NEWUTS', 'CLONE_NEWNS', 'CLONE_FS', 'CLONE_FILES'], { minLength: 1 }),
    }),
  ],
  [1, fc.record({ kind: fc.constant('priority' as const), call: fc.constant('setpriority'), lowers: fc.boolean() })],
  [1, fc.record({ kind: fc.constant('rlimit' as const), resource: fc.constant('RLIMIT_CORE'), raises: fc.boolean() })],
  [1, fc.constant({ kind: 'setns' as const })],
  [1, fc.constant({ kind: 'sethostname' as const })],
  [1, fc.constant({ kind: 'bounding-drop' as const })],
);

/** Operations that need no file. */
export const processCase: fc.Arbitrary<RealityCase> = fc
  .record({
    who: processOf(PROCESS_CAPABILITIES),
    portStart: oneOf(0, 80, 81, 1024, 8081),
    pingGroups: oneOf<readonly [number, number]>([1, 0], [0, 0], [50, 1000], [1000, 1000], [0, 2147483647]),
    targets: fc.array(fc.record({ uid, savedUid: uid, ownSession: fc.boolean() }), { minLength: TARGETS, maxLength: TARGETS }),
    operations: fc.array(processOperation, { minLength: 50, maxLength: 60, size: 'max' }),
  })
  .map((one) => ({
    ...one,
    tree: ['/', '/a'].map((path) => ({ type: 'directory' as const, path, uid: 0, gid: 0, mode: 0o755 })),
    operations: one.operations.map((operation) => {
      if (operation.kind !== 'kill') return operation;
      const target = one.targets[operation.pid]!;
      return { ...operation, targetUid: target.uid, targetSavedUid: target.savedUid, sameSession: !target.ownSession };
    }),
  }));
