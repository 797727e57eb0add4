import { describe, expect, it } from 'vitest';
import { launchOf } from '../../test/support/launch.ts';
import type { LaunchMount } from '../launch/launch.ts';
import { profile } from '../platform/profiles.ts';
import { createRequest } from './docker/create-request.ts';
import { deviceDifferences, entryDifferences } from './handed-in.ts';
import { podmanArguments } from './podman/arguments.ts';

const files = { '/bin/app': { content: '', mode: 0o755 } };
const limits = { nofile: 1024, nproc: 1000 };
const devices = [{ source: '/dev/fuse', target: '/dev/inside' }];
const fileOf = (path: string): NonNullable<LaunchMount['entries']>[number] => ({
  path,
  inode: { type: 'file', uid: 0, gid: 0, mode: 0o644 },
});
const withEntries = (...paths: readonly string[]) => {
  const launch = launchOf({ files, settings: { volumes: [{ kind: 'anonymous', target: '/etc/app' }] } });
  const entries = paths.map(fileOf);
  return { ...launch, mounts: launch.mounts.map((mount) => (mount.target === '/etc/app' ? { ...mount, entries } : mount)) };
};

describe('devices', () => {
  const launch = launchOf({ files, settings: { devices } });
  it('are handed in by podman and Docker', () => {
    const facts = { defaultCapabilities: profile('podman').defaultCapabilities, limits, passwdFlag: true };
    expect(podmanArguments(launch, facts).flags).toContain('--device=/dev/fuse:/dev/inside');
    const { body } = createRequest(launch, { profile: profile('docker'), limits }, 'name', 'image');
    expect(body.HostConfig).toMatchObject({ Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/inside' }] });
  });
  it('are missed aloud elsewhere', () =>
    expect(deviceDifferences('runc', launch)).toEqual(['runc does not hand in the device /dev/fuse (as /dev/inside)']));
  it('are nothing when nobody asks', () => expect(deviceDifferences('runc', launchOf({ files }))).toEqual([]));
});

describe('files a platform writes into volumes', () => {
  it('are missed aloud', () => {
    expect(entryDifferences('podman', withEntries('a', 'b', 'c', 'd', 'e'))).toEqual([
      'podman leaves the volume at /etc/app without a, b, c and 2 more',
    ]);
    expect(entryDifferences('podman', withEntries(''))).toEqual([
      'podman mounts an empty folder at /etc/app, which is a single file on the platform',
    ]);
    expect(entryDifferences('podman', withEntries())).toEqual([]);
  });
});
