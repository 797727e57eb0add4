/** Pods come from other people's files: whatever JSON stands in a field, reading and judging do not throw, and a wrong type is told. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit } from './admission.ts';
import { readConfiguration } from './configuration.ts';
import { evaluate, violationsText } from './evaluate.ts';
import { podIn } from './pod-template.ts';
import { readPod } from './read-pod.ts';
import { servedPod } from './served-pod.ts';

const problemsOf = (value: unknown): readonly string[] =>
  readPod(value).problems.map(({ path, message }) => `${path.join('.')}: ${message}`);

/** Objects with the names of real fields and anything behind them. */
const names = [
  'spec',
  'metadata',
  'annotations',
  'containers',
  'initContainers',
  'securityContext',
  'capabilities',
  'add',
  'drop',
  'volumes',
];
const more = [
  'name',
  'hostPath',
  'ports',
  'hostPort',
  'sysctls',
  'lifecycle',
  'preStop',
  'httpGet',
  'host',
  'os',
  '__proto__',
  'constructor',
];
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom(null, undefined, true, 0, -0, 1.5, Number.NaN, 2 ** 60, 1n, '', '\ud800', 'ALL', Symbol.iterator, () => 1),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names, ...more), tie('value'), { maxKeys: 5, noNullPrototype: false }),
  ),
})).value;

describe('reading a pod', () => {
  it('takes any value without throwing, and so do the controls', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const { pod } = readPod(value);
        for (const enforced of [true, false]) {
          const served = servedPod(pod, !enforced);
          const violations = evaluate(served, { level: 'restricted', version: 'latest' });
          expect(typeof violationsText(violations)).toBe('string');
          admit({
            pod: served,
            oldPod: pod,
            enforced,
            namespace: '',
            labels: { 'pod-security.kubernetes.io/warn': 'restricted' },
          });
        }
        podIn(value);
        podIn({ apiVersion: 'batch/v1', kind: 'CronJob', spec: value });
        readConfiguration(value);
        readConfiguration({
          apiVersion: 'pod-security.admission.config.k8s.io/v1',
          kind: 'PodSecurityConfiguration',
          exemptions: value,
          defaults: value,
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('tells a wrong type and goes on without it', () => {
    expect(problemsOf('x')).toEqual([': must be a mapping, is a text']);
    expect(
      problemsOf({
        metadata: { annotations: { a: 1 } },
        spec: {
          hostNetwork: 'true',
          containers: [{ name: 5, securityContext: { privileged: 'yes', runAsUser: 1.5 } }, 'x'],
          volumes: [{ name: 'v', hostPath: '/' }],
          securityContext: { runAsUser: '0', sysctls: {} },
        },
      }),
    ).toEqual([
      'metadata.annotations.a: must be a text, is the number 1',
      'spec.containers.0.name: must be a text, is the number 5',
      'spec.containers.0.securityContext.runAsUser: must be a whole number of 64 bits, is the number 1.5',
      'spec.containers.0.securityContext.privileged: must be true or false, is a text',
      'spec.containers.1: must be a mapping, is a text',
      'spec.securityContext.runAsUser: must be a whole number of 64 bits, is a text',
      'spec.securityContext.sysctls: must be a list, is a mapping',
      'spec.volumes.0.hostPath: must be a mapping, is a text',
      'spec.hostNetwork: must be true or false, is a text',
    ]);
  });

  it('takes null for not written, and keeps the places of a list', () => {
    const { pod, problems } = readPod({ spec: { containers: [null, { name: 'b', securityContext: null }], hostPID: null } });
    expect(problems).toEqual([]);
    expect(pod).toEqual({ spec: { containers: [{ name: '' }, { name: 'b' }] } });
  });

  it('does not take inherited properties for fields', () => {
    const hostile = JSON.parse('{"__proto__":{"spec":{"hostPID":true}}}') as unknown;
    expect(readPod(hostile).pod).toEqual({});
    expect(readPod(Object.create({ spec: { hostPID: true } }) as unknown).pod).toEqual({});
  });

  it('puts U+FFFD for half a character, as Go does', () => {
    expect(readPod({ spec: { containers: [{ name: 'a\ud800b' }] } }).pod.spec?.containers).toEqual([{ name: 'a\ufffdb' }]);
  });

  it('stops counting problems at a hundred', () => {
    expect(readPod({ spec: { containers: Array.from({ length: 100_000 }, () => 1) } }).problems).toHaveLength(100);
  });
});

describe('the pod that admission sees', () => {
  const served = (spec: unknown, annotations = {}, template = false): unknown =>
    servedPod(readPod({ metadata: { annotations }, spec }).pod, template).spec;

  it('has an empty folder where a volume names no kind', () => {
    expect(served({ volumes: [{ name: 'x' }, { name: 'y', nfs: {} }, { name: 'z', unheardOf: {} }] })).toMatchObject({
      volumes: [{ emptyDir: {} }, { name: 'y', nfs: {} }, { emptyDir: {} }],
    });
  });

  it("takes every port of the host's network, in pods and not in templates", () => {
    const spec = {
      hostNetwork: true,
      containers: [{ name: 'a', ports: [{ containerPort: 80 }, { containerPort: 1, hostPort: 2 }] }],
    };
    const ports = (value: unknown): unknown =>
      (value as { containers: { ports: { hostPort?: number }[] }[] }).containers[0]?.ports.map((one) => one.hostPort);
    expect(ports(served(spec))).toEqual([80, 2]);
    expect(ports(served(spec, {}, true))).toEqual([undefined, 2]);
    expect(ports(served({ ...spec, hostNetwork: false }))).toEqual([undefined, 2]);
  });

  it('says unconfined in the field too, unless something is said there', () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' };
    const field = { appArmorProfile: { type: 'Unconfined' } };
    expect(served({ containers: [{ name: 'a' }, { name: 'b' }] }, annotations)).toEqual({
      containers: [{ name: 'a', securityContext: field }, { name: 'b' }],
    });
    const kept = { containers: [{ name: 'a', securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }] };
    expect(served(kept, annotations)).toEqual(kept);
    for (const spec of [{ os: { name: 'windows' } }, { securityContext: field }])
      expect(served({ ...spec, containers: [{ name: 'a' }] }, annotations)).toMatchObject({ containers: [{ name: 'a' }] });
    expect(served({ containers: [{ name: 'a' }] }, annotations, true)).toEqual({ containers: [{ name: 'a' }] });
  });
});
