import { describe, expect, it } from 'vitest';
import { launchOf, outcomeOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';
import { PROFILE_NAMES, profile } from '../platform/profiles.ts';

/** uid, gid, groups; or the words of a refusal. */
function shown(scene: Scene): string {
  const outcome = outcomeOf(scene);
  if (outcome.kind === 'refusal') return outcome.message;
  return `${outcome.uid}:${outcome.gid} ${outcome.groups.join(',')}`;
}

/** The image's USER of reference field.md 1.1 (runtime column observed with podman and runc), on every platform. */
const TABLE: readonly [user: string, engines: string, containerd: string, crio: string][] = [
  ['', '0:0 0', '0:0 0', '0:0 0'],
  ['0', '0:0 0', '0:0 0', '0:0 0'],
  ['00', '0:0 0', '0:0 0', '0:0 0'],
  ['+0', '0:0 0', '0:0 0', '0:0 0'],
  ['-0', '0:0 0', '0:0 0', '0:0 0'],
  [':0', '0:0 0', '0:0 0', '0:0 0'],
  ['0:0', '0:0 0', '0:0 0', '0:0 0'],
  ['root', '0:0 0', '0:0 0', '0:0 0'],
  ['root:root', '0:0 0', '0:0 0', '0:0 0'],
  ['toor', '0:0 0', '0:0 0', '0:0 0'],
  // The kubelet drops the group of the image's USER.
  [':1000', '0:1000 1000', '0:0 0', '0:0 0'],
  ['1000:3000', '1000:3000 3000', '1000:0 0', '1000:0 0'],
  ['app:www', '1234:33 33', '1234:1234 77,1234', '1234:1234 1234,77'],
  // containerd skips the group named like the user, and sorts; the primary gid is there anyway.
  ['app', '1234:1234 1234,77', '1234:1234 77,1234', '1234:1234 1234,77'],
  ['app:app', '1234:1234 1234', '1234:1234 77,1234', '1234:1234 1234,77'],
  ['1234', '1234:1234 1234,77', '1234:1234 77,1234', '1234:1234 1234,77'],
  // A number is never looked up as a name.
  ['4242', '4242:0 0', '4242:0 0', '4242:0 0'],
  ['65532', '65532:0 0', '65532:0 0', '65532:0 0'],
  [
    '0x0',
    'unable to find user 0x0: no matching entries in passwd file',
    'failed to create containerd container: no users found',
    'get exec user: unable to find user 0x0: no matching entries in passwd file',
  ],
  [
    '1e0',
    'unable to find user 1e0: no matching entries in passwd file',
    'failed to create containerd container: no users found',
    'get exec user: unable to find user 1e0: no matching entries in passwd file',
  ],
];

describe.each(TABLE)('USER "%s"', (user, engines, containerd, crio) => {
  it('docker', () => expect(shown({ user, platform: 'docker' })).toBe(engines));
  it('docker 20.10', () => expect(shown({ user, platform: 'docker', version: '20.10.24' })).toBe(engines));
  // Without any user Podman adds no group at all (observed).
  it('podman', () => expect(shown({ user, platform: 'podman' })).toBe(user === '' ? '0:0 ' : engines));
  it('containerd 2', () => expect(shown({ user, platform: 'containerd-2' })).toBe(containerd));
  it('containerd 1', () => {
    const wrapped = containerd.replace(
      'container: no',
      'container: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount…: no',
    );
    expect(shown({ user, platform: 'containerd-1' })).toBe(wrapped);
  });
  it('CRI-O', () => expect(shown({ user, platform: 'crio' })).toBe(crio));
  it('OpenShift ignores it', () =>
    expect(shown({ user, platform: 'openshift-restricted-v2' })).toBe('1000680000:0 0,1000680000'));
  it('is derived on every platform', () => {
    for (const platform of PROFILE_NAMES) expect(why(outcomeOf({ user, platform }), 'user')).not.toBe('');
  });
});

/** reference semantics 1.8: kubelet and runtime together. */
describe('primary gid under a kubelet', () => {
  it.each<[Scene, string, string]>([
    [{}, '0:0 0', '0:0 0'],
    [{ user: '1234' }, '1234:1234 77,1234', '1234:1234 1234,77'],
    [{ settings: { runAsUser: 1234 }, user: 'web:www' }, '1234:1234 77,1234', '1234:1234 1234,77'],
    [{ settings: { runAsUser: 1000 }, user: 'app' }, '1000:0 0', '1000:0 0'],
    [{ settings: { runAsUser: 1000, runAsGroup: 3000 } }, '1000:3000 3000', '1000:3000 3000'],
    [{ settings: { runAsGroup: 3000 }, user: 'app' }, '1234:3000 77,3000', '1234:3000 3000,1234,77'],
    [
      { settings: { runAsUser: 1234, supplementalGroups: [4000], fsGroup: 2000 } },
      '1234:1234 77,1234,2000,4000',
      '1234:1234 1234,77,2000,4000',
    ],
    [
      { settings: { runAsUser: 1234, supplementalGroups: [4000], supplementalGroupsPolicy: 'Strict' } },
      '1234:1234 1234,4000',
      '1234:1234 1234,4000',
    ],
    [{ settings: { user: '10001:10001' }, user: 'app' }, '10001:10001 10001', '10001:10001 10001'],
  ])('%j', (scene, containerd, crio) => {
    expect(shown({ ...scene, platform: 'containerd-2' })).toBe(containerd);
    expect(shown({ ...scene, platform: 'crio' })).toBe(crio);
  });

  it('says where the group of the image was lost', () => {
    const launch = launchOf({ user: 'app:www', platform: 'containerd-2' });
    expect(why(launch, 'gid')).toContain('the group "www" of the image\'s USER never reaches the runtime');
  });
});

describe('settings', () => {
  it('--user replaces USER, an empty one does not', () => {
    expect(shown({ user: 'app', settings: { user: '7' } })).toBe('7:0 0');
    expect(shown({ user: 'app', settings: { user: '' } })).toBe('1234:1234 1234,77');
    expect(why(launchOf({ user: 'app', settings: { user: '7' } }), 'user')).toBe('--user "7" replaces the image\'s USER "app"');
  });
  it('--group-add takes names of the image and any number', () => {
    expect(shown({ settings: { user: '7:8', groupAdd: ['99', 'extra'] } })).toBe('7:8 8,99,77');
    expect(refusalOf({ settings: { groupAdd: ['none'] } }).message).toContain('Unable to find group none');
  });
  it('a user nobody knows is refused in the words of each runtime', () => {
    expect(refusalOf({ settings: { user: 'nosuch' } })).toMatchObject({
      by: 'runtime',
      reason: 'start',
      message: 'unable to find user nosuch: no matching entries in passwd file',
    });
    expect(refusalOf({ user: 'nosuch', platform: 'crio' })).toMatchObject({
      reason: 'CreateContainerError',
      message: 'get exec user: unable to find user nosuch: no matching entries in passwd file',
    });
    expect(refusalOf({ settings: { user: 'app:none' } }).message).toBe(
      'unable to find group none: no matching entries in group file',
    );
    expect(refusalOf({ settings: { user: '2147483648' } }).message).toBe('uids and gids must be in range 0-2147483647');
  });
  it('podman without any user keeps the groups that list root', () => {
    const group = 'root:x:0:root\nbin:x:1:root\n';
    expect(shown({ platform: 'podman', group })).toBe('0:0 0,1');
    expect(shown({ platform: 'podman', group: 'bin:x:1:root\n', settings: { groupAdd: ['9'] } })).toBe('0:0 1,9');
    expect(shown({ platform: 'podman', settings: { user: '0' } })).toBe('0:0 0');
  });
  it('an image without account files still runs as a number', () => {
    expect(shown({ user: '1000', passwd: null, group: null })).toBe('1000:0 0');
    expect(shown({ user: '', passwd: null, group: null })).toBe('0:0 0');
  });
});

/** Every row was asked of podman 4.3.1 with runc 1.1.5. */
describe('ids beyond the range', () => {
  const passwd = 'root:x:0:0::/:\nbig:x:4294967295:5::/:\nneg:x:-5:5::/:\nbig2:x:2147483648:5::/:\ng:x:7:4294967295::/:\n';
  const group = 'root:x:0:\nfive:x:5:\ngbig:x:4294967295:\ngbig2:x:2147483648:\ngneg:x:-5:\n';
  const setup = 'OCI runtime error: runc: runc create failed: unable to start container process: unable to setup user: ';
  const range = 'uids and gids must be in range 0-2147483647';
  const podman = { ...profile('podman', '4.3.1'), runtime: 'runc-1.1' } as const;
  it.each<[user: string, groupAdd: string[], expected: string]>([
    ['4294967295', [], `${setup}invalid argument`],
    ['4294967295:5', [], `${setup}invalid argument`],
    ['2147483648', [], '2147483648:5 5'],
    ['2147483648:2147483648', [], '2147483648:2147483648 2147483648'],
    ['5:2147483648', [], '5:2147483648 2147483648'],
    ['5:4294967295', [], `${setup}setgroups: invalid argument`],
    ['4294967294', [], range],
    ['4294967296', [], range],
    ['big', [], `${setup}invalid argument`],
    ['neg', [], `${setup}${range}`],
    ['big2', [], '2147483648:5 5'],
    ['g', [], `${setup}setgroups: invalid argument`],
    ['5:gbig', [], `${setup}setgroups: invalid argument`],
    ['5:gbig2', [], '5:2147483648 2147483648'],
    ['5:gneg', [], `${setup}${range}`],
    ['-5', [], `${setup}${range}`],
    ['9999999999999999999999', [], 'unable to find user 9999999999999999999999: no matching entries in passwd file'],
    ['3000000000:5', [], range],
    ['5:4294967296', [], range],
    ['1000', ['4294967295'], `${setup}setgroups: invalid argument`],
    ['1000', ['gbig'], `${setup}setgroups: invalid argument`],
    ['1000', ['2147483648'], '1000:0 0,2147483648'],
  ])('%s %j', (user, groupAdd, expected) => {
    const scene = { passwd, group, profile: podman, settings: { user, groupAdd } };
    const outcome = outcomeOf(scene);
    expect(outcome.kind === 'refusal' ? outcome.message : shown(scene)).toBe(expected);
  });
});

describe('derivation', () => {
  it('names the line, and the layer when the files are known', () => {
    const launch = launchOf({
      user: 'app',
      files: { '/etc/passwd': { content: 'app:x:1234:1234::/:/bin/sh\n', layer: 3 }, '/bin/app': { content: '', mode: 0o755 } },
    });
    const uid = launch.because.find((one) => one.field === 'uid');
    expect(uid).toEqual({
      field: 'uid',
      value: '1234',
      source: 'image USER "app": "app" is uid 1234 in /etc/passwd line 3',
      where: { path: '/etc/passwd', line: 3, layer: 3 },
    });
  });
  it('explains an empty user part', () => {
    const uid = launchOf({ user: ':1000' }).because.find((one) => one.field === 'uid');
    expect(uid).toMatchObject({ value: '0', source: 'image USER ":1000": ":1000" names no user before the colon, so uid 0' });
  });
});

describe('user namespace', () => {
  it('keeps the uid inside and shows another on the host', () => {
    const launch = launchOf({ user: '1000', platform: 'containerd-2', settings: { hostUsers: false } });
    expect(launch).toMatchObject({ uid: 1000, hostUid: 66536, uidMappings: [{ container: 0, host: 65536, size: 65536 }] });
    expect(launchOf({ user: '1000', platform: 'containerd-2' })).toMatchObject({ hostUid: 1000, uidMappings: [] });
  });
  it('refuses ids beyond its block', () => {
    const refusal = refusalOf({ platform: 'containerd-2', settings: { hostUsers: false, runAsUser: 65536 } });
    expect(refusal.message).toContain('cannot setuid to unmapped uid 65536 in user namespace');
    expect(refusalOf({ platform: 'crio', settings: { hostUsers: false, runAsUser: 1, runAsGroup: 70000 } }).message).toContain(
      'setgroups: invalid argument',
    );
  });
});
