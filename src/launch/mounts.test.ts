import { describe, expect, it } from 'vitest';
import { launchOf, type Scene } from '../../test/support/launch.ts';
import { profile, withRuntime } from '../platform/profiles.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import type { LaunchMount } from './launch.ts';

const files = {
  '/bin/app': { content: '', mode: 0o755 },
  '/data': { uid: 33, gid: 33, mode: 0o750, layer: 2 },
  '/data/file': { content: 'x', uid: 33 },
  '/run': {},
  '/var/run': { target: '/run' },
  '/tmp': { mode: 0o1777 },
};

const at = (target: string, scene: Scene): LaunchMount | undefined =>
  launchOf({ files, user: '1000:5', ...scene }).mounts.find((one) => one.target === target);
const owned = (mount: LaunchMount | undefined): string =>
  mount === undefined
    ? 'none'
    : `${mount.type} ${mount.uid}:${mount.gid} ${mount.mode?.toString(8)}${mount.copiesImageContent === true ? ' +content' : ''}`;
const volume = (kind: Volume['kind'], target: string, more: Partial<Volume> = {}): ContainerSettings => ({
  volumes: [{ kind, target, ...more }],
});

describe('platform mounts', () => {
  it('are those of every runtime, parents first', () => {
    const mounts = launchOf({}).mounts;
    expect(mounts.map((one) => one.target)).toEqual([
      '/proc',
      '/dev',
      '/sys',
      '/dev/pts',
      '/dev/shm',
      '/dev/mqueue',
      '/sys/fs/cgroup',
    ]);
    expect(mounts.find((one) => one.target === '/sys')).toMatchObject({ readOnly: true, origin: 'platform' });
    expect(mounts.find((one) => one.target === '/dev/shm')).toMatchObject({ mode: 0o1777 });
  });
  it('privileged has /sys writable', () => expect(at('/sys', { settings: { privileged: true } })?.readOnly).toBe(false));
});

describe('image VOLUME', () => {
  const config = { volumes: ['/data', '/new'] };
  it.each<[NonNullable<Scene['platform']>, existing: string, missing: string]>([
    ['docker', 'volume 33:33 750 +content', 'volume 0:0 755'],
    ['containerd-2', 'volume 33:33 750 +content', 'volume 0:0 755'],
    ['podman', 'volume 33:33 750 +content', 'volume 1000:5 755'],
    // The kubelet drops the group of USER, so CRI-O makes it for gid 0; an existing directory is used as it is.
    ['crio', 'none', 'volume 1000:0 755'],
  ])('%s', (platform, existing, missing) => {
    expect(owned(at('/data', { platform, config }))).toBe(existing);
    expect(owned(at('/new', { platform, config }))).toBe(missing);
  });
  it('has the flags the platform gives its volumes', () => {
    expect(at('/data', { platform: 'podman', config })?.options).toEqual(['nosuid', 'nodev']);
    expect(at('/data', { platform: 'docker', config })?.options).toEqual([]);
    const settings = volume('named', '/data', { readOnly: true });
    expect(at('/data', { platform: 'podman', settings })?.options).toEqual(['nosuid', 'nodev', 'ro']);
  });
  it('gives way to a volume of the settings', () => {
    expect(at('/data', { config, settings: volume('bind', '/data', { source: '/host' }) })).toMatchObject({
      type: 'bind',
      source: '/host',
      origin: 'settings',
    });
  });
  it('lands where a symlink of the image leads', () => {
    expect(at('/run/app', { config: { volumes: ['/var/run/app'] } })?.origin).toBe('image');
  });
});

describe('settings', () => {
  it('tmpfs copies the mode, never the owner; an explicit mode wins', () => {
    expect(owned(at('/data', { settings: volume('tmpfs', '/data') }))).toBe('tmpfs 0:0 750');
    expect(owned(at('/none', { settings: volume('tmpfs', '/none') }))).toBe('tmpfs 0:0 1777');
    expect(owned(at('/run', { settings: volume('tmpfs', '/var/run') }))).toBe('tmpfs 0:0 755');
    expect(owned(at('/data', { settings: volume('tmpfs', '/data', { mode: 0o700, uid: 7, gid: 8 }) }))).toBe('tmpfs 7:8 700');
    expect(owned(at('/data', { platform: 'podman', settings: volume('tmpfs', '/data') }))).toBe('tmpfs 0:0 750 +content');
    expect(at('/data', { settings: volume('tmpfs', '/data', { mode: 0o700, uid: 7, gid: 8 }) })?.options).toEqual(
      expect.arrayContaining(['mode=0700', 'uid=7', 'gid=8']),
    );
  });
  it('a mode for a tmpfs is lost in runc before 1.1.8, when it covers a directory', () => {
    const old = withRuntime(profile('docker', '20.10.24'), 'runc', 'runc version 1.1.5+ds1\ncommit: 1');
    expect(owned(at('/data', { profile: old, settings: volume('tmpfs', '/data', { mode: 0o700 }) }))).toBe('tmpfs 0:0 750');
    expect(owned(at('/none', { profile: old, settings: volume('tmpfs', '/none', { mode: 0o700 }) }))).toBe('tmpfs 0:0 700');
  });
  it('named volumes start as image volumes do', () => {
    expect(owned(at('/data', { settings: volume('named', '/data', { source: 'v' }) }))).toBe('volume 33:33 750 +content');
    expect(owned(at('/new', { platform: 'podman', settings: volume('anonymous', '/new') }))).toBe('volume 1000:5 755');
  });
  it('an emptyDir is 0777, with fsGroup 2777 of that group', () => {
    expect(owned(at('/cache', { platform: 'containerd-2', settings: volume('empty-dir', '/cache') }))).toBe('volume 0:0 777');
    expect(owned(at('/cache', { platform: 'containerd-2', settings: { ...volume('empty-dir', '/cache'), fsGroup: 2000 } }))).toBe(
      'volume 0:2000 2777',
    );
    expect(owned(at('/cache', { platform: 'openshift-restricted-v2', settings: volume('empty-dir', '/cache') }))).toBe(
      'volume 0:1000680000 2777',
    );
  });
  it('a bind tells nothing about its owner', () => {
    expect(at('/b', { settings: volume('bind', '/b', { source: '/x', readOnly: true }) })).toEqual({
      type: 'bind',
      target: '/b',
      source: '/x',
      readOnly: true,
      options: ['ro'],
      origin: 'settings',
    });
  });
  it('a read-only root gets tmpfs on podman only', () => {
    const settings = { readOnly: true };
    expect(owned(at('/tmp', { platform: 'podman', settings }))).toBe('tmpfs 0:0 1777 +content');
    expect(owned(at('/var/tmp', { platform: 'podman', settings }))).toBe('tmpfs 0:0 1777');
    expect(at('/tmp', { settings })).toBeUndefined();
  });
});
