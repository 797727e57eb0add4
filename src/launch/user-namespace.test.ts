import { describe, expect, it } from 'vitest';
import { launchOf } from '../../test/support/launch.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import type { ProfileName } from '../platform/platform.ts';
import { fileTree } from './file-tree.ts';

const files = { '/bin/app': { content: '', mode: 0o755 }, '/data': { uid: 33 } };

function shown(path: string, hostUsers: boolean, platform: ProfileName = 'containerd-2'): string {
  const launch = launchOf({ platform, files, settings: { hostUsers } });
  const node = fileTree(launch, memoryRootFs(files)).lookup(path);
  return node === undefined || node === 'unknown'
    ? String(node)
    : `${node.inode.uid}:${node.inode.gid} ${node.inode.mode.toString(8)}`;
}

describe("what the host's root made, seen from a pod's own user namespace", () => {
  it.each([
    ['/dev/null', '65534:65534 666', '0:0 666'],
    ['/dev/shm', '65534:65534 1777', '0:0 1777'],
    ['/dev/mqueue', '0:65534 1777', '0:0 1777'],
    ['/dev/stdout', '0:0 777', '0:0 777'],
    ['/dev/termination-log', '0:0 666', '0:0 666'],
    ['/proc/sys/kernel/hostname', 'unknown', '0:0 644'],
    ['/proc/sys/net/ipv4/ip_forward', '0:0 644', '0:0 644'],
    ['/etc/hosts', '0:0 644', '0:0 644'],
    ['/data', '33:0 755', '33:0 755'],
  ])('%s', (path, own, host) => {
    expect(shown(path, false)).toBe(own);
    expect(shown(path, true)).toBe(host);
  });
  it('is a matter of pods alone', () => expect(shown('/dev/null', false, 'docker')).toBe('0:0 666'));
});
