import { describe, expect, it } from 'vitest';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { decide } from '../linux/access.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { Decision, FileTree } from '../linux/decision.ts';
import type { ProfileName } from '../platform/platform.ts';
import { profile } from '../platform/profiles.ts';
import { settingsOfPod } from '../workload/formats/kubernetes/pod-settings.ts';
import type { PodSpec, PodVolume } from '../workload/formats/kubernetes/pod-spec.ts';
import { type Surroundings, surroundingsOf } from '../workload/formats/kubernetes/surroundings.ts';
import { fileTree } from './file-tree.ts';
import { credentialsOf, type Launch } from './launch.ts';
import { launchImage } from './launch-image.ts';

const FILES = { '/bin/app': { content: '', mode: 0o755 }, '/etc/app/image.conf': 'x', '/data': { uid: 33, mode: 0o700 } };
const CONFIG = {
  user: '1000',
  env: [],
  entrypoint: ['/bin/app'],
  cmd: [],
  workingDir: '',
  volumes: [],
  exposedPorts: [],
  labels: {},
};

interface Seen {
  readonly launch: Launch;
  readonly tree: FileTree;
  /** `directory 0:5 2777`, with `ro`, or a link's target. */
  readonly at: (path: string) => string;
  readonly open: (path: string, access?: 'read' | 'write', who?: Partial<Credentials>) => string;
}

const text = ({ known, allowed, errno }: Decision): string => (!known ? 'unknown' : allowed ? 'ok' : (errno ?? 'no'));

function pod(spec: PodSpec, around: Surroundings = {}, platform: ProfileName = 'containerd-2', container = 'main'): Seen {
  const found = settingsOfPod({ metadata: { name: 'web' }, spec }, around).find(({ name }) => name === container);
  const rootFs = memoryRootFs(FILES);
  const outcome = launchImage({
    image: { reference: 'x', config: CONFIG, rootFs },
    settings: found?.settings ?? {},
    profile: profile(platform),
  });
  if (outcome.kind === 'refusal') throw new Error(outcome.message);
  const tree = fileTree(outcome, rootFs);
  return {
    launch: outcome,
    tree,
    at(path) {
      const node = tree.lookup(path);
      if (node === undefined || node === 'unknown') return String(node);
      const { type, uid, gid, mode } = node.inode;
      return `${type} ${uid}:${gid} ${mode.toString(8)}${node.readOnly === true ? ' ro' : ''}${node.target === undefined ? '' : ` ${node.target}`}`;
    },
    open(path, access = 'read', who = {}) {
      return text(decide({ kind: 'open', path, access }, { ...credentialsOf(outcome), ...who }, tree, outcome.facts));
    },
  };
}

/** One volume at /v. */
function volume(
  kind: Omit<PodVolume, 'name'>,
  context: PodSpec['securityContext'] = {},
  around: Surroundings = {},
  mount: object = {},
): Seen {
  const containers = [{ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }];
  return pod({ volumes: [{ name: 'v', ...kind } as PodVolume], securityContext: context ?? {}, containers }, around);
}

const objects = surroundingsOf([
  { kind: 'ConfigMap', metadata: { name: 'c' }, data: { 'a.conf': '1', 'b.conf': '2' } },
  { kind: 'Secret', metadata: { name: 's' }, stringData: { key: 'x', cert: 'y' } },
]);
const secret = (defaultMode: number): Omit<PodVolume, 'name'> => ({ secret: { secretName: 's', defaultMode } });

describe('emptyDir', () => {
  it.each<[string, Omit<PodVolume, 'name'>, number | undefined, object, string]>([
    ['disk', { emptyDir: {} }, undefined, {}, 'directory 0:0 777'],
    ['disk, fsGroup', { emptyDir: {} }, 5, {}, 'directory 0:5 2777'],
    ['memory', { emptyDir: { medium: 'Memory' } }, undefined, {}, 'directory 0:0 1777'],
    ['memory, fsGroup', { emptyDir: { medium: 'Memory' } }, 5, {}, 'directory 0:5 3777'],
    ['read-only', { emptyDir: {} }, undefined, { readOnly: true }, 'directory 0:0 777 ro'],
    ['subPath', { emptyDir: {} }, undefined, { subPath: 'a/b' }, 'directory 0:0 777'],
    ['subPath, fsGroup', { emptyDir: {} }, 5, { subPath: 'a/b' }, 'directory 0:5 2777'],
    ['subPath in memory', { emptyDir: { medium: 'Memory' } }, undefined, { subPath: 'a' }, 'directory 0:0 1777'],
  ])('%s', (_, kind, fsGroup, mount, expected) => {
    expect(volume(kind, fsGroup === undefined ? {} : { fsGroup }, {}, mount).at('/v')).toBe(expected);
  });
  it('is empty, unless another container may have been there', () => {
    expect(volume({ emptyDir: {} }).at('/v/x')).toBe('undefined');
    const mounts = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    const shared = pod({
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [{ name: 'init', ...mounts }],
      containers: [{ name: 'main', ...mounts }],
    });
    expect(shared.at('/v')).toBe('directory 0:0 777');
    expect(shared.open('/v/x')).toBe('unknown');
  });
});

describe('an emptyDir mounted twice in one container', () => {
  const twice = (emptyDir: object, context: PodSpec['securityContext'] = {}, extra: object = {}): Seen =>
    pod({
      volumes: [{ name: 'v', emptyDir }],
      securityContext: context ?? {},
      containers: [
        {
          name: 'main',
          env: [{ name: 'UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }],
          volumeMounts: [
            { name: 'v', mountPath: '/e' },
            { name: 'v', mountPath: '/sub', subPath: 'a/b', ...extra },
          ],
        },
      ],
    });
  it('shows the folder of the subPath in the whole, and nothing else', () => {
    const seen = twice({});
    expect(['/e', '/e/a', '/e/a/b', '/e/none', '/sub', '/sub/none'].map(seen.at)).toEqual([
      'directory 0:0 777',
      'directory 0:0 777',
      'directory 0:0 777',
      'undefined',
      'directory 0:0 777',
      'undefined',
    ]);
    const create = { kind: 'open', path: '/e/new', access: 'write', create: true } as const;
    expect(text(decide(create, credentialsOf(seen.launch), seen.tree, seen.launch.facts))).toBe('ok');
    expect(text(decide({ ...create, path: '/sub/new' }, credentialsOf(seen.launch), seen.tree, seen.launch.facts))).toBe('ok');
  });
  it('hands on the group', () => {
    expect(twice({}, { fsGroup: 5 }).at('/e/a/b')).toBe('directory 0:5 2777');
  });
  it('is unknown where the folder is named by an expression', () => {
    expect(twice({}, {}, { subPath: undefined, subPathExpr: '$(UID)' }).at('/e/x')).toBe('unknown');
  });
});

describe('what the kubelet writes', () => {
  it('is reached through ..data, and nobody writes there', () => {
    const seen = volume({ configMap: { name: 'c' } }, {}, objects);
    expect(seen.at('/v')).toBe('directory 0:0 777 ro');
    expect(seen.at('/v/..data')).toBe('symlink 0:0 777 ro ..<timestamp>');
    expect(seen.at('/v/..<timestamp>')).toBe('directory 0:0 755 ro');
    expect(seen.at('/v/a.conf')).toBe('symlink 0:0 777 ro ..data/a.conf');
    expect(seen.at('/v/..<timestamp>/a.conf')).toBe('file 0:0 644 ro');
    expect(seen.open('/v/a.conf')).toBe('ok');
    expect(seen.open('/v/a.conf', 'write', { uid: 0, capabilities: { ...credentialsOf(seen.launch).capabilities } })).toBe(
      'EROFS',
    );
    expect(seen.open('/v/none')).toBe('ENOENT');
  });
  it.each<[number, number | undefined, string, string]>([
    // defaultMode, fsGroup, file, can uid 1000 read it
    [0o644, undefined, 'file 0:0 644 ro', 'ok'],
    [0o644, 5, 'file 0:5 644 ro', 'ok'],
    [0o400, undefined, 'file 0:0 400 ro', 'EACCES'],
    [0o400, 5, 'file 0:5 440 ro', 'ok'],
    [0o600, 5, 'file 0:5 640 ro', 'ok'],
    [0o000, 5, 'file 0:5 440 ro', 'ok'],
    [0o000, undefined, 'file 0:0 0 ro', 'EACCES'],
    [0o777, 5, 'file 0:5 777 ro', 'ok'],
  ])('a secret of mode %o with fsGroup %s', (mode, fsGroup, file, answer) => {
    // Without the sets of a root process: the default of containerd leaves them effective for the first process.
    const seen = volume(secret(mode), fsGroup === undefined ? {} : { fsGroup }, objects);
    const none = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] };
    expect(seen.at('/v/..<timestamp>/key')).toBe(file);
    expect(seen.open('/v/key', 'read', { capabilities: none })).toBe(answer);
  });
  it('roots: a tmpfs but for configMaps; the walk sees them too', () => {
    expect(volume(secret(0o644), {}, objects).at('/v')).toBe('directory 0:0 1777 ro');
    expect(volume(secret(0o644), { fsGroup: 5 }, objects).at('/v')).toBe('directory 0:5 3777 ro');
    expect(volume({ configMap: { name: 'c' } }, { fsGroup: 5 }, objects).at('/v')).toBe('directory 0:5 2777 ro');
    expect(volume({ downwardAPI: { items: [{ path: 'a/b' }] } }, { fsGroup: 5 }).at('/v/..<timestamp>/a')).toBe(
      'directory 0:5 2755 ro',
    );
    expect(volume(secret(0o644), { fsGroup: 5 }, objects).at('/v/..data')).toBe('symlink 0:5 777 ro ..<timestamp>');
  });
  it('items have modes of their own, and folders', () => {
    const items = [{ key: 'key', path: 'deep/er/key', mode: 0o600 }];
    const seen = volume({ secret: { secretName: 's', items } }, { fsGroup: 5 }, objects);
    expect(seen.at('/v/deep')).toBe('symlink 0:5 777 ro ..data/deep');
    expect(seen.at('/v/..<timestamp>/deep/er')).toBe('directory 0:5 2755 ro');
    expect(seen.at('/v/..<timestamp>/deep/er/key')).toBe('file 0:5 640 ro');
    expect(seen.open('/v/deep/er/key')).toBe('ok');
    expect(seen.at('/v/cert')).toBe('undefined');
  });
  it('names nobody here knows are unknown, not missing', () => {
    const seen = volume({ configMap: { name: 'elsewhere' } });
    expect(seen.at('/v')).toBe('directory 0:0 777 ro');
    expect(seen.open('/v/x')).toBe('unknown');
  });
  it('subPath of a key is that file alone, beside what the image has', () => {
    const mount = { mountPath: '/etc/app/a.conf', subPath: 'a.conf' };
    const seen = volume({ configMap: { name: 'c', defaultMode: 0o400 } }, { fsGroup: 5 }, objects, mount);
    expect(seen.at('/etc/app/a.conf')).toBe('file 0:5 440 ro');
    expect(seen.at('/etc/app/image.conf')).toBe('file 0:0 644');
    expect(volume({ configMap: { name: 'elsewhere', defaultMode: 0o400 } }, {}, {}, mount).at('/etc/app/a.conf')).toBe(
      'file 0:0 400 ro',
    );
    expect(volume({ configMap: { name: 'c' } }, {}, objects, { subPath: 'none' }).at('/v')).toBe('directory 0:0 777 ro');
  });
});

describe('tokens', () => {
  const PLACE = '/var/run/secrets/kubernetes.io/serviceaccount';
  const token = (spec: PodSpec): string => pod({ containers: [{ name: 'main' }], ...spec }).at(`${PLACE}/..<timestamp>/token`);
  it.each<[string, PodSpec, string]>([
    ['nobody named', {}, 'file 0:0 644 ro'],
    ['one user', { securityContext: { runAsUser: 7 } }, 'file 7:0 600 ro'],
    ['fsGroup', { securityContext: { fsGroup: 5 } }, 'file 0:5 640 ro'],
    ['both', { securityContext: { runAsUser: 7, fsGroup: 5 } }, 'file 7:5 640 ro'],
    ['user 0', { securityContext: { runAsUser: 0 } }, 'file 0:0 600 ro'],
    [
      'an init container with another user',
      { securityContext: { runAsUser: 7 }, initContainers: [{ name: 'i', securityContext: { runAsUser: 8 } }] },
      'file 0:0 644 ro',
    ],
    [
      'one container says nothing',
      { containers: [{ name: 'main', securityContext: { runAsUser: 7 } }, { name: 'other' }] },
      'file 0:0 644 ro',
    ],
  ])('%s', (_, spec, expected) => expect(token(spec)).toBe(expected));
  it('the certificate beside it is for everybody', () => {
    const seen = pod({ securityContext: { runAsUser: 7, fsGroup: 5 }, containers: [{ name: 'main' }] });
    expect(seen.at(`${PLACE}/..<timestamp>/ca.crt`)).toBe('file 0:5 644 ro');
    expect(seen.at(`${PLACE}/token`)).toBe('symlink 7:5 777 ro ..data/token');
    expect(seen.at(`${PLACE}/ca.crt`)).toBe('symlink 0:5 777 ro ..data/ca.crt');
  });
  it('OpenShift names a user and a group, so the token is private', () => {
    const seen = pod({ containers: [{ name: 'main' }] }, {}, 'openshift-restricted-v2');
    expect(seen.at(`${PLACE}/..<timestamp>/token`)).toBe('file 1000680000:1000680000 640 ro');
    expect(seen.open(`${PLACE}/token`)).toBe('ok');
    expect(seen.open(`${PLACE}/token`, 'read', { uid: 2000, groups: [] })).toBe('EACCES');
  });
});

describe('what comes from elsewhere', () => {
  const claims = (spec: object): Surroundings =>
    surroundingsOf([{ kind: 'PersistentVolume', metadata: { name: 'p' }, spec: { claimRef: { name: 'claim' }, ...spec } }]);
  const claim = { persistentVolumeClaim: { claimName: 'claim' } };
  const local = claims({ local: { path: '/mnt' }, accessModes: ['ReadWriteOnce'] });
  it.each<[string, Seen]>([
    ['a claim nobody knows', volume(claim, { fsGroup: 5 })],
    ['a disk without fsGroup', volume(claim, {}, local)],
    ['an export', volume({ nfs: { server: 's', path: '/e' } }, { fsGroup: 5 })],
    ['a folder of the node', volume({ hostPath: { path: '/var/log' } }, { fsGroup: 5 })],
    ['an image', volume({ image: { reference: 'a' } }, { fsGroup: 5 })],
    ['a disk mounted read-only', volume(claim, { fsGroup: 5 }, local, { readOnly: true })],
    [
      'part of a disk that may be left alone',
      volume(claim, { fsGroup: 5, fsGroupChangePolicy: 'OnRootMismatch' }, local, { subPath: 'x' }),
    ],
  ])('%s is unknown', (_, seen) => {
    expect(seen.at('/v')).toBe('unknown');
    expect(seen.open('/v/x', 'write')).toBe('unknown');
    expect(seen.launch.mounts.find(({ target }) => target === '/v')?.contentUnknown).toBe(true);
  });
  it('the group is certain at the root of a disk that the kubelet walks', () => {
    const seen = volume(claim, { fsGroup: 5 }, local);
    expect(seen.at('/v')).toBe('directory 0:5 2770');
    expect(seen.open('/v/x')).toBe('unknown');
    expect(volume(claim, { fsGroup: 5 }, local, { subPath: 'x' }).at('/v')).toBe('directory 0:5 2770');
  });
  it('says why', () => {
    const said = (seen: Seen): string => seen.launch.because.find(({ field }) => field === 'mounts./v')?.source ?? '';
    expect(said(volume({ nfs: { server: 's', path: '/e' } }, { fsGroup: 5 }))).toMatch(/fsGroup 5 does not reach it.*nfs\.go/);
    expect(said(volume({ hostPath: { path: '/x', type: 'DirectoryOrCreate' } }, { fsGroup: 5 }))).toMatch(/made as root 0755/);
    expect(said(volume(claim, { fsGroup: 5 }))).toMatch(/depends on what is behind it/);
    expect(said(volume(secret(0o400), { fsGroup: 5 }, objects))).toMatch(/fsGroup 5.*volume_linux\.go/);
  });
  it('a name of the API that is also a name of JavaScript is a kind nobody knows', () => {
    expect(volume({ constructor: { a: 1 } } as unknown as PodVolume, { fsGroup: 5 }).at('/v')).toBe('unknown');
  });
});

describe('files of every pod', () => {
  const seen = pod({ containers: [{ name: 'main', securityContext: { readOnlyRootFilesystem: true } }] });
  it.each([
    ['/etc/hosts', 'file 0:0 644'],
    ['/etc/hostname', 'file 0:0 644 ro'],
    ['/etc/resolv.conf', 'file 0:0 644 ro'],
    ['/dev/termination-log', 'file 0:0 666'],
    ['/dev/shm', 'directory 0:0 1777'],
  ])('%s', (path, expected) => expect(seen.at(path)).toBe(expected));
  it('last words where the pod wants them', () => {
    const other = pod({ containers: [{ name: 'main', terminationMessagePath: '/var/last/words' }] });
    expect(other.at('/var/last/words')).toBe('file 0:0 666');
    expect(other.at('/var/last')).toBe('directory 0:0 755');
    expect(other.at('/dev/termination-log')).toBe('undefined');
  });
  it('an image VOLUME gives way to a mount of the pod', () => {
    expect(volume({ emptyDir: {} }, {}, {}, { mountPath: '/data' }).at('/data')).toBe('directory 0:0 777');
  });
});
