import { describe, expect, it } from 'vitest';
import { launchOf, outcomeOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';
import { profile, withRuntime } from '../platform/profiles.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';

const files = {
  '/bin/app': { content: '', mode: 0o755 },
  '/conf/app.conf': 'x',
  '/conf/link': { target: 'app.conf' },
  '/data': {},
  '/run': {},
  '/var/run': { target: '/run' },
};
const scene = (volume: Volume, more: Scene = {}, settings: ContainerSettings = {}): Scene => ({
  files,
  platform: 'containerd-2',
  ...more,
  settings: { ...settings, volumes: [volume] },
});
const empty = (target: string): Volume => ({ kind: 'empty-dir', target, name: 'v' });
const config = (target: string, more: Partial<Volume> = {}): Volume => ({
  kind: 'projected',
  type: 'configMap',
  name: 'conf',
  target,
  files: [{ path: 'app.conf', mode: 0o644 }],
  ...more,
});

/** What is real is compared in test/reality/launch-*.test.ts. */
describe('a folder onto a file', () => {
  it('is a ConfigMap mounted where the image has a file, without subPath', () => {
    const { by, reason, message } = refusalOf(scene(config('/conf/app.conf')));
    expect([by, reason]).toEqual(['runtime', 'RunContainerError']);
    const source = '/var/lib/kubelet/pods/<pod uid>/volumes/kubernetes.io~configmap/conf';
    expect(message).toBe(
      `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "${source}" to rootfs at "/conf/app.conf": mount src=${source}, dst=/conf/app.conf, dstFd=/proc/thread-self/fd/…, flags=MS_BIND|MS_REC: not a directory`,
    );
    expect(why(refusalOf(scene(config('/conf/app.conf'))), 'mounts./conf/app.conf')).toContain(
      'it is a folder, and that is a file in the image',
    );
  });
  it('with the key as subPath it is a file onto a file', () => {
    expect(launchOf(scene(config('/conf/app.conf', { subPath: 'app.conf' }))).uid).toBe(0);
  });
  it('a key that is not there is a folder that the kubelet makes', () => {
    expect(refusalOf(scene(config('/conf/app.conf', { subPath: 'ap.conf' }))).message).toContain('not a directory');
    // Of a ConfigMap that is not at hand nobody knows its keys.
    expect(outcomeOf(scene(config('/conf/app.conf', { subPath: 'ap.conf', files: [], otherFilesMode: 0o644 }))).kind).toBe(
      'launch',
    );
  });
  it('also where a link leads to it', () => {
    expect(why(refusalOf(scene(empty('/conf/link'))), 'mounts./conf/link')).toContain('/conf/app.conf is a file in the image');
  });
  it('Docker gives its advice', () => {
    const old = withRuntime(profile('docker', '20.10.24'), 'runc', 'runc version 1.1.5');
    expect(refusalOf(scene({ kind: 'tmpfs', target: '/conf/app.conf' }, { profile: old })).message).toBe(
      'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "tmpfs" to rootfs at "/conf/app.conf": mount tmpfs:/conf/app.conf (via /proc/self/fd/…), flags: 0xe: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type',
    );
  });
  it('a VOLUME of the image fails when the container is made', () => {
    const volumes = { config: { volumes: ['/conf/app.conf'] }, files };
    expect(refusalOf({ ...volumes, platform: 'docker' })).toMatchObject({
      reason: 'create',
      message: 'cannot mount volume over existing file, file exists …/conf/app.conf',
    });
    expect(refusalOf({ ...volumes, platform: 'containerd-2' })).toMatchObject({
      reason: 'CreateContainerError',
      message: 'failed to create containerd container: taking runtime copy of volume: source …/conf/app.conf is not directory',
    });
  });
});

describe('a file onto a folder', () => {
  const host = (hostPathType: string, target: string): Volume => ({
    kind: 'bind',
    type: 'hostPath',
    source: '/h',
    target,
    hostPathType,
  });
  it('is refused, and the other way round it is too', () => {
    expect(refusalOf(scene(host('File', '/data'))).message).toContain('error mounting "/h" to rootfs at "/data"');
    expect(refusalOf(scene(host('Directory', '/conf/app.conf'))).message).toContain('not a directory');
    expect(refusalOf(scene(config('/data', { subPath: 'app.conf' }))).message).toContain('rootfs at "/data"');
  });
  it('what nobody looked at is not judged', () => {
    expect(outcomeOf(scene({ kind: 'bind', source: '/h', target: '/data' })).kind).toBe('launch');
    expect(outcomeOf(scene(host('', '/conf/app.conf'))).kind).toBe('launch');
    expect(outcomeOf(scene({ kind: 'external', type: 'nfs', target: '/conf/app.conf', subPath: 'x' })).kind).toBe('launch');
    expect(outcomeOf(scene({ ...empty('/conf/app.conf'), subPath: 'x', shared: 'before' })).kind).toBe('launch');
  });
});

describe('elsewhere', () => {
  it('below a file', () => {
    expect(refusalOf(scene(empty('/conf/app.conf/x'))).message).toContain(
      'create mountpoint for /conf/app.conf/x mount: lookup mountpoint target: securejoin.OpenInRoot /conf/app.conf/x: openat2 /conf/app.conf/x: not a directory',
    );
  });
  it('inside /proc, but for what may be covered there; crun has no such rule', () => {
    expect(refusalOf(scene(empty('/proc/sys'))).message).toContain('cannot be mounted because it is inside /proc');
    expect(outcomeOf(scene(empty('/proc/meminfo'))).kind).toBe('launch');
    expect(outcomeOf(scene(empty('/proc/sys'), { platform: 'crio' })).kind).toBe('launch');
  });
  it('what another mount covers is not the image’s', () => {
    const volumes = [empty('/conf'), { ...empty('/conf/app.conf'), name: 'w' }];
    expect(outcomeOf({ files, platform: 'containerd-2', settings: { volumes } }).kind).toBe('launch');
  });
  it('folders on folders, new paths and links to folders are fine', () => {
    for (const target of ['/data', '/new/deep', '/var/run', '/var/run/app', '/'])
      expect({ target, kind: outcomeOf(scene(empty(target))).kind }).toEqual({
        target,
        kind: target === '/' ? expect.any(String) : 'launch',
      });
  });
});
