/** The decision function on a small tree made by hand. That it agrees with a kernel is test/reality/access.test.ts's subject. */
import { describe, expect, test } from 'vitest';
import { FACTS } from '../../test/support/kernel-facts.ts';
import { decide } from './access.ts';
import { ALL_CAPABILITIES, type Capability, capabilitySet, NO_CAPABILITIES } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { Decision, FileNode, FileTree } from './decision.ts';
import type { Inode } from './inode.ts';
import type { Operation } from './operation.ts';

const node = (type: Inode['type'], mode: number, uid = 0, gid = 0, more: Partial<FileNode> = {}): FileNode => ({
  inode: { type, mode, uid, gid },
  ...more,
});
const directory = (mode: number, uid = 0, gid = 0, more: Partial<FileNode> = {}) => node('directory', mode, uid, gid, more);
const link = (target: string, uid = 0) => node('symlink', 0o777, uid, 0, { target });

const ENTRIES: Readonly<Record<string, FileNode>> = {
  '/': directory(0o755),
  '/var': directory(0o755),
  '/var/cache': directory(0o755),
  '/var/cache/nginx': directory(0o755, 101, 0),
  '/var/run': link('../run'),
  '/run': directory(0o755),
  '/run/nginx.pid': node('file', 0o644),
  '/secret': directory(0o700),
  '/secret/key': node('file', 0o666),
  '/tmp': directory(0o1777),
  '/tmp/theirs': node('file', 0o666, 33, 33),
  '/tmp/fifo': node('fifo', 0o666, 33, 33),
  '/tmp/trap': link('/run/nginx.pid', 33),
  '/tmp/mine': node('file', 0o600, 10001, 0),
  '/data': directory(0o2775, 0, 50),
  '/data/tool': node('file', 0o4755, 10001, 50),
  '/loop': link('loop'),
  '/bin': directory(0o755),
  '/bin/sh': node('file', 0o755),
  '/bin/plain': node('file', 0o644),
  '/bin/script': node('file', 0o755, 0, 0, { interpreter: '/secret/key' }),
  '/bin/capable': {
    inode: {
      type: 'file',
      mode: 0o755,
      uid: 0,
      gid: 0,
      fileCapabilities: { permitted: ['CAP_NET_ADMIN'], inheritable: [], effective: true },
    },
  },
  '/ro': directory(0o777, 0, 0, { readOnly: true, mount: '/ro' }),
  '/ro/file': node('file', 0o666, 0, 0, { readOnly: true, mount: '/ro' }),
  '/noexec': directory(0o755, 0, 0, { noExec: true }),
  '/noexec/tool': node('file', 0o755, 0, 0, { noExec: true }),
};
const TREE: FileTree = { lookup: (path) => (path.startsWith('/proc') ? 'unknown' : ENTRIES[path]) };

function process(uid: number, gid = 0, ...capabilities: readonly Capability[]): Credentials {
  const set = capabilitySet(capabilities);
  return { uid, gid, groups: [], noNewPrivileges: false, capabilities: { ...NO_CAPABILITIES, permitted: set, effective: set } };
}
const NOBODY = process(10001, 10001);
const ROOT: Credentials = {
  ...process(0),
  capabilities: {
    bounding: ALL_CAPABILITIES,
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    inheritable: [],
    ambient: [],
  },
};

function ask(operation: Operation, who: Credentials = NOBODY, facts = FACTS): Decision {
  return decide(operation, who, TREE, facts);
}
const why = (decision: Decision) => decision.steps.map((step) => step.text);
const read = (path: string): Operation => ({ kind: 'open', path, access: 'read' });
const write = (path: string): Operation => ({ kind: 'open', path, access: 'write', create: true });

describe('the three walls of nginx', () => {
  test('mkdir in the cache: the directory that lacks w, and the capability root used', () => {
    const decision = ask({ kind: 'mkdir', path: '/var/cache/nginx/client_temp' });
    expect(decision).toMatchObject({
      allowed: false,
      errno: 'EACCES',
      deniedAt: { path: '/var/cache/nginx', want: 3, need: 'mode' },
      capability: 'CAP_DAC_OVERRIDE',
      known: true,
    });
    expect(why(decision)).toEqual([
      '/ is 0755 0:0: uid 10001 is "other", r-x, may search',
      '/var is 0755 0:0: uid 10001 is "other", r-x, may search',
      '/var/cache is 0755 0:0: uid 10001 is "other", r-x, may search',
      '/var/cache/nginx is 0755 101:0: uid 10001 is "other", r-x, may search',
      '/var/cache/nginx is 0755 101:0: uid 10001 is "other", r-x, may not write and search',
    ]);
    expect(ask({ kind: 'mkdir', path: '/var/cache/nginx/client_temp' }, process(101)).allowed).toBe(true);
  });

  test('port 80', () => {
    const bind: Operation = { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port: 80 };
    expect(ask(bind)).toMatchObject({
      errno: 'EACCES',
      capability: 'CAP_NET_BIND_SERVICE',
      deniedAt: { path: ':80/tcp', need: 'port' },
    });
    expect(ask(bind, NOBODY, { ...FACTS, unprivilegedPortStart: 0 }).allowed).toBe(true);
    expect(ask(bind, process(10001, 0, 'CAP_NET_BIND_SERVICE')).allowed).toBe(true);
    expect(ask({ ...bind, port: 0 }).allowed).toBe(true);
  });

  test('the pid file behind a symlinked directory: denied where the file really is', () => {
    const decision = ask({ kind: 'open', path: '/var/run/nginx.pid', access: 'read-write', create: true });
    expect(decision).toMatchObject({ errno: 'EACCES', deniedAt: { path: '/run/nginx.pid', want: 6, need: 'mode' } });
    expect(why(decision)).toContain('/var/run is a symlink to ../run');
    expect(ask(write('/var/run/other.pid'))).toMatchObject({
      errno: 'EACCES',
      deniedAt: { path: '/run', want: 3, need: 'mode' },
    });
  });
});

describe('finding a file', () => {
  test('a folder that may not be searched hides what is in it', () => {
    expect(ask(read('/secret/key'))).toMatchObject({
      errno: 'EACCES',
      deniedAt: { path: '/secret', want: 1 },
      capability: 'CAP_DAC_READ_SEARCH',
    });
    expect(ask(read('/secret/key'), process(10001, 0, 'CAP_DAC_READ_SEARCH')).allowed).toBe(true);
    expect(ask(read('/secret/none'), ROOT)).toMatchObject({ allowed: false, errno: 'ENOENT' });
    expect(ask(read('/secret/none'), ROOT).deniedAt).toBeUndefined();
  });

  test('loops, files taken for folders, and what nobody knows', () => {
    expect(ask(read('/loop')).errno).toBe('ELOOP');
    expect(ask(read('/bin/sh/x')).errno).toBe('ENOTDIR');
    expect(ask(read('/proc/self/status'))).toMatchObject({ allowed: false, known: false });
    expect(ask(read('/proc/self/status')).errno).toBeUndefined();
    expect(ask(read(`/${'x'.repeat(256)}`)).errno).toBe('ENAMETOOLONG');
    expect(ask(read('')).errno).toBe('ENOENT');
  });
});

describe('one class decides', () => {
  test.each([
    ['an owner without r may not read what others may', 0o077, 10001, 5, 4, 'EACCES'],
    ['a member of the group may not read what others may', 0o707, 0, 10001, 4, 'EACCES'],
    ['others', 0o004, 0, 5, 4, undefined],
  ] as const)('%s', (_, mode, uid, gid, want, errno) => {
    const tree: FileTree = { lookup: (path) => (path === '/' ? directory(0o755) : node('file', mode, uid, gid)) };
    expect(decide({ kind: 'access', path: '/f', want }, NOBODY, tree, FACTS).errno).toBe(errno);
  });
});

describe('sticky directories', () => {
  test('only owners remove', () => {
    expect(ask({ kind: 'unlink', path: '/tmp/theirs' })).toMatchObject({
      errno: 'EPERM',
      capability: 'CAP_FOWNER',
      deniedAt: { path: '/tmp/theirs', need: 'sticky' },
    });
    expect(ask({ kind: 'unlink', path: '/tmp/mine' }).allowed).toBe(true);
    expect(ask({ kind: 'rename', path: '/tmp/mine', to: '/tmp/theirs' }).errno).toBe('EPERM');
  });

  test('fs.protected_*: not even root, until the sysctl is 0', () => {
    expect(ask(write('/tmp/theirs'), ROOT)).toMatchObject({ errno: 'EACCES', deniedAt: { need: 'sticky' } });
    expect(ask(write('/tmp/theirs'), ROOT, { ...FACTS, protectedRegular: 0 }).allowed).toBe(true);
    expect(ask(write('/tmp/fifo'), ROOT).errno).toBe('EACCES');
    expect(ask({ kind: 'open', path: '/tmp/theirs', access: 'write' }).allowed).toBe(true);
    expect(ask(read('/tmp/trap'), ROOT)).toMatchObject({ errno: 'EACCES', deniedAt: { path: '/tmp/trap', need: 'owner' } });
    expect(ask(read('/tmp/trap'), ROOT, { ...FACTS, protectedSymlinks: 0 }).allowed).toBe(true);
    expect(ask({ kind: 'link', path: '/run/nginx.pid', to: '/tmp/x' })).toMatchObject({
      errno: 'EPERM',
      capability: 'CAP_FOWNER',
    });
    expect(ask({ kind: 'link', path: '/tmp/theirs', to: '/tmp/x' }).allowed).toBe(true);
  });
});

describe('owners and modes', () => {
  test('chown is for root; a group only within one’s own groups', () => {
    expect(ask({ kind: 'chown', path: '/tmp/mine', uid: 0, gid: -1 })).toMatchObject({ errno: 'EPERM', capability: 'CAP_CHOWN' });
    expect(ask({ kind: 'chown', path: '/tmp/mine', uid: 10001, gid: 10001 }).allowed).toBe(true);
    expect(ask({ kind: 'chown', path: '/tmp/mine', uid: -1, gid: 5 }).errno).toBe('EPERM');
    expect(ask({ kind: 'chown', path: '/run', uid: 0, gid: 0 }).errno).toBe('EPERM');
  });

  test('taking set-id bits away needs more than CAP_CHOWN', () => {
    const chown: Operation = { kind: 'chown', path: '/data/tool', uid: 0, gid: 0 };
    expect(ask(chown, process(7, 7, 'CAP_CHOWN'))).toMatchObject({ errno: 'EPERM', capability: 'CAP_FOWNER' });
    expect(ask(chown, process(7, 7, 'CAP_CHOWN', 'CAP_FOWNER')).allowed).toBe(true);
  });

  test('chmod and times', () => {
    expect(ask({ kind: 'chmod', path: '/run', mode: 0o777 })).toMatchObject({ errno: 'EPERM', deniedAt: { need: 'owner' } });
    expect(ask({ kind: 'utimes', path: '/tmp/theirs', now: true }).allowed).toBe(true);
    expect(ask({ kind: 'utimes', path: '/tmp/theirs', now: false }).errno).toBe('EPERM');
    expect(ask({ kind: 'utimes', path: '/run', now: true }).errno).toBe('EACCES');
    expect(ask({ kind: 'setxattr', path: '/bin/sh', name: 'security.capability' }).capability).toBe('CAP_SETFCAP');
  });
});

describe('mounts', () => {
  test('read-only', () => {
    expect(ask(write('/ro/new'), ROOT)).toMatchObject({ errno: 'EROFS', deniedAt: { path: '/ro', need: 'read-only' } });
    expect(ask({ kind: 'mkdir', path: '/ro/file' }, ROOT).errno, 'existing names first').toBe('EEXIST');
    expect(ask({ kind: 'unlink', path: '/ro/none' }, ROOT).errno, 'but not for removal').toBe('EROFS');
    expect(ask({ kind: 'open', path: '/ro/file', access: 'write' }).errno).toBe('EROFS');
    expect(ask(read('/ro/file')).allowed).toBe(true);
    expect(ask({ kind: 'rmdir', path: '/ro' }, ROOT).errno).toBe('EBUSY');
  });

  test('noexec', () => {
    expect(ask({ kind: 'exec', path: '/noexec/tool' }, ROOT).errno).toBe('EACCES');
  });
});

describe('execve', () => {
  test('permission, also of the interpreter, and not even root without any x', () => {
    expect(ask({ kind: 'exec', path: '/bin/sh' }).allowed).toBe(true);
    expect(ask({ kind: 'exec', path: '/bin/plain' }, ROOT)).toMatchObject({
      errno: 'EACCES',
      deniedAt: { path: '/bin/plain', want: 1 },
    });
    expect(ask({ kind: 'exec', path: '/bin/plain' }, ROOT).capability).toBeUndefined();
    expect(ask({ kind: 'exec', path: '/bin/script' })).toMatchObject({ errno: 'EACCES', deniedAt: { path: '/secret' } });
    expect(ask({ kind: 'exec', path: '/run' }).errno).toBe('EACCES');
  });

  test('file capabilities outside the bounding set', () => {
    const decision = ask({ kind: 'exec', path: '/bin/capable' }, process(0));
    expect(decision).toMatchObject({
      errno: 'EPERM',
      capability: 'CAP_NET_ADMIN',
      deniedAt: { path: '/bin/capable', need: 'capability' },
    });
    expect(ask({ kind: 'exec', path: '/bin/capable' }, ROOT).allowed).toBe(true);
  });
});

describe('without files', () => {
  test('ids: one’s own are free', () => {
    expect(ask({ kind: 'setuid', call: 'setuid', ids: [10001] }).allowed).toBe(true);
    expect(ask({ kind: 'setuid', call: 'setresuid', ids: [-1, 33, -1] })).toMatchObject({
      errno: 'EPERM',
      capability: 'CAP_SETUID',
    });
    expect(ask({ kind: 'setgid', call: 'setgid', ids: [33] }).capability).toBe('CAP_SETGID');
    expect(ask({ kind: 'setgroups', groups: [] }).capability).toBe('CAP_SETGID');
  });

  test('ping sockets go by group and no capability helps', () => {
    const ping: Operation = { kind: 'socket', type: 'ping', family: 'inet' };
    expect(ask(ping, ROOT)).toMatchObject({ errno: 'EACCES' });
    expect(ask(ping, ROOT).capability).toBeUndefined();
    expect(ask(ping, NOBODY, { ...FACTS, pingGroupRange: [0, 2147483647] }).allowed).toBe(true);
    expect(ask({ kind: 'socket', type: 'raw', family: 'inet' })).toMatchObject({ errno: 'EPERM', capability: 'CAP_NET_RAW' });
  });

  test('what is not known is no answer', () => {
    expect(ask({ kind: 'kill', pid: 7, signal: 'SIGTERM' })).toMatchObject({ allowed: false, known: false });
    expect(ask({ kind: 'kill', pid: 7, signal: 'SIGTERM', targetUid: 10001 }).allowed).toBe(true);
    expect(ask({ kind: 'kill', pid: 7, signal: 'SIGTERM', targetUid: 0 })).toMatchObject({ errno: 'EPERM', known: true });
    expect(ask({ kind: 'capset' }).known).toBe(false);
  });

  test.each<[Operation, string, Capability]>([
    [{ kind: 'chroot', path: '/' }, 'EPERM', 'CAP_SYS_CHROOT'],
    [{ kind: 'mount', path: '/mnt', call: 'mount' }, 'EPERM', 'CAP_SYS_ADMIN'],
    [{ kind: 'mknod', path: '/tmp/null', type: 'character-device' }, 'EPERM', 'CAP_MKNOD'],
    [{ kind: 'priority', call: 'setpriority', lowers: true }, 'EACCES', 'CAP_SYS_NICE'],
    [{ kind: 'priority', call: 'sched_setscheduler', lowers: true }, 'EPERM', 'CAP_SYS_NICE'],
    [{ kind: 'rlimit', resource: 'RLIMIT_NOFILE', raises: true }, 'EPERM', 'CAP_SYS_RESOURCE'],
    [{ kind: 'settime' }, 'EPERM', 'CAP_SYS_TIME'],
    [{ kind: 'setns' }, 'EPERM', 'CAP_SYS_ADMIN'],
    [{ kind: 'unshare', flags: ['CLONE_NEWNET'] }, 'EPERM', 'CAP_SYS_ADMIN'],
    [{ kind: 'ptrace', targetUid: 0 }, 'EPERM', 'CAP_SYS_PTRACE'],
    [{ kind: 'setsockopt', name: 'SO_RCVBUFFORCE' }, 'EPERM', 'CAP_NET_ADMIN'],
    [{ kind: 'setsockopt', name: 'SO_MARK' }, 'EPERM', 'CAP_NET_RAW'],
  ])('%j → %s for want of %s', (operation, errno, capability) => {
    expect(ask(operation)).toMatchObject({ allowed: false, errno, capability, known: true });
    expect(ask(operation, ROOT)).toMatchObject({ allowed: true, known: true });
  });
});
