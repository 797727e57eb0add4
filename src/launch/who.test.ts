import { expect, it } from 'vitest';
import { launchOf, refusalOf } from '../../test/support/launch.ts';
import { whoOf } from './who.ts';

it('a launch', () => {
  const launch = launchOf({ user: 'app' });
  const { because, ...rest } = whoOf(launch);
  expect(rest).toEqual({
    name: 'web',
    image: 'localhost/test',
    outcome: 'starts',
    uid: 1234,
    gid: 1234,
    groups: [1234, 77],
    userName: 'app',
    hostUid: 1234,
    home: '/home/app',
    isRoot: false,
    noNewPrivileges: false,
    capabilities: launch.capabilities,
  });
  expect(because.length).toBeGreaterThan(5);
});

it('a refusal', () => {
  const who = whoOf(refusalOf({ platform: 'containerd-2', settings: { runAsNonRoot: true } }));
  expect(who).toMatchObject({ outcome: 'refused', reason: 'CreateContainerConfigError' });
  expect(Object.keys(who).sort()).toEqual(['because', 'image', 'message', 'name', 'outcome', 'reason']);
});

it('root by any name, and by a set-uid entrypoint', () => {
  const isRoot = (user: string, mode = 0o755) => {
    const who = whoOf(launchOf({ user, files: { '/bin/app': { content: '', mode } } }));
    return who.outcome === 'starts' && who.isRoot;
  };
  for (const user of ['', '0', '00', '+0', '-0', ':1000', 'root:app', 'toor']) expect(isRoot(user)).toBe(true);
  for (const user of ['1000', 'app', '4242']) expect(isRoot(user)).toBe(false);
  expect(isRoot('app', 0o4755)).toBe(true);
});

it('is plain JSON, without profile or functions', () => {
  const who = whoOf(launchOf({ user: 'app' }));
  expect(JSON.parse(JSON.stringify(who))).toEqual(who);
});

it('derives every field it shows', () => {
  const fields = new Set(
    whoOf(launchOf({ user: 'app', files: { '/bin/app': { content: '', mode: 0o755 } } })).because.map((one) => one.field),
  );
  for (const field of [
    'uid',
    'gid',
    'groups',
    'userName',
    'home',
    'noNewPrivileges',
    'capabilities.bounding',
    'capabilities.effective',
  ]) {
    expect(fields).toContain(field);
  }
});
