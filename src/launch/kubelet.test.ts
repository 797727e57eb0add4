import { describe, expect, it } from 'vitest';
import { launchOf, outcomeOf, refusalOf } from '../../test/support/launch.ts';
import type { ContainerSettings } from '../workload/container.ts';

const pod = { name: 'web', namespace: 'default', uid: '1f0c' };
const place = '(pod: "web_default(1f0c)", container: web)';

/** reference semantics 1.3, first match wins. */
describe('verifyRunAsNonRoot', () => {
  it.each<[why: string, image: string, settings: ContainerSettings, message: string | undefined]>([
    ['unset', '', {}, undefined],
    ['false', '', { runAsNonRoot: false }, undefined],
    ['false, explicit 0', '', { runAsNonRoot: false, runAsUser: 0 }, undefined],
    ['runAsUser 0', '1000', { runAsNonRoot: true, runAsUser: 0 }, `container's runAsUser breaks non-root policy ${place}`],
    ['runAsUser not 0, image root', '', { runAsNonRoot: true, runAsUser: 1000 }, undefined],
    ['runAsUser not 0, image named', 'app', { runAsNonRoot: true, runAsUser: 1000 }, undefined],
    [
      'named USER',
      'app',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${place}`,
    ],
    [
      'named USER with group',
      'app:web',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${place}`,
    ],
    [
      'root by name',
      'root',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has non-numeric user (root), cannot verify user is non-root ${place}`,
    ],
    [
      'hexadecimal is a name',
      '0x3e8',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has non-numeric user (0x3e8), cannot verify user is non-root ${place}`,
    ],
    ['no USER', '', { runAsNonRoot: true }, `container has runAsNonRoot and image will run as root ${place}`],
    ['USER :1000', ':1000', { runAsNonRoot: true }, `container has runAsNonRoot and image will run as root ${place}`],
    ['USER 0', '0', { runAsNonRoot: true }, `container has runAsNonRoot and image will run as root ${place}`],
    ['USER 00', '00', { runAsNonRoot: true }, `container has runAsNonRoot and image will run as root ${place}`],
    ['USER +0:0', '+0:0', { runAsNonRoot: true }, `container has runAsNonRoot and image will run as root ${place}`],
    [
      'negative USER',
      '-1',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has an invalid user id (-1). (Must be 1-(2147483647)): must be between 0 and 2147483647, inclusive ${place}`,
    ],
    [
      'USER too large',
      '2147483648',
      { runAsNonRoot: true },
      `container has runAsNonRoot and image has an invalid user id (2147483648). (Must be 1-(2147483647)): must be between 0 and 2147483647, inclusive ${place}`,
    ],
    ['USER 01000', '01000', { runAsNonRoot: true }, undefined],
    ['USER 1000:0 (gid 0 is fine)', '1000:0', { runAsNonRoot: true }, undefined],
    [
      'not relaxed in a user namespace',
      '',
      { runAsNonRoot: true, hostUsers: false },
      `container has runAsNonRoot and image will run as root ${place}`,
    ],
  ])('%s', (_, user, settings, message) => {
    for (const platform of ['containerd-1', 'containerd-2', 'crio'] as const) {
      // containerd 1 has no user namespaces: no sandbox comes into being there.
      if (settings.hostUsers === false && platform === 'containerd-1') continue;
      const outcome = outcomeOf({ user, platform, settings: { ...settings, pod } });
      if (message === undefined) expect(outcome.kind).toBe('launch');
      else expect(outcome).toMatchObject({ kind: 'refusal', by: 'kubelet', reason: 'CreateContainerConfigError', message });
    }
  });

  it("is the kubelet's: engines do not look at it", () => {
    expect(launchOf({ settings: { runAsNonRoot: true } }).uid).toBe(0);
  });
  it('shows placeholders for a pod nobody named', () => {
    expect(refusalOf({ platform: 'containerd-2', settings: { runAsNonRoot: true } }).message).toContain(
      '(pod: "web_default(<pod uid>)", container: web)',
    );
  });
});

describe('API validation', () => {
  it.each<[ContainerSettings, string]>([
    [{ runAsUser: -1 }, 'runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
    [{ runAsGroup: 2147483648 }, 'runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive'],
    [{ supplementalGroups: [1, -5] }, 'supplementalGroups[1]: Invalid value: -5: must be between 0 and 2147483647, inclusive'],
    [{ noNewPrivileges: true, privileged: true }, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'],
    [
      { noNewPrivileges: true, capAdd: ['CAP_SYS_ADMIN'] },
      'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    ],
  ])('%j', (settings, message) => {
    expect(refusalOf({ platform: 'containerd-2', settings })).toMatchObject({ by: 'api-server', message });
  });
  it('does not match the usual spelling of SYS_ADMIN', () => {
    expect(launchOf({ platform: 'containerd-2', settings: { noNewPrivileges: true, capAdd: ['SYS_ADMIN'] } }).kind).toBe(
      'launch',
    );
  });
});

describe('OpenShift restricted-v2', () => {
  const platform = 'openshift-restricted-v2';
  it('assigns a uid, an fsGroup, no_new_privs and no capability', () => {
    const launch = launchOf({ platform, user: 'root' });
    expect(launch).toMatchObject({ uid: 1000680000, gid: 0, groups: [0, 1000680000], noNewPrivileges: true, home: '/' });
    expect(launch.capabilities.bounding).toEqual([]);
    expect(launch.userName).toBeUndefined();
  });
  it('allows NET_BIND_SERVICE and nothing else', () => {
    expect(launchOf({ platform, settings: { capAdd: ['NET_BIND_SERVICE'] } }).capabilities.bounding).toEqual([
      'CAP_NET_BIND_SERVICE',
    ]);
    expect(refusalOf({ platform, settings: { capAdd: ['NET_ADMIN'] } })).toMatchObject({
      by: 'admission',
      message:
        'unable to validate against any security context constraint: [provider restricted-v2: .containers[0].capabilities.add: Invalid value: "NET_ADMIN": capability may not be added]',
    });
  });
  it('refuses uids out of the range, not those of another block', () => {
    expect(refusalOf({ platform, settings: { runAsUser: 1000 } }).message).toContain(
      'provider restricted-v2: .containers[0].runAsUser: Invalid value: 1000: must be in the ranges: [1000680000, 1000689999]',
    );
    expect(launchOf({ platform, settings: { runAsUser: 1000700123 } }).uid).toBe(1000700123);
  });
  it('refuses privileged and foreign fsGroups', () => {
    expect(refusalOf({ platform, settings: { privileged: true } }).message).toContain('Privileged containers are not allowed');
    expect(refusalOf({ platform, settings: { fsGroup: 5 } }).message).toContain('5 is not an allowed group');
  });
});
