/** The door of the labs' cluster: who gets in, who is warned of, and what is said of those who are in. */
import { expect, it } from 'vitest';
import { alreadyIn, atDoor, turnedAway } from './admission.ts';
import type { ClusterObject } from './objects.ts';

const namespace = (labels: Readonly<Record<string, string>> = {}): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: 'shop',
    labels: Object.fromEntries(Object.entries(labels).map(([mode, level]) => [`pod-security.kubernetes.io/${mode}`, level])),
  },
});
const plain = { containers: [{ name: 'a', image: 'x' }] };
const host = { ...plain, volumes: [{ name: 'root', hostPath: { path: '/' } }] };
const pod = (spec: ClusterObject['spec'], name = 'till'): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  ...(spec === undefined ? {} : { spec }),
});
const deployment = (spec: object): ClusterObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec } },
});

it('refuses a pod by the labels of its namespace, and nothing without them', () => {
  expect(atDoor(pod(host), namespace())).toEqual({ warnings: [] });
  expect(atDoor(pod(host), undefined)).toEqual({ warnings: [] });
  expect(atDoor(pod(host), namespace({ enforce: 'baseline' })).refusal).toEqual({
    reason: 'Forbidden',
    message: 'pods "till" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes (volume "root")',
  });
  expect(atDoor(pod(plain), namespace({ enforce: 'baseline' })).refusal).toBeUndefined();
});

it('takes a controller in with a warning, and turns its pods away, told once', () => {
  const labels = namespace({ enforce: 'baseline' });
  const { refusal, warnings } = atDoor(deployment(host), labels);
  expect(refusal).toBeUndefined();
  expect(warnings).toEqual(['would violate PodSecurity "baseline:latest": hostPath volumes (volume "root")']);
  const set = {};
  expect(turnedAway(set, pod(host, 'web-1'), labels)).toMatch(/^pods "web-1" is forbidden: violates/);
  expect(turnedAway(set, pod(host, 'web-2'), labels)).toBe('');
  expect(turnedAway(set, pod(host, 'web-3'), namespace({ enforce: 'restricted' }))).toMatch(/restricted:latest/);
  expect(turnedAway(set, pod(plain), labels)).toBeUndefined();
});

it('warns without refusing', () => {
  const { refusal, warnings } = atDoor(pod(plain), namespace({ warn: 'restricted' }));
  expect(refusal).toBeUndefined();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false/);
});

it('does not take a level that there is none of, nor a field of another type', () => {
  expect(atDoor(namespace({ enforce: 'strict' }), undefined).refusal).toEqual({
    reason: 'Invalid',
    message:
      'The Namespace "shop" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  });
  expect(atDoor(pod({ ...plain, hostNetwork: 'yes' }), namespace()).refusal?.reason).toBe('BadRequest');
});

it('names those who are in already when it becomes stricter, one line for each kind of offence', () => {
  const pods = [pod(host, 'b'), pod(host, 'a'), pod({ ...plain, hostPID: true }, 'c'), pod(plain, 'd')];
  expect(alreadyIn(namespace({ enforce: 'baseline' }), namespace(), pods)).toEqual([
    'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
    'b (and 1 other pod): hostPath volumes',
    'c: host namespaces',
  ]);
  expect(alreadyIn(namespace({ enforce: 'baseline' }), namespace({ enforce: 'baseline' }), pods)).toEqual([]);
  expect(alreadyIn(namespace({ enforce: 'baseline' }), namespace({ enforce: 'restricted' }), pods)).toEqual([]);
  expect(alreadyIn(namespace(), namespace({ enforce: 'restricted' }), pods)).toEqual([]);
});
