import { describe, expect, it } from 'vitest';
import { launchOf } from '../../test/support/launch.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { decide } from '../linux/access.ts';
import type { Operation } from '../linux/operation.ts';
import type { ProfileName } from '../platform/platform.ts';
import { fileTree } from './file-tree.ts';
import { credentialsOf } from './launch.ts';

const files = { '/bin/app': { content: '', mode: 0o755 }, '/data': { uid: 33 }, '/far': { uid: 70000, gid: 7 } };

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
    // As Linux 6.18 shows them in a user namespace whose proc and sysfs are its own.
    ['/proc', '65534:65534 555', '0:0 555'],
    ['/proc/cpuinfo', '65534:65534 444', '0:0 444'],
    ['/proc/self/status', '0:0 444', '0:0 444'],
    ['/proc/sys/kernel/hostname', '65534:65534 644', '0:0 644'],
    ['/proc/sys/kernel/sem', '0:0 644', '0:0 644'],
    ['/proc/sys/fs/mqueue/msg_max', '0:0 644', '0:0 644'],
    ['/proc/sys/user/max_user_namespaces', 'unknown', '0:0 644'],
    ['/proc/sys/net', '65534:65534 555', '0:0 555'],
    ['/sys', '65534:65534 555', '0:0 555'],
    ['/far', '65534:7 755', '70000:7 755'],
    ['/proc/sys/net/ipv4/ip_forward', '0:0 644', '0:0 644'],
    ['/etc/hosts', '0:0 644', '0:0 644'],
    ['/data', '33:0 755', '33:0 755'],
  ])('%s', (path, own, host) => {
    expect(shown(path, false)).toBe(own);
    expect(shown(path, true)).toBe(host);
  });
  it('is reached by no capability of the pod, which knows the ids of its own', () => {
    const launch = launchOf({ platform: 'containerd-2', user: '0', files, settings: { hostUsers: false } });
    const tree = fileTree(launch, memoryRootFs(files));
    const who = credentialsOf(launch);
    expect(who.userNamespace?.uids).toEqual([{ container: 0, host: 65536, size: 65536 }]);
    const asRoot = (operation: Operation): string => decide(operation, who, tree, launch.facts).errno ?? 'allowed';
    expect(asRoot({ kind: 'open', path: '/data/new', access: 'write', create: true })).toBe('allowed');
    expect(asRoot({ kind: 'open', path: '/far/new', access: 'write', create: true })).toBe('EACCES');
    expect(asRoot({ kind: 'chown', path: '/data', uid: 70000, gid: -1 })).toBe('EINVAL');
    expect(asRoot({ kind: 'chown', path: '/far', uid: 0, gid: -1 })).toBe('EPERM');
    expect(asRoot({ kind: 'open', path: '/proc/sys/kernel/hostname', access: 'write' })).toBe('EACCES');
  });
  it('is a matter of pods alone', () => expect(shown('/dev/null', false, 'docker')).toBe('0:0 666'));
});
