/** The Service that keeps the outside port where the program listens on another one. */
import type { ArtifactInput } from './artifact.ts';

/** undefined when no port moved: what leads to the pod then is the same as before. All ports are in it, so that it can take the place of the old one. */
export function serviceOf({ run }: ArtifactInput, label: string): object | undefined {
  if (run.ports.every(({ from, to }) => from === to)) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: label, labels: { app: label } },
    spec: {
      selector: { app: label },
      ports: run.ports.map(({ from, to, protocol = 'tcp' }) => ({
        name: `${protocol}-${from}`,
        port: from,
        targetPort: to,
        protocol: protocol.toUpperCase(),
      })),
    },
  };
}
