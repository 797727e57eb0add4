/** Levels, labels, configuration and requests: what the API server makes of them. */
import { describe, expect, it } from 'vitest';
import { type AdmissionRequest, admit, exemptionOf, isSignificantUpdate } from './admission.ts';
import { NO_EXEMPTIONS, readConfiguration } from './configuration.ts';
import { levelVersionText, parseLevelVersion, parseVersion } from './level.ts';
import { podIn } from './pod-template.ts';
import { OPEN_POLICY, type Policy, policyOfLabels } from './policy.ts';
import { readPod } from './read-pod.ts';
import { compareBytes, goQuote, sortedSet } from './words.ts';

const P = 'pod-security.kubernetes.io/';
const texts = (policy: Policy): readonly string[] => [policy.enforce, policy.audit, policy.warn].map(levelVersionText);
const labelled = (
  labels: Readonly<Record<string, string>>,
): { readonly texts: readonly string[]; readonly errors: readonly string[] } => {
  const { policy, errors } = policyOfLabels(Object.fromEntries(Object.entries(labels).map(([name, value]) => [P + name, value])));
  return { texts: texts(policy), errors };
};

describe('a level and version', () => {
  it.each([
    ['restricted', 'restricted:latest'],
    ['baseline:latest', 'baseline:latest'],
    ['privileged:v1.0', 'privileged:v1.0'],
    ['restricted:v1.34', 'restricted:v1.34'],
    ['restricted:v1.100', 'restricted:v1.100'],
  ])('%s is %s', (text, read) => expect(levelVersionText(parseLevelVersion(text))).toBe(read));

  it.each(['Restricted', '', 'restricted ', ':v1.1', 'default'])('"%s" names no level', (text) => {
    expect(() => parseLevelVersion(text)).toThrow(expect.objectContaining({ code: 'pod-security.level' }));
  });

  it.each(['', '1.34', 'v1.034', 'v2.0', 'v1', 'v1.34.1', 'v1.-1', 'Latest', 'v1.1\n', 'v1.9223372036854775808'])(
    '"restricted:%s" names no version',
    (text) => {
      expect(() => parseLevelVersion(`restricted:${text}`)).toThrow(expect.objectContaining({ code: 'pod-security.version' }));
      expect(parseVersion(text)).toBeUndefined();
    },
  );
});

describe('labels', () => {
  it('say nothing: everything is allowed', () => expect(labelled({}).texts).toEqual(Array(3).fill('privileged:latest')));

  it('enforcing more than is warned of warns of the same', () => {
    expect(labelled({ enforce: 'restricted', 'enforce-version': 'v1.30' }).texts).toEqual([
      'restricted:v1.30',
      'privileged:latest',
      'restricted:v1.30',
    ]);
    expect(labelled({ enforce: 'baseline', 'enforce-version': 'v1.30', 'warn-version': 'v1.31' }).texts[2]).toBe(
      'baseline:v1.31',
    );
    expect(labelled({ enforce: 'baseline', warn: 'privileged' }).texts[2]).toBe('privileged:latest');
    expect(labelled({ 'enforce-version': 'v1.30' }).texts).toEqual([
      'privileged:v1.30',
      'privileged:latest',
      'privileged:latest',
    ]);
  });

  it('that are bad enforce the strictest, and audit and warn nothing', () => {
    expect(labelled({ enforce: 'strict', audit: 'x', warn: '' })).toEqual({
      texts: ['restricted:latest', 'privileged:latest', 'privileged:latest'],
      errors: [
        `metadata.labels[${P}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted`,
        `metadata.labels[${P}audit]: Invalid value: "x": must be one of privileged, baseline, restricted`,
        `metadata.labels[${P}warn]: Invalid value: "": must be one of privileged, baseline, restricted`,
      ],
    });
    expect(labelled({ enforce: 'bad' }).texts[2]).toBe('privileged:latest');
    expect(labelled({ enforce: 'baseline', 'enforce-version': '1.30' })).toEqual({
      texts: ['baseline:latest', 'privileged:latest', 'baseline:latest'],
      errors: [`metadata.labels[${P}enforce-version]: Invalid value: "1.30": must be "latest" or "v1.x"`],
    });
  });
});

const pod = (spec: unknown, metadata?: unknown): AdmissionRequest['pod'] => readPod({ spec, metadata }).pod;
const open = { hostPID: true, runtimeClassName: 'kata', containers: [{ name: 'a', image: 'x' }] };
const request = (more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  pod: pod(open),
  enforced: true,
  namespace: 'default',
  labels: { [`${P}enforce`]: 'baseline', [`${P}audit`]: 'baseline', [`${P}audit-version`]: 'v1.30' },
  ...more,
});

describe('a request', () => {
  it('of a pod is refused in one sentence, audited, and not warned of as well', () => {
    expect(admit(request())).toMatchObject({
      allowed: false,
      message: 'violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
      warnings: [],
      auditAnnotations: {
        'enforce-policy': 'baseline:latest',
        'audit-violations': 'would violate PodSecurity "baseline:v1.30": host namespaces (hostPID=true)',
      },
    });
  });

  it('of a controller is only warned of', () => {
    expect(admit(request({ enforced: false }))).toEqual({
      allowed: true,
      violations: [],
      warnings: ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'],
      auditAnnotations: { 'audit-violations': 'would violate PodSecurity "baseline:v1.30": host namespaces (hostPID=true)' },
    });
  });

  it('is exempt by namespace, user and runtime class, in this order', () => {
    const all = { namespaces: ['default'], usernames: ['admin'], runtimeClasses: ['kata'] };
    const asked = { namespace: 'default', userName: 'admin', pod: pod(open) };
    expect(exemptionOf(asked, all)).toBe('namespace');
    expect(exemptionOf(asked, { ...all, namespaces: [''] })).toBe('user');
    expect(exemptionOf(asked, { ...NO_EXEMPTIONS, runtimeClasses: ['kata'] })).toBe('runtimeClass');
    expect(
      exemptionOf({ ...asked, namespace: '', userName: '' }, { ...NO_EXEMPTIONS, namespaces: [''], usernames: [''] }),
    ).toBeUndefined();
    const answer = admit(request(), { defaults: OPEN_POLICY, exemptions: { ...NO_EXEMPTIONS, runtimeClasses: ['kata'] } });
    expect(answer).toEqual({ allowed: true, violations: [], warnings: [], auditAnnotations: { exempt: 'runtimeClass' } });
  });

  it('of a subresource is not looked at, unless it could change the pod', () => {
    for (const subresource of ['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])
      expect(admit(request({ subresource })).allowed).toBe(true);
    expect(admit(request({ subresource: 'ephemeralcontainers' })).allowed).toBe(false);
    expect(admit(request({ enforced: false, subresource: 'scale' })).warnings).toEqual([]);
  });

  it('of an update counts when containers come or images change', () => {
    const before = { ...open, initContainers: [{ name: 'i', image: 'y' }], ephemeralContainers: [{ name: 'e', image: 'z' }] };
    const significant = (after: unknown): boolean => isSignificantUpdate(pod(after), pod(before));
    expect(significant({ ...before, hostPID: false })).toBe(false);
    expect(significant({ ...before, ephemeralContainers: [] })).toBe(false);
    expect(significant({ ...before, containers: [{ name: 'a', image: 'other' }] })).toBe(true);
    expect(significant({ ...before, initContainers: [] })).toBe(true);
    expect(significant({ ...before, ephemeralContainers: [{ name: 'f', image: 'z' }] })).toBe(true);
    expect(significant({ ...before, ephemeralContainers: [{ name: 'e', image: 'w' }] })).toBe(true);
    expect(admit(request({ oldPod: pod(open) })).allowed).toBe(true);
  });

  it('in a namespace with bad labels says so in the audit', () => {
    const labels = { [`${P}enforce`]: 'x', [`${P}warn`]: 'y' };
    expect(admit(request({ labels })).auditAnnotations.error).toBe(
      `Failed to parse policy: [metadata.labels[${P}enforce]: Invalid value: "x": must be one of privileged, baseline, restricted, metadata.labels[${P}warn]: Invalid value: "y": must be one of privileged, baseline, restricted]`,
    );
  });

  it('in a namespace that allows everything is allowed', () => {
    expect(admit(request({ labels: {} }))).toEqual({
      allowed: true,
      violations: [],
      warnings: [],
      auditAnnotations: { 'enforce-policy': 'privileged:latest' },
    });
  });
});

describe('a configuration', () => {
  const config = {
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
    defaults: { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' },
    exemptions: { usernames: ['admin'], namespaces: ['kube-system'], runtimeClasses: ['kata.v2'] },
  };

  it('is read, by itself or inside an AdmissionConfiguration', () => {
    const inside = {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name: 'Other' }, { name: 'PodSecurity', configuration: config }],
    };
    for (const file of [config, inside]) {
      const read = readConfiguration(file);
      expect(read?.errors).toEqual([]);
      expect(read?.configuration.exemptions).toEqual(config.exemptions);
      expect(texts(read?.configuration.defaults ?? OPEN_POLICY)).toEqual([
        'baseline:v1.30',
        'privileged:latest',
        'restricted:latest',
      ]);
    }
  });

  it('that is wrong is told field by field', () => {
    const errors = (more: object): readonly string[] | undefined => readConfiguration({ ...config, ...more })?.errors;
    expect(errors({ defaults: { enforce: 'x', 'warn-version': 'v2', audit: 5 } })).toEqual([
      'defaults.enforce: Invalid value: "x": must be one of privileged, baseline, restricted',
      'defaults.audit: Invalid value: the number 5: must be one of privileged, baseline, restricted',
      'defaults.warn-version: Invalid value: "v2": must be "latest" or "v1.x"',
    ]);
    expect(errors({ exemptions: { usernames: ['', 'a', 'a'], namespaces: ['A', 'a.b'], runtimeClasses: 'x' } })).toEqual([
      'exemptions.namespaces[0]: Invalid value: "A": must be the name of a namespace: lower case letters, digits and -, 63 at most',
      'exemptions.namespaces[1]: Invalid value: "a.b": must be the name of a namespace: lower case letters, digits and -, 63 at most',
      'exemptions.runtimeClasses: Invalid value: "x": must be a list',
      'exemptions.usernames[0]: Invalid value: "": username must not be empty',
      'exemptions.usernames[2]: Duplicate value: "a"',
    ]);
    expect(errors({ apiVersion: 'pod-security.admission.config.k8s.io/v9' })).toHaveLength(1);
    expect(readConfiguration({ apiVersion: 'v1', kind: 'Pod' })).toBeUndefined();
  });
});

describe('objects', () => {
  const template = { spec: { containers: [] } };

  it.each([
    ['v1', 'Pod', true],
    ['apps/v1', 'Deployment', false],
    ['apps/v1', 'StatefulSet', false],
    ['apps/v1', 'DaemonSet', false],
    ['apps/v1', 'ReplicaSet', false],
    ['extensions/v1beta1', 'Deployment', false],
    ['v1', 'ReplicationController', false],
    ['v1', 'PodTemplate', false],
    ['batch/v1', 'Job', false],
    ['batch/v1', 'CronJob', false],
  ])('%s %s holds a pod', (apiVersion, kind, enforced) => {
    const spec = { template, jobTemplate: { spec: { template } }, containers: [] };
    const held = podIn({ apiVersion, kind, template, spec });
    expect(held?.enforced).toBe(enforced);
    expect(readPod(held?.pod).pod.spec).toEqual({ containers: [] });
  });

  it.each([
    ['v1', 'Service'],
    ['serving.knative.dev/v1', 'Deployment'],
    ['v1', 'Deployment'],
    ['v1', '__proto__'],
    [undefined, 'Pod'],
    ['v1', undefined],
  ])('%s %s does not', (apiVersion, kind) => {
    expect(podIn({ apiVersion, kind, spec: { template } })).toBeUndefined();
  });

  it('without their template hold nothing', () => {
    expect(podIn({ apiVersion: 'v1', kind: 'ReplicationController', spec: { template: null } })).toBeUndefined();
    expect(podIn({ apiVersion: 'apps/v1', kind: 'Deployment' })).toBeUndefined();
  });
});

describe('words', () => {
  it('are sorted by their bytes', () => {
    expect(sortedSet(['\u{1f600}', '\uffee', 'é', 'a', 'B', 'ab', 'a'])).toEqual(['B', 'a', 'ab', 'é', '\uffee', '\u{1f600}']);
    expect(compareBytes('a', 'a')).toBe(0);
  });

  it('are quoted as Go does', () => {
    expect(goQuote('a"\\\n\u0001\u007fé\u{1f600}\u2028\ue000\u{e0001}')).toBe(
      '"a\\"\\\\\\n\\x01\\x7fé\u{1f600}\\u2028\\ue000\\U000e0001"',
    );
  });
});
