import { describe, expect, it } from 'vitest';
import { launchOf } from '../../test/support/launch.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { runtimeSpec, type SpecSurroundings } from './spec.ts';

const files = { '/bin/app': { content: '', mode: 0o755 } };
const around: SpecSurroundings = {
  id: 'unroot-x',
  root: '/r',
  limits: { nofile: 1024, nproc: 1000 },
  volumes: new Map(),
  files: [],
  cgroup: { path: '/unroot-x', version: 1 },
};
const linux = (settings: ContainerSettings, more: Partial<SpecSurroundings> = {}): Readonly<Record<string, unknown>> =>
  runtimeSpec(launchOf({ files, settings }), { ...around, ...more }).linux;
const limited = { path: '/unroot-x', version: 1, devices: [{ type: 'c', major: 1, minor: 3, access: 'rwm' }] } as const;

describe('devices', () => {
  it('are all for a privileged container, where the group around allows all, and else what that one allows', () => {
    expect(linux({ privileged: true })).toMatchObject({ resources: { devices: [{ allow: true, access: 'rwm' }] } });
    expect(linux({ privileged: true }, { cgroup: limited })).toMatchObject({
      resources: { devices: [{ allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }] },
    });
    expect(linux({}, { cgroup: limited })).toMatchObject({ resources: { devices: [{ allow: false, access: 'rwm' }] } });
  });

  it('are made and opened when they are to be handed in, and otherwise only reckoned with', () => {
    const launch = launchOf({ files, settings: { devices: [{ source: '/dev/vdb', target: '/dev/xvda' }] } });
    expect(runtimeSpec(launch, around).linux).not.toHaveProperty('devices');
    const [device] = launch.devices ?? [];
    const node = { type: 'b', major: 7, minor: 9 } as const;
    const inode = { type: 'block-device', uid: 1000, gid: 6, mode: 0o660 } as const;
    const spec = runtimeSpec({ ...launch, devices: [{ ...device!, node, inode }] }, around);
    expect(spec.linux).toMatchObject({
      devices: [{ path: '/dev/xvda', type: 'b', major: 7, minor: 9, fileMode: 0o660, uid: 1000, gid: 6 }],
      resources: { devices: [{ allow: false }, { allow: true, type: 'b', major: 7, minor: 9, access: 'rwm' }] },
    });
  });
});

it('has a PID namespace of its own, unless the user of the run said otherwise', () => {
  const names = (hostPid: boolean): unknown =>
    (
      runtimeSpec({ ...launchOf({ files }), ...(hostPid ? { hostPid: true } : {}) }, around).linux.namespaces as {
        type: string;
      }[]
    ).map(({ type }) => type);
  expect(names(false)).toContain('pid');
  expect(names(true)).not.toContain('pid');
});
