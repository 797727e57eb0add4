import { describe, expect, it } from 'vitest';
import type { ContainerSettings, Volume } from '../../container.ts';
import { settingsOfPod } from './pod-settings.ts';
import type { Pod, PodSpec, PodVolume, SecurityContext } from './pod-spec.ts';
import { effectiveSecurityContext } from './security-context.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';

const pod = (spec: PodSpec): Pod => ({ metadata: { name: 'web', namespace: 'shop', uid: '1f0c' }, spec });
const one = (spec: PodSpec, around: Surroundings = {}): ContainerSettings => {
  const found = settingsOfPod(pod(spec), { mountsServiceAccountToken: false, ...around });
  return found[0]?.settings as ContainerSettings;
};

describe('containers', () => {
  it('come in the order in which they start, each with its role', () => {
    const containers = settingsOfPod(
      pod({
        ephemeralContainers: [{ name: 'debug', image: 'sh' }],
        containers: [{ name: 'main', image: 'app' }, { name: 'other' }],
        initContainers: [{ name: 'first' }, { name: 'proxy', restartPolicy: 'Always' }, { name: 'second' }],
      }),
    );
    expect(containers.map(({ name, role, image }) => [name, role, image])).toEqual([
      ['first', 'init', undefined],
      ['proxy', 'sidecar', undefined],
      ['second', 'init', undefined],
      ['main', 'container', 'app'],
      ['other', 'container', undefined],
      ['debug', 'ephemeral', 'sh'],
    ]);
  });
  it('command replaces the entrypoint, args the command; both expanded', () => {
    const env = [
      { name: 'A', value: 'a' },
      { name: 'S', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
    ];
    expect(one({ containers: [{ name: 'main', command: ['$(A)', '$(S)'], args: ['$$(A)', '$(B)'], env }] })).toMatchObject({
      entrypoint: ['a', '$(S)'],
      command: ['$(A)', '$(B)'],
      env: { A: 'a' },
      unknownEnv: ['S'],
    });
    expect(one({ containers: [{ name: 'main', command: [], args: ['x'] }] })).toMatchObject({ command: ['x'] });
    expect(one({ containers: [{ name: 'main', command: [] }] }).entrypoint).toBeUndefined();
  });
  it('say what the pod says', () => {
    const spec: PodSpec = {
      hostNetwork: true,
      hostUsers: false,
      securityContext: {
        fsGroup: 5,
        supplementalGroups: [7, 8],
        supplementalGroupsPolicy: 'Strict',
        fsGroupChangePolicy: 'OnRootMismatch',
        sysctls: [{ name: 'net.core.somaxconn', value: '10' }],
      },
      containers: [
        {
          name: 'main',
          workingDir: '/srv',
          terminationMessagePath: '/last',
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            privileged: false,
            procMount: 'Unmasked',
            capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
          },
        },
      ],
    };
    expect(one(spec)).toMatchObject({
      name: 'main',
      network: 'host',
      hostUsers: false,
      fsGroup: 5,
      supplementalGroups: [7, 8],
      supplementalGroupsPolicy: 'Strict',
      fsGroupChangePolicy: 'OnRootMismatch',
      sysctls: { 'net.core.somaxconn': '10' },
      workdir: '/srv',
      terminationMessagePath: '/last',
      readOnly: true,
      noNewPrivileges: true,
      privileged: false,
      unmaskedProc: true,
      capAdd: ['NET_ADMIN'],
      capDrop: ['ALL'],
      pod: { name: 'web', namespace: 'shop', uid: '1f0c' },
    });
    const silent = one({ containers: [{ name: 'main' }] });
    expect(Object.keys(silent).sort()).toEqual(['hostname', 'name', 'pod']);
  });
  it('values of the wrong type count as not written', () => {
    const spec = {
      securityContext: { runAsUser: '1000', fsGroup: 1.5 },
      containers: [null, { name: 'main', command: 'sh', env: [3] }],
    };
    expect(one(spec as unknown as PodSpec)).not.toHaveProperty('runAsUser');
    expect(settingsOfPod({ spec: 'x' } as unknown as Pod)).toEqual([]);
    expect(settingsOfPod({})).toEqual([]);
  });
});

describe('security contexts are merged field by field', () => {
  const merged = (shared: PodSpec['securityContext'], own: SecurityContext): SecurityContext =>
    effectiveSecurityContext(pod(shared === undefined ? {} : { securityContext: shared }), { name: 'c', securityContext: own });
  it.each<[string, PodSpec['securityContext'], SecurityContext, SecurityContext]>([
    [
      'the pod alone',
      { runAsUser: 1, runAsGroup: 2, runAsNonRoot: true },
      {},
      { runAsUser: 1, runAsGroup: 2, runAsNonRoot: true },
    ],
    ['the container wins', { runAsUser: 1, runAsGroup: 2 }, { runAsUser: 3 }, { runAsUser: 3, runAsGroup: 2 }],
    [
      '0 and false are said',
      { runAsUser: 1, runAsNonRoot: true },
      { runAsUser: 0, runAsNonRoot: false },
      { runAsUser: 0, runAsNonRoot: false },
    ],
    [
      'seLinuxOptions as a whole',
      { seLinuxOptions: { user: 'u', level: 'l' } },
      { seLinuxOptions: { type: 't' } },
      { seLinuxOptions: { type: 't' } },
    ],
    [
      'windowsOptions field by field, GMSA together',
      { windowsOptions: { runAsUserName: 'a', gmsaCredentialSpecName: 'n', gmsaCredentialSpec: 's', hostProcess: true } },
      { windowsOptions: { runAsUserName: 'b', gmsaCredentialSpec: 't' } },
      { windowsOptions: { runAsUserName: 'b', gmsaCredentialSpec: 't', hostProcess: true } },
    ],
    ['fsGroup is of no container', { fsGroup: 5 }, { privileged: true }, { privileged: true }],
  ])('%s', (_, shared, own, expected) => expect(merged(shared, own)).toEqual(expected));
});

describe('volumes', () => {
  const mounted = (volume: Omit<PodVolume, 'name'>, around: Surroundings = {}, more: object = {}): Volume => {
    const spec = {
      volumes: [{ name: 'v', ...volume } as PodVolume],
      containers: [{ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] }],
    };
    return one(spec, around).volumes?.[0] as Volume;
  };
  const around = surroundingsOf([
    { kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: '1' }, binaryData: { b: 'AA==' } },
    { kind: 'Secret', metadata: { name: 's' }, data: { k: 'aHVzaA==' }, stringData: { t: 'x' } },
    { kind: 'CSIDriver', metadata: { name: 'ebs' }, spec: {} },
    { kind: 'CSIDriver', metadata: { name: 'efs' }, spec: { fsGroupPolicy: 'None' } },
    {
      kind: 'PersistentVolume',
      metadata: { name: 'p', annotations: { 'pv.beta.kubernetes.io/gid': '123' } },
      spec: { accessModes: ['ReadWriteOnce'], claimRef: { name: 'claim' }, csi: { driver: 'ebs', fsType: 'ext4' } },
    },
  ]);

  it.each<[string, Omit<PodVolume, 'name'>, Partial<Volume>]>([
    ['emptyDir', { emptyDir: {} }, { kind: 'empty-dir', type: 'emptyDir' }],
    ['emptyDir in memory', { emptyDir: { medium: 'Memory' } }, { kind: 'empty-dir', medium: 'Memory' }],
    ['no kind at all', {}, { kind: 'empty-dir' }],
    ['null', { emptyDir: null }, { kind: 'empty-dir' }],
    [
      'configMap',
      { configMap: { name: 'c' } },
      {
        kind: 'projected',
        readOnly: true,
        files: [
          { path: 'a', mode: 0o644 },
          { path: 'b', mode: 0o644 },
        ],
      },
    ],
    [
      'configMap nobody has',
      { configMap: { name: 'x', defaultMode: 0o400 } },
      { kind: 'projected', files: [], otherFilesMode: 0o400 },
    ],
    [
      'secret with items',
      {
        secret: {
          secretName: 's',
          defaultMode: 0o400,
          items: [
            { key: 'k', path: 'deep/k', mode: 0o600 },
            { key: 't', path: 't' },
          ],
        },
      },
      {
        files: [
          { path: 'deep/k', mode: 0o600 },
          { path: 't', mode: 0o400 },
        ],
      },
    ],
    [
      'optional item that is missing',
      { secret: { secretName: 's', optional: true, items: [{ key: 'none', path: 'n' }] } },
      { files: [] },
    ],
    [
      'hostPath',
      { hostPath: { path: '/var/log', type: 'Directory' } },
      { kind: 'bind', source: '/var/log', hostPathType: 'Directory' },
    ],
    ['nfs', { nfs: { server: 's', path: '/e', readOnly: true } }, { kind: 'external', readOnly: true, source: '/e' }],
    ['image', { image: { reference: 'a:1' } }, { kind: 'external', readOnly: true, source: 'a:1' }],
    ['something new', { quobyte: { volume: 'x' } }, { kind: 'external', type: 'quobyte' }],
  ])('%s', (_, volume, expected) => expect(mounted(volume, around)).toMatchObject(expected));

  it('a projected volume takes the files of all its sources, a later one wins, credentials are marked', () => {
    const projected = {
      defaultMode: 0o440,
      sources: [
        { secret: { name: 's' } },
        { configMap: { name: 'c', items: [{ key: 'a', path: 'k', mode: 0o600 }] } },
        { downwardAPI: { items: [{ path: 'labels' }] } },
        { serviceAccountToken: { path: 'token' } },
        { clusterTrustBundle: { path: 'ca.pem' } },
      ],
    };
    expect(mounted({ projected }, around).files).toEqual([
      { path: 'k', mode: 0o600, of: { name: 'c', key: 'a', text: '1' } },
      { path: 't', mode: 0o440 },
      { path: 'labels', mode: 0o440 },
      { path: 'token', mode: 0o440, credential: true },
      { path: 'ca.pem', mode: 0o440, credential: true },
    ]);
  });

  it.each<[string, Omit<PodVolume, 'name'>, 'yes' | 'no' | 'unknown']>([
    ['claim with a volume at hand', { persistentVolumeClaim: { claimName: 'claim' } }, 'yes'],
    ['the same, read-only', { persistentVolumeClaim: { claimName: 'claim', readOnly: true } }, 'no'],
    ['claim nobody knows', { persistentVolumeClaim: { claimName: 'x' } }, 'unknown'],
    ['ephemeral claim', { ephemeral: {} }, 'unknown'],
    ['nfs', { nfs: { server: 's', path: '/e' } }, 'no'],
    ['iscsi', { iscsi: {} }, 'yes'],
    ['iscsi read-only', { iscsi: { readOnly: true } }, 'no'],
    ['fc', { fc: {} }, 'yes'],
    ['csi inline with fsType', { csi: { driver: 'ebs', fsType: 'ext4' } }, 'yes'],
    ['csi inline without fsType', { csi: { driver: 'ebs' } }, 'no'],
    ['csi with policy None', { csi: { driver: 'efs', fsType: 'ext4' } }, 'no'],
    ['csi of a driver nobody knows', { csi: { driver: 'x', fsType: 'ext4' } }, 'unknown'],
    ['flexVolume', { flexVolume: { driver: 'x' } }, 'unknown'],
    ['a kind nobody knows', { quobyte: {} }, 'unknown'],
  ])('fsGroup: %s', (_, volume, answer) => expect(mounted(volume, around).takesFsGroup?.answer).toBe(answer));

  it('the group of a persistent volume is one more group', () => {
    const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }], containers: [{ name: 'main' }] };
    expect(one(spec, around).supplementalGroups).toEqual([123]);
  });
  it('subPath, also of variables; what is missing fails the container', () => {
    const volume = { emptyDir: {} };
    expect(mounted(volume, {}, { subPath: 'a/b' }).subPath).toBe('a/b');
    const env = [
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ];
    const of = (subPathExpr: string): ContainerSettings =>
      one({
        volumes: [{ name: 'v', ...volume }],
        containers: [{ name: 'm', env, volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr }] }],
      });
    expect(of('$(POD)/x').volumes?.[0]?.subPath).toBe('web/x');
    expect(of('$(IP)').volumes?.[0]?.subPath).toBe('…');
    expect(of('$(B)$(A)').configError).toBe('missing value for A, B');
  });
  it('a mount below a configMap gets a folder in it, one further below does not', () => {
    const mounts = ['/c', '/c/in/here', '/c/in/here/deeper', '/c-other'].map((mountPath, at) => ({
      name: at === 0 ? 'v' : `v${at}`,
      mountPath,
    }));
    const spec = {
      volumes: [{ name: 'v', configMap: { name: 'c' } }, ...[1, 2, 3].map((at) => ({ name: `v${at}`, emptyDir: {} }))],
      containers: [{ name: 'm', volumeMounts: mounts }],
    };
    expect(one(spec, around).volumes?.[0]?.mountpoints).toEqual(['in/here']);
  });
  it('tells who else may have written to an emptyDir', () => {
    const mount = { name: 'v', mountPath: '/v' };
    const spec: PodSpec = {
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [{ name: 'init', volumeMounts: [mount] }],
      containers: [{ name: 'main', volumeMounts: [{ ...mount, readOnly: true }] }],
    };
    const shared = settingsOfPod(pod(spec), { mountsServiceAccountToken: false }).map(
      ({ settings }) => settings.volumes?.[0]?.shared,
    );
    expect(shared).toEqual([undefined, 'before']);
  });
});

describe('the token of the service account', () => {
  const mounts = (spec: PodSpec, around: Surroundings = {}): readonly (readonly string[])[] =>
    settingsOfPod(pod(spec), around).map(({ settings }) => (settings.volumes ?? []).map(({ target }) => target));
  const place = '/var/run/secrets/kubernetes.io/serviceaccount';
  const containers = [{ name: 'main' }];
  it('is mounted into init containers and containers, not into ephemeral ones', () => {
    expect(mounts({ initContainers: [{ name: 'i' }], containers, ephemeralContainers: [{ name: 'e' }] })).toEqual([
      [place],
      [place],
      [],
    ]);
  });
  it('unless pod or account says no, the pod first', () => {
    const accounts = surroundingsOf([
      { kind: 'ServiceAccount', metadata: { name: 'default' }, automountServiceAccountToken: false },
    ]);
    expect(mounts({ containers, automountServiceAccountToken: false })).toEqual([[]]);
    expect(mounts({ containers }, accounts)).toEqual([[]]);
    expect(mounts({ containers, automountServiceAccountToken: true }, accounts)).toEqual([[place]]);
    expect(mounts({ containers, serviceAccountName: 'robot' }, accounts)).toEqual([[place]]);
  });
  it('unless something is mounted there already', () => {
    const volumeMounts = [{ name: 'v', mountPath: place }];
    expect(mounts({ volumes: [{ name: 'v', emptyDir: {} }], containers: [{ name: 'main', volumeMounts }] })).toEqual([[place]]);
  });
});
