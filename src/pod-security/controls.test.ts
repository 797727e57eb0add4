/** Every control with the exact words that the API server uses, at the versions where its answer changes. */
import { describe, expect, it } from 'vitest';
import { controls } from './controls/index.ts';
import { controlsAt, evaluate, NEWEST_VERSION, policyMessage, violationText } from './evaluate.ts';
import { parseLevelVersion } from './level.ts';
import { readPod } from './read-pod.ts';

type Json = Readonly<Record<string, unknown>>;

const pod = (spec: Json, annotations?: Json): Json => ({ metadata: annotations === undefined ? {} : { annotations }, spec });
/** Containers a, b … each with one of the security contexts. */
const secured = (...contexts: readonly Json[]): Json =>
  pod({ containers: contexts.map((securityContext, index) => ({ name: 'abc'[index], securityContext })) });
const bare = (...rest: readonly Json[]): Json => pod({ containers: rest.map((one, index) => ({ name: 'abc'[index], ...one })) });

/** What one control says of the pod under the policy; undefined when it passes or is not asked. */
const says = (id: string, policy: string, value: Json): string | undefined => {
  const { pod: read, problems } = readPod(value);
  expect(problems).toEqual([]);
  const violation = evaluate(read, parseLevelVersion(policy)).find(({ control }) => control.id === id);
  return violation === undefined ? undefined : violationText(violation);
};

/** Control, policy, pod, words. */
type Case = readonly [id: string, policy: string, value: Json, words: string | undefined];

const windows = { os: { name: 'windows' } };
const apparmor = 'container.apparmor.security.beta.kubernetes.io/';
const seccomp = 'container.seccomp.security.alpha.kubernetes.io/';
const NO_ROOT = 'pod or container "a" must set securityContext.runAsNonRoot=true';
const NO_GAIN = 'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)';
const DROP = 'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])';
const MUST_PROFILE =
  'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

const CASES: readonly Case[] = [
  ['appArmorProfile', 'baseline:v1.0', secured({ appArmorProfile: { type: 'Localhost' } }), undefined],
  [
    'appArmorProfile',
    'baseline',
    secured({ appArmorProfile: { type: 'Unconfined' } }),
    'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    'appArmorProfile',
    'baseline',
    {
      metadata: { annotations: { [`${apparmor}b`]: 'unconfined', [`${apparmor}a`]: 'x"', [`${apparmor}c`]: 'runtime/default' } },
      spec: {
        securityContext: { appArmorProfile: {} },
        containers: [
          { name: 'a', securityContext: { appArmorProfile: { type: 'Unconfined' } } },
          { name: 'b', securityContext: { appArmorProfile: { type: 'Unconfined' } } },
        ],
      },
    },
    `forbidden AppArmor profiles (pod and containers "a", "b" and annotations must not set AppArmor profile type to "", "Unconfined", "${apparmor}a="x\\""", "${apparmor}b="unconfined"")`,
  ],
  ['appArmorProfile', 'baseline', pod({ containers: [] }, { [`${apparmor}a`]: '' }), undefined],

  ['capabilities_baseline', 'baseline', secured({ capabilities: { add: ['CHOWN', 'SYS_CHROOT'] } }), undefined],
  [
    'capabilities_baseline',
    'baseline',
    secured({ capabilities: { add: ['SYS_TIME', 'NET_RAW', 'KILL'] } }, { capabilities: { add: ['CAP_CHOWN', 'NET_RAW'] } }),
    'non-default capabilities (containers "a", "b" must not include "CAP_CHOWN", "NET_RAW", "SYS_TIME" in securityContext.capabilities.add)',
  ],
  [
    'capabilities_baseline',
    'restricted:v1.21',
    secured({ capabilities: { add: ['NET_RAW'] } }),
    'non-default capabilities (container "a" must not include "NET_RAW" in securityContext.capabilities.add)',
  ],
  ['capabilities_baseline', 'restricted:v1.22', secured({ capabilities: { add: ['NET_RAW'] } }), undefined],

  [
    'hostNamespaces',
    'baseline',
    pod({ hostIPC: true, hostNetwork: true, hostPID: false }),
    'host namespaces (hostNetwork=true, hostIPC=true)',
  ],
  ['hostNamespaces', 'baseline', pod({ hostIPC: false, hostNetwork: null }), undefined],

  [
    'hostPathVolumes',
    'baseline',
    pod({
      volumes: [
        { name: 'x', hostPath: { path: '/' } },
        { name: 'y', emptyDir: {} },
        { name: 'z', hostPath: {} },
      ],
    }),
    'hostPath volumes (volumes "x", "z")',
  ],
  ['hostPathVolumes', 'baseline', pod({ volumes: [{ name: 'x', hostPath: {} }] }), 'hostPath volumes (volume "x")'],
  ['hostPathVolumes', 'restricted:v1.0', pod({ volumes: [{ name: 'x', hostPath: {} }] }), undefined],

  [
    'hostPorts',
    'baseline',
    bare({ ports: [{ hostPort: 80 }, { hostPort: 0 }, {}] }),
    'hostPort (container "a" uses hostPort 80)',
  ],
  [
    'hostPorts',
    'baseline',
    bare({ ports: [{ hostPort: 80 }] }, { ports: [{ hostPort: 12345 }, { hostPort: 80 }] }),
    'hostPort (containers "a", "b" use hostPorts 12345, 80)',
  ],

  ['hostProbesAndHostLifecycle', 'baseline:v1.33', bare({ livenessProbe: { httpGet: { host: 'h' } } }), undefined],
  [
    'hostProbesAndHostLifecycle',
    'baseline:v1.34',
    bare({ livenessProbe: { httpGet: { host: 'h' } } }),
    'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
  ],
  [
    'hostProbesAndHostLifecycle',
    'baseline',
    bare(
      {
        startupProbe: { tcpSocket: { host: 'z' } },
        lifecycle: { preStop: { httpGet: { host: 'y' } }, postStart: { tcpSocket: { host: 'z' } } },
      },
      { readinessProbe: { httpGet: { host: '' }, tcpSocket: { host: 'x' } } },
    ),
    'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "x", "y", "z")',
  ],

  [
    'privileged',
    'baseline',
    secured({ privileged: true }),
    'privileged (container "a" must not set securityContext.privileged=true)',
  ],
  ['privileged', 'privileged', secured({ privileged: true }), undefined],

  [
    'procMount',
    'baseline:v1.34',
    { spec: { hostUsers: false, containers: [{ name: 'a', securityContext: { procMount: 'Unmasked' } }] } },
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'procMount',
    'baseline:v1.35',
    { spec: { hostUsers: false, containers: [{ name: 'a', securityContext: { procMount: 'Unmasked' } }] } },
    undefined,
  ],
  [
    'procMount_restricted',
    'restricted:v1.35',
    { spec: { hostUsers: false, containers: [{ name: 'a', securityContext: { procMount: 'Unmasked' } }] } },
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  ['procMount_restricted', 'restricted:v1.34', secured({ procMount: 'Unmasked' }), undefined],

  [
    'seLinuxOptions',
    'baseline',
    {
      spec: {
        securityContext: { seLinuxOptions: { type: 'foo' } },
        containers: [{ name: 'a', securityContext: { seLinuxOptions: { type: 'container_t', user: 'u', role: 'r' } } }],
      },
    },
    'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "foo"; user may not be set; role may not be set)',
  ],
  [
    'seLinuxOptions',
    'baseline:v1.30',
    secured({ seLinuxOptions: { type: 'container_engine_t' } }, { seLinuxOptions: { type: 'b' } }),
    'seLinuxOptions (containers "a", "b" set forbidden securityContext.seLinuxOptions: types "b", "container_engine_t")',
  ],
  ['seLinuxOptions', 'baseline:v1.31', secured({ seLinuxOptions: { type: 'container_engine_t' } }), undefined],

  [
    'seccompProfile_baseline',
    'baseline:v1.18',
    pod(
      { containers: [{ name: 'a' }] },
      { [`${seccomp}a`]: 'unconfined', 'seccomp.security.alpha.kubernetes.io/pod': '', [`${seccomp}b`]: 'x' },
    ),
    `seccompProfile (forbidden annotations ${seccomp}a="unconfined", seccomp.security.alpha.kubernetes.io/pod="")`,
  ],
  [
    'seccompProfile_baseline',
    'baseline:v1.18',
    pod(
      { containers: [{ name: 'a' }] },
      { [`${seccomp}a`]: 'unconfined', 'seccomp.security.alpha.kubernetes.io/pod': 'docker/default' },
    ),
    `seccompProfile (forbidden annotation ${seccomp}a="unconfined")`,
  ],
  [
    'seccompProfile_baseline',
    'baseline:v1.19',
    pod({ containers: [{ name: 'a' }] }, { [`${seccomp}a`]: 'unconfined' }),
    undefined,
  ],
  [
    'seccompProfile_baseline',
    'baseline:v1.19',
    {
      spec: {
        securityContext: { seccompProfile: { type: 'Unconfined' } },
        containers: [{ name: 'a', securityContext: { seccompProfile: { type: 'Other' } } }],
      },
    },
    'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Other", "Unconfined")',
  ],

  [
    'sysctls',
    'baseline:v1.26',
    pod({
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }, { name: 'b' }, { name: 'a' }, { name: 'b' }] },
    }),
    'forbidden sysctls (net.ipv4.ip_local_reserved_ports, b, a, b)',
  ],
  ['sysctls', 'baseline:v1.27', pod({ securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }] } }), undefined],
  [
    'sysctls',
    'baseline:v1.28',
    pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] } }),
    'forbidden sysctls (net.ipv4.tcp_fin_timeout)',
  ],
  ['sysctls', 'baseline:v1.29', pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] } }), undefined],
  [
    'sysctls',
    'baseline:v1.31',
    pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } }),
    'forbidden sysctls (net.ipv4.tcp_rmem)',
  ],
  ['sysctls', 'baseline:v1.32', pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_wmem' }] } }), undefined],
  [
    'sysctls',
    'baseline:v1.36',
    pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_notsent_lowat' }] } }),
    'forbidden sysctls (net.ipv4.tcp_notsent_lowat)',
  ],
  [
    'sysctls',
    'baseline:v1.37',
    pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_slow_start_after_idle' }] } }),
    undefined,
  ],
  [
    'sysctls',
    'restricted:v1.0',
    pod({
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start' }, { name: 'net.ipv4.ping_group_range' }] },
    }),
    undefined,
  ],

  [
    'windowsHostProcess',
    'baseline',
    {
      spec: {
        securityContext: { windowsOptions: { hostProcess: true } },
        containers: [{ name: 'a', securityContext: { windowsOptions: { hostProcess: true } } }],
      },
    },
    'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
  ],

  ['allowPrivilegeEscalation', 'restricted:v1.7', secured({}), undefined],
  ['allowPrivilegeEscalation', 'restricted:v1.8', secured({}), NO_GAIN],
  ['allowPrivilegeEscalation', 'restricted', secured({ allowPrivilegeEscalation: true }), NO_GAIN],
  ['allowPrivilegeEscalation', 'restricted:v1.24', { spec: { ...windows, containers: [{ name: 'a' }] } }, NO_GAIN],
  ['allowPrivilegeEscalation', 'restricted:v1.25', { spec: { ...windows, containers: [{ name: 'a' }] } }, undefined],

  ['capabilities_restricted', 'restricted:v1.22', secured({ capabilities: { drop: ['all'] } }), DROP],
  ['capabilities_restricted', 'restricted:v1.24', { spec: { ...windows, containers: [{ name: 'a' }] } }, DROP],
  ['capabilities_restricted', 'restricted:v1.25', { spec: { ...windows, containers: [{ name: 'a' }] } }, undefined],
  ['capabilities_restricted', 'restricted', secured({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }), undefined],
  [
    'capabilities_restricted',
    'restricted',
    secured({ capabilities: { drop: ['ALL'], add: ['CHOWN', 'ALL'] } }, {}, { capabilities: { add: ['CHOWN'] } }),
    'unrestricted capabilities (containers "b", "c" must set securityContext.capabilities.drop=["ALL"]; containers "a", "c" must not include "ALL", "CHOWN" in securityContext.capabilities.add)',
  ],

  [
    'restrictedVolumes',
    'restricted:v1.0',
    pod({ volumes: [{ name: 'x', hostPath: {}, nfs: {} }] }),
    'restricted volume types (volume "x" uses restricted volume type "hostPath")',
  ],
  [
    'restrictedVolumes',
    'restricted',
    pod({ volumes: [{ name: 'x', nfs: {} }, { name: 'y', iscsi: {} }, { name: 'z' }, { name: 'ok', image: {} }] }),
    'restricted volume types (volumes "x", "y", "z" use restricted volume types "iscsi", "nfs", "unknown")',
  ],

  ['runAsNonRoot', 'restricted:v1.0', secured({}), `runAsNonRoot != true (${NO_ROOT})`],
  ['runAsNonRoot', 'restricted', secured({ runAsUser: 1000 }), `runAsNonRoot != true (${NO_ROOT})`],
  [
    'runAsNonRoot',
    'restricted',
    {
      spec: {
        securityContext: { runAsNonRoot: false },
        containers: [
          { name: 'a', securityContext: { runAsNonRoot: true } },
          { name: 'b', securityContext: { runAsNonRoot: false } },
          { name: 'c' },
        ],
      },
    },
    'runAsNonRoot != true (pod and container "b" must not set securityContext.runAsNonRoot=false)',
  ],
  [
    'runAsNonRoot',
    'restricted',
    { spec: { initContainers: [{ name: 'i' }], containers: [{ name: 'a' }], ephemeralContainers: [{ name: 'e' }] } },
    'runAsNonRoot != true (pod or containers "i", "a", "e" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'runAsNonRoot',
    'restricted:v1.34',
    { spec: { hostUsers: false, containers: [{ name: 'a' }] } },
    `runAsNonRoot != true (${NO_ROOT})`,
  ],
  ['runAsNonRoot', 'restricted:v1.35', { spec: { hostUsers: false, containers: [{ name: 'a' }] } }, undefined],
  [
    'runAsNonRoot',
    'restricted:v1.35',
    { spec: { hostUsers: true, containers: [{ name: 'a' }] } },
    `runAsNonRoot != true (${NO_ROOT})`,
  ],

  ['runAsUser', 'restricted:v1.22', secured({ runAsUser: 0 }), undefined],
  [
    'runAsUser',
    'restricted:v1.23',
    secured({ runAsUser: 0 }, { runAsUser: 1 }),
    'runAsUser=0 (container "a" must not set runAsUser=0)',
  ],
  [
    'runAsUser',
    'restricted',
    { spec: { securityContext: { runAsUser: 0 }, containers: [{ name: 'a', securityContext: { runAsUser: 0 } }] } },
    'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
  ],
  ['runAsUser', 'restricted:v1.35', { spec: { hostUsers: false, securityContext: { runAsUser: 0 } } }, undefined],

  ['seccompProfile_restricted', 'restricted:v1.18', secured({}), undefined],
  ['seccompProfile_restricted', 'restricted:v1.19', secured({}), MUST_PROFILE],
  ['seccompProfile_restricted', 'restricted:v1.24', { spec: { ...windows, containers: [{ name: 'a' }] } }, MUST_PROFILE],
  ['seccompProfile_restricted', 'restricted:v1.25', { spec: { ...windows, containers: [{ name: 'a' }] } }, undefined],
  [
    'seccompProfile_restricted',
    'restricted',
    secured({ seccompProfile: { type: 'Unconfined' } }, {}),
    'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
];

describe('controls', () => {
  it.each(CASES)('%s under %s', (id, policy, value, words) => {
    expect(says(id, policy, value)).toBe(words);
  });

  it('are all in the table, failing and passing', () => {
    for (const { id } of controls) {
      expect(
        CASES.some(([one, , , words]) => one === id && words !== undefined),
        id,
      ).toBe(true);
    }
  });

  it('stand in the order in which upstream names them', () => {
    const ids = (level: string): readonly string[] => controls.filter((one) => one.level === level).map(({ id }) => id);
    expect(ids('baseline')).toEqual([...ids('baseline')].sort());
    expect(ids('restricted')).toEqual([...ids('restricted')].sort());
    expect(controls.map(({ id }) => id)).toEqual([...ids('baseline'), ...ids('restricted')]);
  });

  it('point at fields below the pod, at least one each', () => {
    for (const [id, policy, value, words] of CASES) {
      const { offenders } = evaluate(readPod(value).pod, parseLevelVersion(policy)).find(({ control }) => control.id === id) ?? {
        offenders: [],
      };
      expect(offenders.length > 0, id).toBe(words !== undefined);
      for (const { path } of offenders) expect(['spec', 'metadata']).toContain(path[0]);
    }
  });
});

describe('a policy', () => {
  it('says everything in one sentence, baseline first', () => {
    const { pod: read } = readPod({
      spec: { hostPID: true, containers: [{ name: 'a', securityContext: { capabilities: { drop: ['ALL'] } } }] },
    });
    const policy = parseLevelVersion('restricted:v1.34');
    expect(policyMessage(policy, evaluate(read, policy), true)).toBe(
      `violates PodSecurity "restricted:v1.34": host namespaces (hostPID=true), ${NO_GAIN}, runAsNonRoot != true (${NO_ROOT}), ${MUST_PROFILE}`,
    );
    expect(policyMessage(policy, evaluate(read, policy), false)).toMatch(/^would violate PodSecurity "restricted:v1\.34": host/);
  });

  it('leaves the parentheses out when there is nothing to put in', () => {
    expect(says('sysctls', 'baseline', pod({ securityContext: { sysctls: [{ name: '' }] } }))).toBe('forbidden sysctls');
  });

  it('of a version to come is the newest one, and keeps its name', () => {
    expect(NEWEST_VERSION).toBe(37);
    expect(controlsAt(parseLevelVersion('restricted:v1.99'))).toEqual(controlsAt(parseLevelVersion('restricted:v1.37')));
    expect(controlsAt(parseLevelVersion('restricted'))).toEqual(controlsAt(parseLevelVersion('restricted:v1.37')));
    expect(policyMessage(parseLevelVersion('baseline:v1.99'), [{ reason: 'r', detail: '', offenders: [] }], true)).toBe(
      'violates PodSecurity "baseline:v1.99": r',
    );
  });

  it('asks as many controls as upstream does', () => {
    const count = (policy: string): number => controlsAt(parseLevelVersion(policy)).length;
    expect(
      ['privileged', 'baseline:v1.0', 'baseline:v1.34', 'restricted:v1.0', 'restricted:v1.25', 'restricted'].map(count),
    ).toEqual([0, 11, 12, 12, 14, 15]);
  });
});
