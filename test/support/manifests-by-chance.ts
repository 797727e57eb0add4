/** Objects of Kubernetes that make pods, by chance: kinds, containers, and what is set of their contexts. */
import type { Chance } from './yaml-documents.ts';

type Value = Record<string, unknown>;
const maybe = (chance: Chance, of: number, value: Value): Value => (chance(of) === 0 ? value : {});

function container(chance: Chance, name: string): Value {
  return {
    name,
    image: ['nginx:1.27', 'registry.example:5000/a/b@sha256:0', 'app'][chance(3)],
    ...maybe(chance, 2, { ports: [{ containerPort: 80, ...maybe(chance, 2, { name: 'http' }) }] }),
    ...maybe(chance, 3, { env: [{ name: 'A', value: 'x: y' }] }),
    ...maybe(chance, 3, { command: ['sh', '-c', 'set -e\nexec "$@" # x\n'] }),
    ...maybe(chance, 3, { livenessProbe: { httpGet: { path: '/', port: chance(2) === 0 ? 80 : 'http' } } }),
    ...maybe(chance, 3, { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
    ...maybe(chance, 2, {
      securityContext: {
        ...maybe(chance, 2, { runAsUser: [0, 5][chance(2)] }),
        ...maybe(chance, 3, { runAsNonRoot: chance(2) === 0 }),
        ...maybe(chance, 3, { capabilities: { ...maybe(chance, 2, { drop: ['NET_RAW'] }), ...maybe(chance, 2, { add: [] }) } }),
        ...maybe(chance, 3, { allowPrivilegeEscalation: true }),
        ...maybe(chance, 4, { seccompProfile: { type: 'Unconfined' } }),
      },
    }),
  };
}

/** An object that makes pods, called `name`. */
export function anyManifest(chance: Chance, name = 'w'): Value {
  const names = ['web', 'side', 'third'].slice(0, 1 + chance(3));
  const spec: Value = {
    ...maybe(chance, 3, { securityContext: { ...maybe(chance, 2, { runAsUser: 0 }), ...maybe(chance, 2, { fsGroup: 7 }) } }),
    ...maybe(chance, 4, { initContainers: [container(chance, 'setup')] }),
    containers: names.map((name) => container(chance, name)),
    ...maybe(chance, 2, { volumes: [{ name: 'data', emptyDir: {} }] }),
  };
  const template = { metadata: { labels: { app: 'a' } }, spec };
  const metadata = { name, ...maybe(chance, 3, { annotations: { note: 'line one\nline two\n' } }) };
  switch (chance(4)) {
    case 0:
      return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
    case 1:
      return {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata,
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } },
      };
    case 2:
      return {
        apiVersion: 'v1',
        kind: 'List',
        items: [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } }],
      };
    default:
      return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { template, serviceName: name } };
  }
}
