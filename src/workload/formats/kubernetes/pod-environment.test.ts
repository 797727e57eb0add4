import { describe, expect, it } from 'vitest';
import { environmentOfContainer, expand, podField } from './pod-environment.ts';
import type { Pod, PodContainer } from './pod-spec.ts';

/** third_party/forked/golang/expansion/expand_test.go has the same kinds of cases. */
describe('$(NAME)', () => {
  const values: Readonly<Record<string, string>> = { A: 'a', B: 'b', EMPTY: '', NESTED: '$(A)' };
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['$(A)', 'a'],
    ['$(A)$(B)', 'ab'],
    ['x-$(A)-y', 'x-a-y'],
    ['$(EMPTY)', ''],
    ['$(NESTED)', '$(A)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$$$$(A)', '$$(A)'],
    ['$(NONE)', '$(NONE)'],
    ['$A', '$A'],
    ['$', '$'],
    ['$$', '$'],
    ['$(A', '$(A'],
    ['$($(A))', '$($(A))'],
    ['$(A)$', 'a$'],
    ['$()', '$()'],
    ['\u{1f600}$(A)', '\u{1f600}a'],
  ])('%j is %j', (text, expected) => {
    expect(expand(text, (name) => (Object.hasOwn(values, name) ? (values[name] as string) : `$(${name})`))).toBe(expected);
  });
});

const pod: Pod = {
  metadata: { name: 'web', namespace: 'shop', labels: { tier: 'front', app: 'web' }, annotations: { 'a/b': 'c' } },
  spec: { nodeName: 'n1', serviceAccountName: 'robot' },
};

describe('fieldRef', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', undefined],
    ["metadata.labels['tier']", 'front'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['a/b']", 'c'],
    ['metadata.labels', 'app="web"\ntier="front"'],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.podIP', undefined],
  ])('%s', (path, expected) => expect(podField(path, pod)).toBe(expected));
});

describe('variables', () => {
  const around = {
    configMaps: new Map([
      [
        'settings',
        new Map([
          ['one', 'first'],
          ['two', '$(X)'],
        ]),
      ],
    ]),
    secrets: new Map([['keys', new Map([['word', 'hush']])]]),
  };
  const of = (container: Partial<PodContainer>): [string, string | undefined][] => [
    ...environmentOfContainer(pod, { name: 'main', ...container }, around).variables,
  ];
  it('envFrom comes first, env wins and may refer to what is before it', () => {
    expect(
      of({
        envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'keys' } }],
        env: [
          { name: 'X', value: 'x' },
          { name: 'P_one', value: 'own' },
          { name: 'Y', value: '$(X)/$(P_two)/$(LATER)' },
          { name: 'LATER', value: 'l' },
        ],
      }),
    ).toEqual([
      ['P_one', 'own'],
      ['P_two', '$(X)'],
      ['word', 'hush'],
      ['X', 'x'],
      ['Y', 'x/$(X)/$(LATER)'],
      ['LATER', 'l'],
    ]);
  });
  it('what nobody here knows is unknown, and so is what is made of it', () => {
    const env = [
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'URL', value: 'http://$(IP)/' },
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 'elsewhere', key: 'k' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'NAMED', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ];
    expect(of({ env })).toEqual([
      ['IP', undefined],
      ['URL', undefined],
      ['KEY', undefined],
      ['CPU', undefined],
      ['NAMED', 'web'],
    ]);
  });
  it('an optional key that is missing is left out; one that is not optional fails the container', () => {
    const reference = (optional: boolean) => ({
      env: [{ name: 'K', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional } } }],
    });
    expect(of(reference(true))).toEqual([]);
    expect(environmentOfContainer(pod, { name: 'main', ...reference(false) }, around).error).toBe(
      "couldn't find key none in ConfigMap shop/settings",
    );
  });
});
