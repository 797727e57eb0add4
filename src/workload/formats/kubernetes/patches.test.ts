import { expect, test } from 'vitest';
import { sourceFile } from '../../../text/source-file.ts';
import { readYaml } from '../../../text/yaml/read.ts';
import { sameValue } from '../../../text/yaml/value-change.ts';
import type { ContainerChange } from '../../change.ts';
import { planChanges } from './changes.ts';
import { kustomization, kustomizationText } from './kustomization.ts';
import type { ObjectChange } from './object-change.ts';
import { changedValue, type JsonOperation, jsonPatch, strategicPatch } from './patches.ts';
import { readManifests } from './read.ts';

const TEXT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {a/b: c}}
    spec:
      containers:
      - name: web
        image: nginx
        ports: [{containerPort: 80, name: http}, {containerPort: 443}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
      - name: other
        image: other
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {a/b: c}, ports: [{port: 80}]}
`;

const CHANGE: ContainerChange = {
  container: 'web',
  user: { uid: 1, gid: 2 },
  capDrop: ['ALL'],
  env: { B: '3', C: '4' },
  tmpfs: ['/run'],
  ports: [{ from: 80, to: 8080 }],
};

function objects(): readonly ObjectChange[] {
  const read = readManifests([sourceFile('f', TEXT)]);
  return planChanges([{ workload: read.workloads[0]!, changes: [CHANGE] }], read).objects;
}

/** RFC 6902, as far as it is used. */
function patched(value: unknown, operations: readonly JsonOperation[]): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const { op, path, value: put } of operations) {
    const parts = path
      .slice(1)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop()!;
    const holder = parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], copy) as Record<string, unknown>;
    if (holder === undefined) throw new Error(`${path}: nothing to put it in`);
    if (Array.isArray(holder) && op === 'add') holder.splice(last === '-' ? holder.length : Number(last), 0, put);
    else if (op === 'replace' && !(last in holder)) throw new Error(`${path} is not there`);
    else holder[last] = put;
  }
  return copy;
}

test('the JSON patch makes the same of the object as the edits do', () => {
  for (const change of objects())
    expect(sameValue(patched(change.object.value, jsonPatch(change)), changedValue(change))).toBe(true);
  expect(jsonPatch(objects()[0]!)).toEqual([
    {
      op: 'add',
      path: '/spec/template/spec/containers/0/securityContext',
      value: { runAsUser: 1, runAsGroup: 2, capabilities: { drop: ['ALL'] } },
    },
    { op: 'replace', path: '/spec/template/spec/containers/0/env/1/value', value: '3' },
    { op: 'add', path: '/spec/template/spec/containers/0/env/-', value: { name: 'C', value: '4' } },
    { op: 'add', path: '/spec/template/spec/containers/0/volumeMounts', value: [{ name: 'run', mountPath: '/run' }] },
    { op: 'replace', path: '/spec/template/spec/containers/0/ports/0/containerPort', value: 8080 },
    { op: 'add', path: '/spec/template/spec/volumes', value: [{ name: 'run', emptyDir: {} }] },
  ]);
  expect(jsonPatch(objects()[1]!)).toEqual([{ op: 'add', path: '/spec/ports/0/targetPort', value: 8080 }]);
});

test('the strategic patch holds what changes, by the keys of the lists', () => {
  expect(strategicPatch(objects()[0]!)).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      template: {
        spec: {
          containers: [
            {
              name: 'web',
              securityContext: { runAsUser: 1, runAsGroup: 2, capabilities: { drop: ['ALL'] } },
              env: [{ name: 'A' }, { name: 'B', value: '3' }, { name: 'C', value: '4' }],
              volumeMounts: [{ name: 'run', mountPath: '/run' }],
              ports: [
                { containerPort: 8080, name: 'http' },
                { containerPort: 80, $patch: 'delete' },
              ],
            },
          ],
          volumes: [{ name: 'run', emptyDir: {} }],
        },
      },
    },
  });
  expect(strategicPatch(objects()[1]!).spec).toEqual({ ports: [{ port: 80, targetPort: 8080 }] });
});

test('a kustomization names its patches; the texts are YAML that says the same', () => {
  const files = kustomization(objects(), ['../web.yaml']);
  expect(files.map(({ path }) => path)).toEqual(['deployment-shop-web.yaml', 'service-shop-web.yaml', 'kustomization.yaml']);
  const values = files.map(({ path, text }) => readYaml(sourceFile(path, text)).documents[0]!.value);
  expect(values[0]).toEqual(strategicPatch(objects()[0]!));
  expect(values[2]).toEqual({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: ['../web.yaml'],
    patches: [
      {
        path: 'deployment-shop-web.yaml',
        target: { group: 'apps', version: 'v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
      },
      { path: 'service-shop-web.yaml', target: { version: 'v1', kind: 'Service', name: 'web', namespace: 'shop' } },
    ],
  });
  const inline = readYaml(sourceFile('k', kustomizationText(objects(), ['web.yaml']))).documents[0]!.value as {
    patches: { patch: string }[];
  };
  expect(readYaml(sourceFile('p', inline.patches[0]!.patch)).documents[0]!.value).toEqual(values[0]);
});
