/** The cases of the reference table. That the rules agree with a kernel is test/reality/execve.test.ts's subject. */
import { describe, expect, test } from 'vitest';
import { type CapabilityState, NO_CAPABILITIES } from './capability.ts';
import { capabilitiesAfterSetuid, transitionOnExecve } from './execve.ts';

const NBS = ['CAP_NET_BIND_SERVICE'] as const;
const PLAIN = { mode: 0o755, uid: 0, gid: 0 };
const CAPABLE = { ...PLAIN, fileCapabilities: { permitted: NBS, inheritable: [], effective: true } };

function executed(
  uid: number,
  state: Partial<CapabilityState>,
  noNewPrivileges: boolean,
  file: Parameters<typeof transitionOnExecve>[1],
) {
  return transitionOnExecve({ uid, gid: uid, noNewPrivileges, capabilities: { ...NO_CAPABILITIES, ...state } }, file);
}

describe('non-root', () => {
  test('a plain program loses everything, whatever was added, unless it is ambient', () => {
    const plain = executed(1000, { bounding: NBS, permitted: NBS, effective: NBS }, false, PLAIN);
    expect(plain).toMatchObject({ kind: 'runs', capabilities: { permitted: [], effective: [], bounding: NBS } });
    const ambient = executed(1000, { bounding: NBS, permitted: NBS, inheritable: NBS, ambient: NBS }, true, PLAIN);
    expect(ambient).toMatchObject({ capabilities: { permitted: NBS, effective: NBS, ambient: NBS } });
  });

  test.each([
    ['granted from the bounding set', { bounding: NBS }, false, NBS],
    ['no_new_privs grants nothing new', { bounding: NBS }, true, []],
    ['no_new_privs keeps what was permitted', { bounding: NBS, permitted: NBS }, true, NBS],
  ] as const)('file capabilities: %s', (_, state, noNewPrivileges, effective) => {
    expect(executed(1000, state, noNewPrivileges, CAPABLE)).toMatchObject({ kind: 'runs', capabilities: { effective } });
  });

  test('the effective bit outside the bounding set: EPERM, for root too; without the bit it runs', () => {
    expect(executed(1000, {}, false, CAPABLE)).toMatchObject({
      kind: 'refused',
      errno: 'EPERM',
      missing: 'CAP_NET_BIND_SERVICE',
    });
    expect(executed(0, {}, true, CAPABLE)).toMatchObject({ kind: 'refused', errno: 'EPERM' });
    const optional = { ...PLAIN, fileCapabilities: { permitted: NBS, inheritable: [], effective: false } };
    expect(executed(1000, {}, false, optional)).toMatchObject({ kind: 'runs', capabilities: { permitted: [] } });
    expect(executed(1000, {}, false, { ...CAPABLE, noSuid: true })).toMatchObject({ kind: 'runs' });
  });

  test('a revision 3 attribute of another root does not count', () => {
    const foreign = { ...PLAIN, fileCapabilities: { ...CAPABLE.fileCapabilities, rootId: 100000 } };
    expect(executed(1000, { bounding: NBS }, false, foreign)).toMatchObject({ kind: 'runs', capabilities: { permitted: [] } });
  });
});

describe('set-id bits', () => {
  const suid = { ...PLAIN, mode: 0o4755 };
  test('make root, unless no_new_privs or nosuid', () => {
    expect(executed(1000, { bounding: NBS }, false, suid)).toMatchObject({
      uid: 0,
      realUid: 1000,
      capabilities: { effective: NBS },
    });
    expect(executed(1000, { bounding: NBS }, true, suid)).toMatchObject({ uid: 1000, capabilities: { effective: [] } });
    expect(executed(1000, { bounding: NBS }, false, { ...suid, noSuid: true })).toMatchObject({ uid: 1000 });
  });

  test('setgid needs the group’s x', () => {
    expect(executed(1000, {}, false, { mode: 0o2755, uid: 0, gid: 50 })).toMatchObject({ gid: 50, realGid: 1000 });
    expect(executed(1000, {}, false, { mode: 0o2745, uid: 0, gid: 50 })).toMatchObject({ gid: 1000 });
  });

  test('root by set-id with file capabilities has only those', () => {
    const mixed = executed(1000, { bounding: ['CAP_CHOWN', ...NBS] }, false, { ...CAPABLE, mode: 0o4755 });
    expect(mixed).toMatchObject({ uid: 0, capabilities: { permitted: NBS, effective: NBS } });
  });
});

test('root gets bounding and inheritable, and a reason is given', () => {
  const root = executed(0, { bounding: NBS, inheritable: ['CAP_CHOWN'] }, false, PLAIN);
  expect(root).toMatchObject({ capabilities: { permitted: ['CAP_CHOWN', ...NBS], effective: ['CAP_CHOWN', ...NBS] } });
  expect(root.steps).toEqual(['uid 0: permitted is bounding and inheritable together, CAP_CHOWN, CAP_NET_BIND_SERVICE']);
});

describe('setuid', () => {
  const full: CapabilityState = { bounding: NBS, permitted: NBS, effective: NBS, inheritable: NBS, ambient: NBS };
  const ids = (real: number, effective: number, saved: number) => ({ real, effective, saved });
  test('leaving root for good clears permitted, effective and ambient', () => {
    expect(capabilitiesAfterSetuid(full, ids(0, 0, 0), ids(7, 7, 7))).toEqual({
      bounding: NBS,
      permitted: [],
      effective: [],
      inheritable: NBS,
      ambient: [],
    });
  });
  test('with keepcaps permitted stays', () => {
    expect(capabilitiesAfterSetuid(full, ids(0, 0, 0), ids(7, 7, 7), true)).toMatchObject({
      permitted: NBS,
      effective: [],
      ambient: [],
    });
  });
  test('leaving for a while clears effective, coming back restores it', () => {
    const away = capabilitiesAfterSetuid(full, ids(0, 0, 0), ids(0, 7, 0));
    expect(away).toMatchObject({ permitted: NBS, effective: [] });
    expect(capabilitiesAfterSetuid(away, ids(0, 7, 0), ids(0, 0, 0))).toMatchObject({ effective: NBS });
  });
});
