/** Rules that need more than a plain tree and a plain process: real and saved ids, hard links, mount flags, user namespaces, /proc/sys. */
import { describe, expect, test } from 'vitest';
import { FACTS } from '../../test/support/kernel-facts.ts';
import { decide, decideQuietly } from './access.ts';
import { type Capability, NO_CAPABILITIES } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { FileNode, FileTree } from './decision.ts';
import type { Inode } from './inode.ts';
import type { Operation } from './operation.ts';
import { simulate } from './simulate.ts';

const inode = (type: Inode['type'], mode: number, uid = 0, more: Partial<Inode> = {}): Inode => ({
  type,
  mode,
  uid,
  gid: 0,
  ...more,
});
const STRANGE = { unmapped: { uid: true, gid: true } };
const ENTRIES: Readonly<Record<string, FileNode>> = {
  '/': { inode: inode('directory', 0o777) },
  '/a': { inode: inode('file', 0o600, 1000), id: 'one file' },
  '/b': { inode: inode('file', 0o600, 1000), id: 'one file' },
  '/null': { inode: inode('character-device', 0o666), noDev: true },
  '/script': { inode: inode('file', 0o755), interpreter: 'bin/sh' },
  '/sticky': { inode: inode('directory', 0o1777) },
  '/sticky/mount': { inode: inode('directory', 0o755, 1000), mount: 'm', covered: inode('directory', 0o755) },
  '/stranger': { inode: { ...inode('file', 0o600, 65534), ...STRANGE } },
  '/hostname': { inode: { ...inode('file', 0o644), sysctl: 'kernel' } },
  '/ip_forward': { inode: { ...inode('file', 0o644), sysctl: 'net' } },
};
const TREE: FileTree = { lookup: (path) => ENTRIES[path] };

function process(more: Partial<Credentials> = {}, ...capabilities: readonly Capability[]): Credentials {
  const sets = { ...NO_CAPABILITIES, permitted: capabilities, effective: capabilities };
  return { uid: 1000, gid: 1000, groups: [], noNewPrivileges: false, capabilities: sets, ...more };
}
const ask = (operation: Operation, who = process()) => decide(operation, who, TREE, FACTS);
const setIds = (call: 'setuid' | 'seteuid' | 'setreuid' | 'setresuid' | 'setfsuid', ...ids: number[]): Operation => ({
  kind: 'setuid',
  call,
  ids,
});

test('the quiet answer is the told one without its steps', () => {
  const operations: Operation[] = [
    { kind: 'open', path: '/a', access: 'read' },
    { kind: 'open', path: '/stranger', access: 'read' },
    { kind: 'chown', path: '/a', uid: 0, gid: -1 },
    { kind: 'exec', path: '/script' },
  ];
  for (const operation of operations) {
    const { steps, ...told } = ask(operation);
    expect(decideQuietly(operation, process(), TREE, FACTS)).toEqual(told);
    expect(steps.length).toBeGreaterThan(0);
  }
});

test('a step about permission bits says in fields what its sentence says', () => {
  const facts = (operation: Operation, who = process()) => ask(operation, who).steps.at(-1)?.permission;
  const read: Operation = { kind: 'open', path: '/b', access: 'read' };
  expect(facts(read)).toEqual({ class: 'owner', needed: 'r', granted: 'rw-' });
  expect(facts(read, process({ uid: 5, groups: [0] }))).toEqual({
    class: 'group',
    entry: 'group 0',
    needed: 'r',
    granted: '---',
  });
  const reader = process({ uid: 5 }, 'CAP_DAC_READ_SEARCH');
  expect(facts(read, reader)).toEqual({ class: 'other', needed: 'r', granted: '---', through: 'CAP_DAC_READ_SEARCH' });
  expect(facts({ kind: 'chown', path: '/a', uid: 0, gid: -1 })).toBeUndefined();
});

describe('a process whose ids differ', () => {
  const who = process({ uid: 1001, realUid: 1000, savedUid: 0 });
  test.each<[Operation, string | undefined]>([
    [setIds('setuid', 1000), undefined],
    [setIds('setuid', 0), undefined],
    [setIds('setuid', 1001), 'EPERM'],
    [setIds('seteuid', 1001), undefined],
    [setIds('setreuid', 0, -1), 'EPERM'],
    [setIds('setreuid', -1, 0), undefined],
    [setIds('setresuid', 0, 1000, 1001), undefined],
    [setIds('setuid', -1), 'EINVAL'],
    [setIds('setfsuid', -1), undefined],
    [setIds('setfsuid', 7), 'EPERM'],
  ])('%j → %s', (operation, errno) => expect(ask(operation, who).errno).toBe(errno));

  test('signals go by real or effective against real or saved', () => {
    const kill = (targetUid: number, targetSavedUid: number, signal = 'SIGTERM', sameSession = true): Operation => ({
      ...{ kind: 'kill', pid: 7, signal, targetUid, targetSavedUid, sameSession },
    });
    expect(ask(kill(1000, 0), who).allowed).toBe(true);
    expect(ask(kill(5, 1001), who).allowed).toBe(true);
    expect(ask(kill(0, 0), who).errno, 'its saved uid does not count').toBe('EPERM');
    expect(ask(kill(0, 0, 'SIGCONT'), who).allowed).toBe(true);
    expect(ask(kill(0, 0, 'SIGCONT', false), who).errno).toBe('EPERM');
    expect(ask({ kind: 'kill', pid: 7, signal: 'SIGCONT', targetUid: 0 }, who).known).toBe(false);
  });

  test('access(2) asks for the real one', () => {
    expect(ask({ kind: 'access', path: '/a', want: 4 }, who).allowed).toBe(true);
    expect(ask({ kind: 'open', path: '/a', access: 'read' }, who).errno).toBe('EACCES');
  });
});

test('two names of one file', () => {
  expect(ask({ kind: 'rename', path: '/a', to: '/b' })).toMatchObject({ allowed: true });
  const world = simulate(TREE);
  world.apply({ kind: 'chmod', path: '/a', mode: 0o644 }, process());
  expect(world.lookup('/b')).toMatchObject({ inode: { mode: 0o644 } });
  world.apply({ kind: 'rename', path: '/a', to: '/b' }, process());
  expect(world.lookup('/a')).toBeDefined();
});

test('devices where the mount has nodev, interpreters nobody can place, mount points', () => {
  expect(ask({ kind: 'open', path: '/null', access: 'read' }, process({ uid: 0 }, 'CAP_DAC_OVERRIDE')).errno).toBe('EACCES');
  expect(ask({ kind: 'exec', path: '/script' })).toMatchObject({ allowed: false, known: false });
  expect(ask({ kind: 'rmdir', path: '/sticky/mount' }).errno, 'the hidden folder is root’s').toBe('EPERM');
  expect(ask({ kind: 'rmdir', path: '/sticky/mount' }, process({}, 'CAP_FOWNER')).errno).toBe('EBUSY');
});

test('in a user namespace capabilities reach only files of known owners', () => {
  const all: Capability[] = ['CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_CHOWN', 'CAP_MKNOD', 'CAP_SYS_ADMIN', 'CAP_SETUID'];
  const range = [{ container: 0, host: 100000, size: 2000 }];
  const root = process({ uid: 0, gid: 0, userNamespace: { uids: range, gids: range } }, ...all);
  expect(ask({ kind: 'open', path: '/a', access: 'read' }, root).allowed).toBe(true);
  expect(ask({ kind: 'open', path: '/stranger', access: 'read' }, root)).toMatchObject({ errno: 'EACCES', known: true });
  expect(ask({ kind: 'open', path: '/stranger', access: 'read' }, root).capability).toBeUndefined();
  expect(ask({ kind: 'chmod', path: '/stranger', mode: 0 }, root).errno).toBe('EPERM');
  expect(ask({ kind: 'chown', path: '/a', uid: 2000, gid: -1 }, root).errno).toBe('EINVAL');
  expect(ask({ kind: 'mknod', path: '/device', type: 'block-device' }, root).errno).toBe('EPERM');
  expect(ask(setIds('setuid', 1999), root).allowed).toBe(true);
  expect(ask(setIds('setuid', 2000), root).errno).toBe('EINVAL');
  const outside = process({
    uid: 65534,
    gid: 65534,
    userNamespace: { uids: [{ container: 65534, host: 1, size: 1 }], gids: [] },
  });
  expect(ask({ kind: 'open', path: '/stranger', access: 'read' }, outside).errno, '65534 is only what it shows as').toBe(
    'EACCES',
  );
});

test('settings below /proc/sys', () => {
  const write = (path: string): Operation => ({ kind: 'open', path, access: 'write' });
  expect(ask(write('/hostname'), process({}, 'CAP_DAC_OVERRIDE')).errno).toBe('EACCES');
  expect(ask(write('/hostname'), process({ uid: 0 })).allowed).toBe(true);
  expect(ask(write('/hostname'), process({}, 'CAP_NET_ADMIN')).errno).toBe('EACCES');
  expect(ask(write('/ip_forward'), process({}, 'CAP_NET_ADMIN')).allowed).toBe(true);
});
