/** Misspelt fields: the API server drops them, so Pod Security never sees what was meant. */
import { expect, it } from 'vitest';
import { sourceFile } from '../text/source-file.ts';
import { checkManifest } from './check-manifest.ts';
import { NO_EXEMPTIONS } from './configuration.ts';
import { parseLevelVersion } from './level.ts';
import { unknownFields } from './unknown-fields.ts';

it('names them from the pod down', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { anything: 1 },
    spec: {
      hostnetwork: true,
      hostNetwork: true,
      securityContext: { runasuser: 0, seccompProfile: { Type: 'x' } },
      containers: [
        { name: 'a', securitycontext: {} },
        {
          name: 'b',
          securityContext: { capabilities: { dropp: ['ALL'], drop: [] }, privileged: true },
          ports: [{ hostport: 1 }],
        },
        null,
      ],
      nodeSelector: { free: 'form' },
      volumes: [{ name: 'v', anyKind: {} }],
    },
  };
  expect(unknownFields(pod).map((path) => path.join('.'))).toEqual([
    'spec.hostnetwork',
    'spec.securityContext.runasuser',
    'spec.securityContext.seccompProfile.Type',
    'spec.containers.0.securitycontext',
    'spec.containers.1.securityContext.capabilities.dropp',
    'spec.containers.1.ports.0.hostport',
  ]);
  expect(unknownFields({ spec: { constructor: {}, __proto__: 1 } }).map((path) => path.join('.'))).toEqual(['spec.constructor']);
  expect(unknownFields([])).toEqual([]);
  expect(unknownFields({ spec: { containers: { a: 1 } } })).toEqual([]);
});

it('are warnings where they stand, also in a template, and change no verdict', () => {
  const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      hostnetwork: true
      containers: [{name: c, image: x, securityContext: {Privileged: true}}]
`;
  const checked = checkManifest(sourceFile('web.yaml', text), {
    policy: parseLevelVersion('baseline:v1.34'),
    exemptions: NO_EXEMPTIONS,
    namespace: 'default',
  });
  expect(checked.objects.map(({ outcome }) => outcome)).toEqual(['allowed']);
  expect(checked.problems).toMatchObject([
    {
      severity: 'warning',
      message:
        'Deployment/web: unknown field "spec.template.spec.hostnetwork", which kubectl refuses and the API server itself ignores',
      where: { line: 7, column: 7 },
    },
    {
      message:
        'Deployment/web: unknown field "spec.template.spec.containers[0].securityContext.Privileged", which kubectl refuses and the API server itself ignores',
      where: { line: 8 },
    },
  ]);
});

it('documents that hold no object are said to be what they are', () => {
  const options = { policy: parseLevelVersion('baseline:v1.34'), exemptions: NO_EXEMPTIONS, namespace: 'default' };
  const said = (text: string): readonly string[] => checkManifest(sourceFile('x.yaml', text), options).skipped;
  expect(said('just text\n')).toEqual(['a document without a Kubernetes object (a text, a list, or no apiVersion and kind)']);
  expect(said('text\n---\n- a\n')[0]).toMatch(/^2 documents without a Kubernetes object/);
});
