import { describe, expect, test } from 'vitest';
import { type AccountFiles, resolveUser, type UserSpecOptions } from './user-spec.ts';

/** The image of field.md 1.1: `toor` has uid 0, a user is *named* 4242 with uid 0, group extra lists app. */
const FILES: AccountFiles = {
  passwd: `root:x:0:0:root:/root:/bin/sh
app:x:1234:1234::/home/app:/bin/sh
toor:x:0:0::/:/bin/sh
4242:x:0:0::/:/bin/sh
wrap:x:4294967296:4294967297::/:/bin/sh
listed:x:1500:100::/:/bin/sh
`,
  group: `root:x:0:
app:x:1234:app
extra:x:77:app
web:x:3000:
twice:x:100:listed
`,
};

const MOBY: UserSpecOptions = { dialect: 'moby-sys-user', explicitGroupKeepsImageGroups: false, skipsGroupNamedLikeUser: false };
const CONTAINERD: UserSpecOptions = {
  dialect: 'containerd-with-user',
  explicitGroupKeepsImageGroups: true,
  skipsGroupNamedLikeUser: true,
};

function ids(spec: string, options: UserSpecOptions, files: AccountFiles = FILES): string {
  const user = resolveUser(spec, files, options);
  return user.kind === 'failed' ? user.message : `${user.uid}:${user.gid} ${user.groups.join(',')}`;
}

describe('moby/sys/user, as measured with podman and runc', () => {
  test.each([
    ['', '0:0 0'],
    ['0', '0:0 0'],
    ['00', '0:0 0'],
    ['+0', '0:0 0'],
    ['-0', '0:0 0'],
    [':0', '0:0 0'],
    ['0:0', '0:0 0'],
    ['root:root', '0:0 0'],
    ['toor', '0:0 0'],
    [':1000', '0:1000 1000'],
    ['app', '1234:1234 1234,77'],
    ['app:app', '1234:1234 1234'],
    ['app:', '1234:1234 1234,77'],
    ['1234', '1234:1234 1234,77'],
    ['1000:web', '1000:3000 3000'],
    ['1000:3000', '1000:3000 3000'],
    ['4242', '4242:0 0'],
    ['65532', '65532:0 0'],
    ['listed', '1500:100 100'],
    ['app:77:9', '1234:77 77'],
    ['2147483647', '2147483647:0 0'],
    ['wrap', '0:1 1'],
  ])('%j → %s', (spec, expected) => {
    expect(ids(spec, MOBY)).toBe(expected);
  });

  test.each([
    ['0x0', 'unable to find user 0x0: no matching entries in passwd file'],
    ['1e0', 'unable to find user 1e0: no matching entries in passwd file'],
    ['nobody', 'unable to find user nobody: no matching entries in passwd file'],
    [' 0', 'unable to find user  0: no matching entries in passwd file'],
    ['app:nogroup', 'unable to find group nogroup: no matching entries in group file'],
    ['2147483648', 'uids and gids must be in range 0-2147483647'],
    ['-1', 'uids and gids must be in range 0-2147483647'],
    ['99999999999999999999', 'uids and gids must be in range 0-2147483647'],
    ['0:4294967296', 'uids and gids must be in range 0-2147483647'],
  ])('%j is refused: %s', (spec, message) => {
    expect(ids(spec, MOBY)).toBe(message);
  });

  test('without passwd and group files numbers work and names do not', () => {
    expect(ids('1000', MOBY, {})).toBe('1000:0 0');
    expect(ids('1000:50', MOBY, {})).toBe('1000:50 50');
    expect(ids('', MOBY, {})).toBe('0:0 0');
    expect(ids('root', MOBY, {})).toBe('unable to find user root: no matching entries in passwd file');
    expect(ids('0:root', MOBY, {})).toBe('unable to find group root: no matching entries in group file');
  });

  test('a line too long stops everything, with the library’s words', () => {
    const passwd = `${'x'.repeat(70_000)}\n${FILES.passwd}`;
    expect(ids('0', MOBY, { ...FILES, passwd })).toBe('unable to find user 0: bufio.Scanner: token too long');
    expect(ids('', MOBY, { ...FILES, passwd })).toBe('unable to find user 0: bufio.Scanner: token too long');
    const group = 'x'.repeat(1 << 20);
    expect(ids('app', MOBY, { ...FILES, group })).toBe('unable to find groups for spec app: bufio.Scanner: token too long');
    expect(ids('65532', MOBY, { ...FILES, group })).toBe('65532:0 0');
  });

  test('group-add: names from /etc/group, numbers as they are', () => {
    expect(ids('app', { ...MOBY, groupAdd: ['web', '9', '77'] })).toBe('1234:1234 1234,77,3000,9');
    expect(ids('app', { ...MOBY, groupAdd: ['none'] })).toBe('unable to find group none: no matching entries in group file');
    expect(ids('app', { ...MOBY, groupAdd: ['-1'] })).toBe('uids and gids must be in range 0-2147483647');
  });

  test('name, home and the reason for each id', () => {
    const user = resolveUser('app:app', FILES, MOBY);
    expect(user).toMatchObject({ kind: 'resolved', userName: 'app', home: '/home/app' });
    expect(user.steps).toContainEqual({
      field: 'uid',
      value: '1234',
      source: '"app" is uid 1234 in /etc/passwd line 2',
      where: { path: '/etc/passwd', line: 2 },
    });
    const sources = user.steps.map((step) => step.source);
    expect(sources).toContain('a group is given, so membership of "app" in "app" (1234), "extra" (77) is lost');
    expect(resolveUser('+0', FILES, MOBY).steps[0]?.source).toContain('"+0" is the number 0');
    expect(resolveUser(':1000', FILES, MOBY).steps[0]?.source).toBe('":1000" names no user before the colon, so uid 0');
  });
});

describe('containerd WithUser', () => {
  test.each([
    ['0', '0:0 0'],
    ['', '0:0 0'],
    ['app', '1234:1234 77,1234'],
    ['1234', '1234:1234 77,1234'],
    ['1000', '1000:0 0'],
    ['4242', '4242:0 0'],
    ['1000:3000', '1000:3000 3000'],
    ['1000:web', '1000:3000 3000'],
    [':1000', '0:1000 1000'],
    ['app:5', '1234:5 5,77'],
  ])('%j → %s', (spec, expected) => {
    expect(ids(spec, CONTAINERD)).toBe(expected);
  });

  test.each([
    ['nobody', 'no users found'],
    ['0x0', 'no users found'],
    ['0:nogroup', 'no groups found'],
    ['a:b:c', 'invalid USER value a:b:c'],
    ['4294967296', 'invalid USER value "4294967296": uid out of range'],
    ['0:-1', 'invalid USER value "0:-1": gid out of range'],
  ])('%j is refused: %s', (spec, message) => {
    expect(ids(spec, CONTAINERD)).toBe(message);
  });

  test('a missing passwd matters to names only', () => {
    expect(ids('1000', CONTAINERD, {})).toBe('1000:0 0');
    expect(ids('app', CONTAINERD, {})).toBe('open /etc/passwd: no such file or directory');
    expect(ids('5:web', CONTAINERD, {})).toBe('open /etc/group: no such file or directory');
  });

  test('the group named like the user is skipped only where the profile says so', () => {
    const files = { ...FILES, group: 'app:x:999:app\n' };
    expect(ids('app', CONTAINERD, files)).toBe('1234:1234 1234');
    expect(ids('app', { ...CONTAINERD, skipsGroupNamedLikeUser: false }, files)).toBe('1234:1234 999,1234');
    expect(resolveUser('app', files, CONTAINERD).steps.map((step) => step.source)).toContain(
      'group "app" is named like the user and is therefore not counted as supplementary',
    );
  });

  test('group-add of an unknown name fails in its own words', () => {
    expect(ids('0', { ...CONTAINERD, groupAdd: ['none'] })).toBe('unable to find group none');
  });
});
