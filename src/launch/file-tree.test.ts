import { describe, expect, it } from 'vitest';
import { buildLayer } from '../../test/support/image-builder.ts';
import { launchOf, type Scene } from '../../test/support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { createLayerIndex, type LayerIndex } from '../image/layer-index.ts';
import { createRootFs } from '../image/root-fs.ts';
import { createTarStream } from '../image/tar.ts';
import { decide } from '../linux/access.ts';
import type { FileNode, FileTree } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import { fileTree } from './file-tree.ts';
import { credentialsOf, type Launch } from './launch.ts';

const image: Record<string, MemoryEntry | string> = {
  '/bin/app': { content: '', mode: 0o755 },
  '/etc/hosts': { content: '', mode: 0o600, uid: 9 },
  '/data': { uid: 33, mode: 0o750 },
  '/data/file': 'x',
  '/var/log/app.log': { target: '/dev/stdout' },
};

function treeOf(scene: Scene = {}): { tree: FileTree; launch: Launch } {
  const launch = launchOf({ user: '1000', files: image, ...scene });
  return { tree: fileTree(launch, memoryRootFs(image)), launch };
}

function layerIndex(tar: Uint8Array): LayerIndex {
  const builder = createLayerIndex({});
  const stream = createTarStream((entry) => {
    builder.add(entry);
    return undefined;
  });
  stream.push(tar);
  stream.end();
  return builder.finish();
}

const shown = (tree: FileTree, path: string): string => {
  const node = tree.lookup(path);
  if (node === undefined || node === 'unknown') return String(node);
  const { type, uid, gid, mode } = node.inode;
  return `${type} ${uid}:${gid} ${mode.toString(8)}${node.readOnly === true ? ' ro' : ''}${node.target === undefined ? '' : ` -> ${node.target}`}`;
};

describe('image and engine', () => {
  it("shows the image, and the engine's own files over it", () => {
    const { tree } = treeOf();
    expect(shown(tree, '/data')).toBe('directory 33:0 750');
    expect(shown(tree, '/data/file')).toBe('file 0:0 644');
    expect(shown(tree, '/nothing')).toBe('undefined');
    expect(shown(tree, '/etc/hosts')).toBe('file 0:0 644');
    expect(shown(tree, '/etc/resolv.conf')).toBe('file 0:0 644');
    expect(shown(tree, '/')).toBe('directory 0:0 755');
  });
  it("has Podman's mark of a container, unless /run is made anew over it", () => {
    const mark = (scene: Scene): string => shown(treeOf({ platform: 'podman', ...scene }).tree, '/run/.containerenv');
    expect(mark({})).toBe('file 0:0 644');
    expect(mark({ platform: 'docker' })).toBe('undefined');
    // --read-only brings a tmpfs for /run.
    expect(mark({ settings: { readOnly: true } })).toBe('undefined');
    expect(shown(treeOf({ platform: 'podman' }).tree, '/run')).toBe('directory 0:0 755');
  });
  it('has /dev/tty only for those with a terminal', () => {
    const open = (settings: Scene['settings'] = {}) => {
      const { tree, launch } = treeOf({ settings });
      return decide({ kind: 'open', path: '/dev/tty', access: 'write' }, credentialsOf(launch), tree, launch.facts);
    };
    expect(open()).toMatchObject({ allowed: false, errno: 'ENXIO', known: true });
    expect(open({ tty: true }).allowed).toBe(true);
  });
  it('is read-only when asked', () => {
    const { tree } = treeOf({ settings: { readOnly: true } });
    expect(shown(tree, '/data')).toBe('directory 33:0 750 ro');
    expect(shown(tree, '/dev/shm')).toBe('directory 0:0 1777');
  });
  it('has the working directory that the engine makes', () => {
    expect(shown(treeOf({ config: { workingDir: '/srv/new' } }).tree, '/srv/new')).toBe('directory 0:0 755');
    expect(shown(treeOf().tree, '/srv/new')).toBe('undefined');
    const { tree } = treeOf({ config: { workingDir: '/srv/new' }, user: '1000:5', platform: 'podman' });
    expect([shown(tree, '/srv'), shown(tree, '/srv/new')]).toEqual(['directory 0:0 755', 'directory 1000:5 755']);
  });
});

describe('directories that a later layer passes without listing them', () => {
  const layers = [
    [
      { path: '/tmp/', mode: 0o1777 },
      { path: '/d/', mode: 0o2770, uid: 5, gid: 6 },
      { path: '/d/gone', content: '' },
      { path: '/kept/', mode: 0o1777 },
    ],
    [
      { path: '/tmp/app.conf', content: '' },
      { path: '/d/.wh.gone', content: '' },
      { path: '/kept/', mode: 0o1777 },
      { path: '/kept/x', content: '' },
    ],
  ];
  // Asked of podman 4.3.1 and Docker 20.10 with this very image: 755 0:0 for the first two.
  it.each([
    ['podman', ['directory 0:0 755', 'directory 0:0 755', 'directory 0:0 1777']],
    ['docker', ['directory 0:0 755', 'directory 0:0 755', 'directory 0:0 1777']],
    ['crio', ['directory 0:0 755', 'directory 0:0 755', 'directory 0:0 1777']],
    ['containerd-2', ['directory 0:0 1777', 'directory 5:6 2770', 'directory 0:0 1777']],
  ] as const)('%s', (platform, expected) => {
    const tars = layers.map((items) => buildLayer(items));
    const rootFs = createRootFs(tars.map(layerIndex), async () => []);
    const tree = fileTree(launchOf({ user: '1000', files: image, platform }), rootFs);
    expect(['/tmp', '/d', '/kept'].map((path) => shown(tree, path))).toEqual(expected);
  });
});

describe('mounts', () => {
  const settings = {
    volumes: [
      { kind: 'tmpfs' as const, target: '/data' },
      { kind: 'bind' as const, target: '/host', source: '/x' },
      { kind: 'empty-dir' as const, target: '/deep/cache', readOnly: true },
    ],
  };
  it('hide the image', () => {
    const { tree } = treeOf({ settings });
    expect(shown(tree, '/data')).toBe('directory 0:0 750');
    expect(shown(tree, '/data/file')).toBe('undefined');
    expect(shown(tree, '/host/anything')).toBe('unknown');
    expect(shown(tree, '/deep')).toBe('directory 0:0 755');
    expect(shown(tree, '/deep/cache')).toBe('directory 0:0 777 ro');
  });
  it('copy the content where the platform does', () => {
    expect(shown(treeOf({ settings, platform: 'podman' }).tree, '/data/file')).toBe('file 0:0 644');
  });
  it('show a bind that the caller knows', () => {
    const { launch } = treeOf({ settings });
    const host: FileTree = {
      lookup: (path) => (path === '/host/log' ? { inode: { type: 'file', uid: 7, gid: 7, mode: 0o600 } } : undefined),
    };
    const tree = fileTree(launch, memoryRootFs(image), { binds: new Map([['/host', host]]) });
    expect(shown(tree, '/host/log')).toBe('file 7:7 600');
    expect(shown(tree, '/host/none')).toBe('undefined');
  });
});

describe('/dev and /proc', () => {
  const { tree } = treeOf();
  it.each([
    ['/dev', 'directory 0:0 755'],
    ['/dev/null', 'character-device 0:0 666'],
    ['/dev/tty', 'character-device 0:0 666'],
    ['/dev/shm', 'directory 0:0 1777'],
    ['/dev/mqueue', 'directory 0:0 1777'],
    ['/dev/pts', 'directory 0:0 755'],
    ['/dev/pts/0', 'character-device 0:5 620'],
    ['/dev/stdout', 'symlink 0:0 777 -> /proc/self/fd/1'],
    ['/dev/fd', 'symlink 0:0 777 -> /proc/self/fd'],
    ['/dev/sda', 'undefined'],
    ['/proc/self/fd/1', 'fifo 1000:0 600'],
    ['/proc/1/fd/2', 'fifo 1000:0 600'],
    ['/proc/self/fd/9', 'unknown'],
    ['/proc/sys/net/ipv4', 'directory 0:0 555 ro'],
    ['/proc/sys/net/ipv4/ip_forward', 'file 0:0 644 ro'],
    ['/proc/sys/kernel/hostname', 'file 0:0 644 ro'],
    ['/proc/cpuinfo', 'file 0:0 444'],
    ['/proc/4711/mem', 'unknown'],
    ['/sys/class', 'unknown'],
  ])('%s', (path, expected) => expect(shown(tree, path)).toBe(expected));
  it("a privileged container has the host's devices and a writable /proc/sys", () => {
    const privileged = treeOf({ settings: { privileged: true } }).tree;
    expect(shown(privileged, '/dev/sda')).toBe('unknown');
    expect(shown(privileged, '/proc/sys/kernel/hostname')).toBe('file 0:0 644');
  });
});

describe('with the access rules', () => {
  const open = (scene: Scene, path: string, uid?: number) => {
    const { tree, launch } = treeOf(scene);
    const who = credentialsOf(launch);
    const empty = { ...who.capabilities, permitted: [], effective: [] };
    return decide(
      { kind: 'open', path, access: 'write' },
      uid === undefined ? who : { ...who, uid, capabilities: empty },
      tree,
      launch.facts,
    );
  };
  it('a log that is a symlink to /dev/stdout can be opened by a process started as the user, not by one that dropped to it', () => {
    expect(open({}, '/var/log/app.log')).toMatchObject({ allowed: true, known: true });
    expect(open({ user: '0' }, '/var/log/app.log', 1000)).toMatchObject({ allowed: false, errno: 'EACCES' });
  });
  it('sysctls are read-only even for root', () => {
    expect(open({ user: '0' }, '/proc/sys/net/ipv4/ip_forward')).toMatchObject({ allowed: false, errno: 'EROFS' });
  });
  it('a bind of the host is an unknown, not a yes', () => {
    const settings = { volumes: [{ kind: 'bind' as const, target: '/host', source: '/x' }] };
    expect(open({ settings }, '/host/x').known).toBe(false);
  });
});

describe('mounts, as the kernel tells them apart', () => {
  const volumes = [
    { kind: 'tmpfs' as const, target: '/data' },
    { kind: 'bind' as const, target: '/host', source: '/x' },
  ];
  const binds = new Map([['/host', { lookup: () => ({ inode: { type: 'directory' as const, uid: 0, gid: 0, mode: 0o755 } }) }]]);
  const files = { ...image, '/data': { uid: 33, mode: 0o1777 }, '/srv/own': { uid: 1000, content: '' } };
  const launch = launchOf({ user: '0', files, settings: { volumes } });
  const tree = fileTree(launch, memoryRootFs(files), { binds });
  const ask = (operation: Operation): string => decide(operation, credentialsOf(launch), tree, launch.facts).errno ?? 'allowed';
  const node = (path: string): FileNode => tree.lookup(path) as FileNode;

  it('names the one each file lives on', () => {
    const places = ['/', '/srv/own', '/data', '/host', '/host/x', '/etc/hosts', '/dev', '/dev/null', '/dev/shm', '/dev/pts/ptmx'];
    expect(places.map((path) => node(path).mount)).toEqual([
      '/',
      '/',
      '/data',
      '/host',
      '/host',
      '/etc/hosts',
      '/dev',
      '/dev',
      '/dev/shm',
      '/dev/pts',
    ]);
    expect(['/proc/cpuinfo', '/proc/sys/kernel/hostname'].map((path) => node(path).mount)).toEqual(['/proc', '/proc/sys']);
  });
  it('hands on nosuid, noexec and nodev', () => {
    const flags = ({ noSuid, noExec, noDev }: FileNode): unknown => [noSuid, noExec, noDev];
    expect(flags(node('/srv/own'))).toEqual([undefined, undefined, undefined]);
    expect(flags(node('/data'))).toEqual([true, true, true]);
    expect(flags(node('/dev'))).toEqual([true, undefined, undefined]);
    expect(flags(node('/dev/shm'))).toEqual([true, true, true]);
    expect(flags(node('/proc/cpuinfo'))).toEqual([true, true, true]);
  });
  it('knows what a mount point hides', () => {
    expect(node('/data').covered).toMatchObject({ uid: 33, mode: 0o1777 });
    expect(node('/etc/hosts').covered).toMatchObject({ uid: 9, mode: 0o600 });
    expect(node('/dev/shm').covered).toMatchObject({ uid: 0, mode: 0o755 });
    expect(node('/srv/own').covered).toBeUndefined();
  });
  it('lets nothing cross a mount, and no mount point be taken away', () => {
    expect(ask({ kind: 'rename', path: '/srv/own', to: '/data/own' })).toBe('EXDEV');
    expect(ask({ kind: 'link', path: '/srv/own', to: '/data/own' })).toBe('EXDEV');
    expect(ask({ kind: 'rename', path: '/srv/own', to: '/etc/own' })).toBe('allowed');
    expect(ask({ kind: 'rmdir', path: '/data' })).toBe('EBUSY');
    expect(ask({ kind: 'unlink', path: '/etc/hosts' })).toBe('EBUSY');
    expect(ask({ kind: 'rename', path: '/srv/own', to: '/etc/hosts' })).toBe('EBUSY');
  });
  it('is not what CRI-O makes of a VOLUME', () => {
    const { tree } = treeOf({ platform: 'crio', config: { volumes: ['/made'] } });
    expect(tree.lookup('/made')).toMatchObject({ mount: '/' });
  });
  it('goes by ids alone below /proc/sys, whatever the capabilities', () => {
    expect(ask({ kind: 'open', path: '/proc/sys/kernel/hostname', access: 'write' })).toBe('EROFS');
    const other = { ...credentialsOf(launch), uid: 5, gid: 5, groups: [] };
    const write = { kind: 'open', path: '/proc/sys/kernel/hostname', access: 'write' } as const;
    expect(other.capabilities.effective).toContain('CAP_DAC_OVERRIDE');
    expect(decide(write, other, tree, launch.facts).errno).toBe('EACCES');
  });
});

describe('directories of the image', () => {
  it('cannot be renamed on an overlay; those the runtime made can', () => {
    const launch = launchOf({ user: '0', files: image, config: { workingDir: '/srv/new' } });
    const tree = fileTree(launch, memoryRootFs(image));
    const ask = (path: string): string | undefined =>
      decide({ kind: 'rename', path, to: `${path}-2` }, credentialsOf(launch), tree, launch.facts).errno;
    expect([ask('/data'), ask('/srv'), ask('/data/file')]).toEqual(['EXDEV', undefined, undefined]);
  });
});

describe('hard links of the image', () => {
  it('are files of their own on an overlay: renaming one over the other is a change', () => {
    const files = { ...image, '/a': { content: '' }, '/b': { content: '', hardlinkTo: '/a' } };
    const launch = launchOf({ user: '1000', files });
    const tree = fileTree(launch, memoryRootFs(files));
    expect(decide({ kind: 'rename', path: '/b', to: '/a' }, credentialsOf(launch), tree, launch.facts).errno).toBe('EACCES');
  });
});
