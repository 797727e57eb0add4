import { describe, expect, it } from 'vitest';
import type { ProfileName } from '../platform/platform.ts';
import { profile } from '../platform/profiles.ts';
import { settingsOfPod } from '../workload/formats/kubernetes/pod-settings.ts';
import type { Pod, PodContainer, PodSpec, SecurityContext } from '../workload/formats/kubernetes/pod-spec.ts';
import type { Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';

const BASE = { env: [], entrypoint: ['/bin/app'], cmd: [], workingDir: '', volumes: [], exposedPorts: [], labels: {} };

function refused(
  spec: unknown,
  user = '1000',
  platform: ProfileName = 'containerd-2',
): Pick<Refusal, 'by' | 'reason' | 'message'> | string {
  const pod = { metadata: { name: 'web', namespace: 'shop', uid: '1f0c' }, spec } as Pod;
  const container = settingsOfPod(pod).at(-1);
  const outcome = launchImage({
    image: { reference: 'x', config: { ...BASE, user }, passwd: 'app:x:1000:2000::/:/bin/sh\n' },
    settings: container?.settings ?? {},
    profile: profile(platform),
  });
  if (outcome.kind === 'launch') return `starts as ${outcome.uid}:${outcome.gid}`;
  const { by, reason, message } = outcome;
  return { by, reason, message };
}

const message = (...given: Parameters<typeof refused>): string => {
  const outcome = refused(...given);
  return typeof outcome === 'string' ? outcome : outcome.message;
};
const containers = (own: SecurityContext = {}): PodContainer[] => [{ name: 'main', securityContext: own }];
const PLACE = '(pod: "web_shop(1f0c)", container: main)';

describe('the kubelet', () => {
  it.each<[string, PodSpec, user: string, string]>([
    [
      'the pod says so',
      { securityContext: { runAsNonRoot: true }, containers: containers() },
      '',
      `container has runAsNonRoot and image will run as root ${PLACE}`,
    ],
    [
      'the container says otherwise',
      { securityContext: { runAsNonRoot: true }, containers: containers({ runAsNonRoot: false }) },
      '',
      'starts as 0:0',
    ],
    [
      'a user of the pod counts',
      { securityContext: { runAsNonRoot: true, runAsUser: 1000 }, containers: containers() },
      'root',
      'starts as 1000:2000',
    ],
    [
      '0 of the container counts more',
      { securityContext: { runAsNonRoot: true, runAsUser: 1000 }, containers: containers({ runAsUser: 0 }) },
      '1',
      `container's runAsUser breaks non-root policy ${PLACE}`,
    ],
    [
      'ephemeral containers alike',
      { securityContext: { runAsNonRoot: true }, ephemeralContainers: containers() },
      '',
      `container has runAsNonRoot and image will run as root ${PLACE}`,
    ],
    [
      'init containers alike',
      { securityContext: { runAsNonRoot: true }, initContainers: containers() },
      'app',
      `container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root ${PLACE}`,
    ],
  ])('%s', (_, spec, user, expected) => expect(message(spec, user)).toBe(expected));

  it('reports variables and mounts it cannot work out before it looks at the user', () => {
    const spec = {
      securityContext: { runAsNonRoot: true },
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [{ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: '$(NONE)' }] }],
    };
    expect(refused(spec, '')).toEqual({ by: 'kubelet', reason: 'CreateContainerConfigError', message: 'missing value for NONE' });
  });

  it('takes no pod with a policy for groups that the runtime does not know', () => {
    const spec = { securityContext: { supplementalGroupsPolicy: 'Strict' }, containers: containers() };
    expect(refused(spec, '1000', 'containerd-1')).toEqual({
      by: 'kubelet',
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node',
    });
    for (const platform of ['containerd-2', 'crio'] as const) expect(refused(spec, '1000', platform)).toBe('starts as 1000:2000');
    expect(message({ ...spec, securityContext: { supplementalGroupsPolicy: 'Merge' } }, '1000', 'containerd-1')).toBe(
      'starts as 1000:2000',
    );
  });

  it('makes no sandbox where the runtime has no user namespaces', () => {
    const spec = { hostUsers: false, containers: containers() };
    expect(refused(spec, '1000', 'containerd-1')).toMatchObject({
      reason: 'FailedCreatePodSandBox',
      message: "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    });
    expect(message({ ...spec, runtimeClassName: 'kata' }, '1000', 'containerd-1')).toContain(
      'RuntimeClass handler "kata" does not support user namespaces',
    );
    expect(message({ ...spec, hostUsers: true }, '1000', 'containerd-1')).toBe('starts as 1000:2000');
    expect(message(spec)).toBe('starts as 1000:2000');
  });

  it('a group of the pod without a user of the pod fails the sandbox of containerd, not of CRI-O', () => {
    const spec = (more: object): PodSpec => ({
      securityContext: { runAsGroup: 3000, ...more },
      containers: containers({ runAsUser: 1000 }),
    });
    expect(refused(spec({}), '', 'containerd-1')).toEqual({
      by: 'runtime',
      reason: 'FailedCreatePodSandBox',
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to generate sanbdox container spec options: failed to generate user string: user group "3000" is specified without user',
    });
    expect(message(spec({}))).toMatch(/failed to start sandbox .*user group "3000" is specified without user$/);
    expect(message(spec({}), '', 'crio')).toBe('starts as 1000:3000');
    expect(message(spec({ runAsUser: 5 }))).toBe('starts as 1000:3000');
    expect(message({ containers: containers({ runAsGroup: 3000 }) }, 'app')).toBe('starts as 1000:3000');
  });

  it.each<[string, PodSpec['securityContext'], user: string, string]>([
    [
      'the name in the pod',
      { runAsNonRoot: true, windowsOptions: { runAsUserName: 'containerADMINISTRATOR' } },
      'app',
      `container's runAsUserName (containerADMINISTRATOR) which will be regarded as root identity and will break non-root policy ${PLACE}`,
    ],
    [
      'the name in the image',
      { runAsNonRoot: true },
      'ContainerAdministrator',
      `container's runAsUser (ContainerAdministrator) which will be regarded as root identity and will break non-root policy ${PLACE}`,
    ],
    [
      'another name',
      { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } },
      'ContainerAdministrator',
      "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    ],
    [
      'not asked for',
      {},
      'ContainerAdministrator',
      "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    ],
  ])('root on Windows: %s', (_, securityContext, user, expected) => {
    expect(message({ os: { name: 'windows' }, securityContext, containers: containers() }, user)).toBe(expected);
  });
});

describe('ids of a user namespace', () => {
  it.each([
    [65535, undefined, 'starts as 65535:0'],
    [65536, undefined, 'unable to setup user: cannot setuid to unmapped uid 65536 in user namespace'],
    [1000, 70000, 'unable to setup user: setgroups: invalid argument'],
  ])('%s:%s', (runAsUser, runAsGroup, expected) => {
    const own = { runAsUser, ...(runAsGroup === undefined ? {} : { runAsGroup }) };
    expect(message({ hostUsers: false, containers: containers(own) })).toContain(expected);
    expect(message({ containers: containers(own) })).toMatch(/^starts as/);
  });
});

/** Words as a 1.36 API server gave them, without its `Pod "web" is invalid: `. */
describe('the API server', () => {
  const sc = 'spec.containers[0].securityContext';
  it.each<[string, object, string]>([
    [
      'ids',
      { securityContext: { runAsUser: -1 } },
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'groups',
      { securityContext: { supplementalGroups: [1, 2147483648] } },
      'spec.securityContext.supplementalGroups[1]: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
    ],
    [
      'policies',
      { securityContext: { fsGroupChangePolicy: 'Sometimes' } },
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Sometimes": supported values: "Always", "OnRootMismatch"',
    ],
    [
      'proc',
      { containers: containers({ procMount: 'Unmasked' }) },
      `${sc}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``,
    ],
    ['host PID', { hostUsers: false, hostPID: true }, 'spec.HostPID: Forbidden: when `hostUsers` is false'],
    [
      'devices',
      { hostUsers: false, containers: [{ name: 'main', volumeDevices: [{ name: 'v', devicePath: '/d' }] }] },
      'spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false',
    ],
    [
      'decimal modes',
      { volumes: [{ name: 'v', secret: { secretName: 's', defaultMode: 644 } }] },
      'spec.volumes[0].secret.defaultMode: Invalid value: 644: must be a number between 0 and 0777 (octal), both inclusive',
    ],
    [
      'mounts of nothing',
      { containers: [{ name: 'main', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'names that are taken',
      { containers: [{ name: 'main' }, { name: 'main' }], initContainers: [{ name: 'i' }, { name: 'main' }] },
      '[spec.containers[1].name: Duplicate value: "main", spec.initContainers[1].name: Duplicate value: "main"]',
    ],
    [
      'names that are none',
      { containers: [{ name: 'main' }, { name: 'A_b' }] },
      `spec.containers[1].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
    [
      'long names',
      { containers: [{ name: 'main' }, { name: 'a'.repeat(64) }] },
      `spec.containers[1].name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`,
    ],
    [
      'seccomp',
      { securityContext: { seccompProfile: { type: 'Localhost' } } },
      'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
    [
      'no type',
      { containers: containers({ appArmorProfile: {} }) },
      `${sc}.appArmorProfile.type: Required value: type is required when appArmorProfile is set`,
    ],
    [
      'sysctls',
      { hostNetwork: true, securityContext: { sysctls: [{ name: 'net/core/somaxconn', value: '1' }] } },
      `spec.securityContext.sysctls[0].name: Invalid value: "net/core/somaxconn": may not be specified when 'hostNetwork' is true`,
    ],
    [
      'escalation',
      { containers: containers({ allowPrivilegeEscalation: false, capabilities: { add: ['CAP_SYS_ADMIN'] } }) },
      `${sc}: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},"Privileged":null,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
    ],
    [
      'Windows',
      { os: { name: 'windows' }, containers: containers({ privileged: false }) },
      `${sc}.privileged: Forbidden: cannot be set for a windows pod`,
    ],
  ])('%s', (_, spec, expected) => {
    expect(refused({ containers: containers(), ...spec })).toEqual({
      by: 'api-server',
      reason: 'Invalid',
      message: `Pod "web" is invalid: ${expected}`,
    });
  });
  it('lists several in brackets, each once', () => {
    const spec = { securityContext: { runAsUser: -1, fsGroup: -2 }, containers: containers({ runAsGroup: -3 }) };
    const words = 'must be between 0 and 2147483647, inclusive';
    expect(message(spec)).toBe(
      `Pod "web" is invalid: [${sc}.runAsGroup: Invalid value: -3: ${words}, spec.securityContext.fsGroup: Invalid value: -2: ${words}, spec.securityContext.runAsUser: Invalid value: -1: ${words}]`,
    );
  });
  it.each<[string, object, string]>([
    [
      'text',
      { securityContext: { runAsUser: '1000' } },
      'string into Go struct field PodSecurityContext.spec.securityContext.runAsUser of type int64',
    ],
    [
      'a fraction',
      { securityContext: { fsGroup: 1.5 } },
      'number 1.5 into Go struct field PodSecurityContext.spec.securityContext.fsGroup of type int64',
    ],
    [
      'a word for true',
      { containers: [{ name: 'm', securityContext: { privileged: 'yes' } }] },
      'string into Go struct field SecurityContext.spec.containers.securityContext.privileged of type bool',
    ],
  ])('cannot read %s', (_, spec, expected) => {
    expect(refused({ containers: containers(), ...spec })).toMatchObject({
      reason: 'BadRequest',
      message: `Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal ${expected}`,
    });
  });
  it('the usual spelling of SYS_ADMIN passes', () => {
    const own = { allowPrivilegeEscalation: false, capabilities: { add: ['SYS_ADMIN'] } };
    expect(message({ containers: containers(own) })).toBe('starts as 1000:2000');
  });
});
