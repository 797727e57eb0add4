import { describe, expect, it } from 'vitest';
import { launchOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';
import type { CapabilityState } from '../linux/capability.ts';
import { capabilityMask } from '../linux/capability.ts';

const hex = (set: CapabilityState['bounding']): string => capabilityMask(set).toString(16);
const sets = (state: CapabilityState): string =>
  `B=${hex(state.bounding)} P=${hex(state.permitted)} E=${hex(state.effective)} I=${hex(state.inheritable)} A=${hex(state.ambient)}`;

/** What the runtime sets, and what the entrypoint has. */
const both = (scene: Scene): [string, string] => {
  const launch = launchOf(scene);
  return [sets(launch.runtimeCapabilities), sets(launch.capabilities)];
};

const EMPTY = 'P=0 E=0 I=0 A=0';

describe('defaults of a non-root user', () => {
  it.each<[Scene, runtime: string, after: string]>([
    [{ platform: 'docker', version: '20.10.13' }, 'B=a80425fb P=0 E=0 I=a80425fb A=0', 'B=a80425fb P=0 E=0 I=a80425fb A=0'],
    [{ platform: 'docker', version: '20.10.24' }, `B=a80425fb ${EMPTY}`, `B=a80425fb ${EMPTY}`],
    [{ platform: 'docker', version: '23.0.6' }, `B=a80425fb ${EMPTY}`, `B=a80425fb ${EMPTY}`],
    [{ platform: 'docker', version: '23.0.7' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0', `B=a80425fb ${EMPTY}`],
    [{ platform: 'docker', version: '24.0.5' }, `B=a80425fb ${EMPTY}`, `B=a80425fb ${EMPTY}`],
    [{ platform: 'docker', version: '24.0.6' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0', `B=a80425fb ${EMPTY}`],
    [{ platform: 'docker' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0', `B=a80425fb ${EMPTY}`],
    [{ platform: 'podman', version: '4.3.1' }, `B=a80425fb ${EMPTY}`, `B=a80425fb ${EMPTY}`],
    [{ platform: 'podman', version: '4.4.0' }, `B=800005fb ${EMPTY}`, `B=800005fb ${EMPTY}`],
    [{ platform: 'podman', version: '4.5.0' }, `B=800405fb ${EMPTY}`, `B=800405fb ${EMPTY}`],
    [{ platform: 'containerd-1' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0', `B=a80425fb ${EMPTY}`],
    [{ platform: 'containerd-2' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0', `B=a80425fb ${EMPTY}`],
    [{ platform: 'crio' }, 'B=5fb P=5fb E=5fb I=0 A=0', `B=5fb ${EMPTY}`],
    [{ platform: 'openshift-restricted-v2' }, `B=0 ${EMPTY}`, `B=0 ${EMPTY}`],
  ])('%j', (scene, runtime, after) => expect(both({ user: '1000', ...scene })).toEqual([runtime, after]));
});

describe('defaults of root', () => {
  it.each<[Scene, string]>([
    [{ platform: 'docker', version: '20.10.24' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0'],
    [{ platform: 'docker' }, 'B=a80425fb P=a80425fb E=a80425fb I=0 A=0'],
    [{ platform: 'podman' }, 'B=800405fb P=800405fb E=800405fb I=0 A=0'],
    [{ platform: 'crio' }, 'B=5fb P=5fb E=5fb I=0 A=0'],
  ])('%j', (scene, after) => expect(sets(launchOf(scene).capabilities)).toBe(after));

  it('podman looks at the text; the kernel gives root its capabilities back at execve, unless no_new_privs', () => {
    expect(both({ platform: 'podman', user: 'toor' })).toEqual([
      `B=800405fb ${EMPTY}`,
      'B=800405fb P=800405fb E=800405fb I=0 A=0',
    ]);
    expect(both({ platform: 'podman', user: 'toor', settings: { noNewPrivileges: true } })[1]).toBe(`B=800405fb ${EMPTY}`);
    expect(both({ platform: 'podman', user: ':1000', settings: { noNewPrivileges: true } })[1]).toBe(
      'B=800405fb P=800405fb E=800405fb I=0 A=0',
    );
  });
});

describe('added and dropped', () => {
  const add: Scene = { user: '1000', settings: { capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] } };
  it('podman makes added ones ambient, others lose them at execve', () => {
    expect(both({ ...add, platform: 'podman' })[1]).toBe('B=400 P=400 E=400 I=400 A=400');
    expect(both({ ...add, platform: 'docker' })).toEqual(['B=400 P=400 E=400 I=0 A=0', `B=400 ${EMPTY}`]);
    expect(both({ ...add, platform: 'containerd-2' })[1]).toBe(`B=400 ${EMPTY}`);
    expect(both({ ...add, platform: 'crio' })[1]).toBe(`B=400 ${EMPTY}`);
  });
  it('CAP_ is optional, but containerd puts it in front always and loses the name', () => {
    const settings = { capDrop: ['all'], capAdd: ['cap_net_admin'] };
    expect(launchOf({ settings, platform: 'docker' }).capabilities.bounding).toEqual(['CAP_NET_ADMIN']);
    expect(launchOf({ settings, platform: 'crio' }).capabilities.bounding).toEqual(['CAP_NET_ADMIN']);
    const lost = launchOf({ settings, platform: 'containerd-2' });
    expect(lost.capabilities.bounding).toEqual([]);
    expect(why(lost, 'capabilities.bounding')).toContain('CAP_CAP_NET_ADMIN');
  });
  it("unknown names are refused in each engine's words", () => {
    const settings = { capAdd: ['FOO'] };
    expect(refusalOf({ settings }).message).toBe('invalid CapAdd: unknown capability: "CAP_FOO"');
    expect(refusalOf({ settings: { capDrop: ['FOO'] } }).message).toBe('invalid CapDrop: unknown capability: "CAP_FOO"');
    expect(refusalOf({ settings, platform: 'podman' }).message).toBe('"CAP_FOO": unknown capability');
    expect(refusalOf({ settings, platform: 'crio' }).message).toBe('unknown capability "CAP_FOO" to add');
    expect(launchOf({ settings, platform: 'containerd-2' }).kind).toBe('launch');
  });
  it('CAP_ALL is a name like any other, and nobody has it', () => {
    const settings = { capDrop: ['CAP_ALL'] };
    expect(refusalOf({ settings }).message).toBe('invalid CapDrop: unknown capability: "CAP_ALL"');
    expect(refusalOf({ settings, platform: 'podman' }).message).toBe('"CAP_ALL": unknown capability');
    expect(refusalOf({ settings, platform: 'crio' }).message).toBe('unknown capability "CAP_ALL" to drop');
    expect(launchOf({ settings, platform: 'containerd-2' }).capabilities.bounding).toContain('CAP_CHOWN');
  });
  it('Podman takes lists, and an empty one for none', () => {
    const bounding = (capAdd: string[]) => launchOf({ settings: { capAdd }, platform: 'podman' }).capabilities.bounding;
    expect(bounding([''])).toEqual(bounding([]));
    expect(bounding(['NET_ADMIN,sys_time'])).toEqual(expect.arrayContaining(['CAP_NET_ADMIN', 'CAP_SYS_TIME']));
    expect(refusalOf({ settings: { capAdd: [''] } }).message).toBe('invalid CapAdd: unknown capability: "CAP_"');
  });
  it('when both are asked, Docker adds, a CRI runtime drops, Podman refuses', () => {
    const settings = { capAdd: ['CHOWN'], capDrop: ['CHOWN'] };
    expect(launchOf({ settings, platform: 'docker' }).capabilities.bounding).toContain('CAP_CHOWN');
    expect(launchOf({ settings, platform: 'containerd-2' }).capabilities.bounding).not.toContain('CAP_CHOWN');
    expect(refusalOf({ settings, platform: 'podman' }).message).toBe('capability "CAP_CHOWN" cannot be dropped and added');
  });
  it('ALL and privileged are limited to what the engine has itself', () => {
    const host = { bounding: ['CAP_CHOWN', 'CAP_KILL'] as const };
    expect(launchOf({ settings: { capAdd: ['ALL'], capDrop: ['KILL'] }, host }).capabilities.bounding).toEqual(['CAP_CHOWN']);
    expect(launchOf({ settings: { privileged: true }, host }).capabilities.bounding).toEqual(['CAP_CHOWN', 'CAP_KILL']);
    expect(hex(launchOf({ settings: { privileged: true } }).capabilities.bounding)).toBe('1ffffffffff');
  });
});

/** reference semantics 9.4 and labs 2.2: a setcap'd entrypoint. */
describe('file capabilities of the entrypoint', () => {
  const caps = { permitted: ['CAP_NET_BIND_SERVICE'] as const, inheritable: [], effective: true };
  const files = { '/bin/app': { content: '', mode: 0o755, fileCapabilities: caps } };
  const drop = { capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] };
  it('work where the runtime keeps them permitted, even under no_new_privs', () => {
    expect(both({ user: '1000', files, settings: { ...drop, noNewPrivileges: true } })[1]).toBe('B=400 P=400 E=400 I=0 A=0');
    expect(both({ user: '1000', files, platform: 'containerd-1', settings: { ...drop, noNewPrivileges: true } })[1]).toBe(
      'B=400 P=400 E=400 I=0 A=0',
    );
  });
  it('are not given by older Docker under no_new_privs, and are without it', () => {
    expect(both({ user: '1000', files, version: '20.10.24', settings: { ...drop, noNewPrivileges: true } })[1]).toBe(
      'B=400 P=0 E=0 I=0 A=0',
    );
    expect(both({ user: '1000', files, version: '20.10.24', settings: drop })[1]).toBe('B=400 P=400 E=400 I=0 A=0');
  });
  it('outside the bounding set stop the start, for root too', () => {
    for (const user of ['1000', '0']) {
      const refusal = refusalOf({ user, files, settings: { capDrop: ['ALL'] } });
      expect(refusal).toMatchObject({ by: 'runtime', reason: 'start', message: 'exec /bin/app: operation not permitted' });
      expect(why(refusal, 'capabilities')).toContain('CAP_NET_BIND_SERVICE');
    }
  });
  it('without the effective bit it starts, without the capability', () => {
    const quiet = { '/bin/app': { content: '', mode: 0o755, fileCapabilities: { ...caps, effective: false } } };
    expect(both({ user: '1000', files: quiet, settings: { capDrop: ['ALL'] } })[1]).toBe(`B=0 ${EMPTY}`);
  });
});

describe('set-uid entrypoint', () => {
  const files = { '/bin/app': { content: '', mode: 0o4755 } };
  it('makes root of an ordinary user, with everything in the bounding set', () => {
    const launch = launchOf({ user: 'app', files });
    expect(launch).toMatchObject({ uid: 1234, effectiveUid: 0 });
    expect(hex(launch.capabilities.effective)).toBe('a80425fb');
    expect(why(launch, 'effectiveUid')).toContain('set-user-id');
  });
  it('does not under no_new_privs', () => {
    const launch = launchOf({ user: 'app', files, settings: { noNewPrivileges: true } });
    expect(launch.effectiveUid).toBeUndefined();
    expect(launch.capabilities.effective).toEqual([]);
  });
});
