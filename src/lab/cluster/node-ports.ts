/** What kube-proxy does for the NodePorts of Services: listens on the node, and hands each connection to a ready pod that the selector fits. */
import { createServer, type Server, type Socket } from 'node:net';
import { type ClusterObject, keyOf, matches, namespaceOf, refused, serviceSpec } from './objects.ts';
import type { ClusterPod } from './pod.ts';

export interface NodePorts {
  /** Listens for what is declared now and for nothing else. Throws when a port of the node is taken. */
  set(services: readonly ClusterObject[]): Promise<void>;
  close(): void;
}

/** Ready pods that are not on their way out: what an EndpointSlice lists. */
export const endpoints = (service: ClusterObject, pods: readonly ClusterPod[]): readonly ClusterPod[] => {
  const { selector } = serviceSpec(service);
  if (selector === undefined) return [];
  return pods.filter(
    (pod) =>
      namespaceOf(pod.object) === namespaceOf(service) &&
      matches(selector, pod.object.metadata.labels ?? {}) &&
      pod.deleted() === undefined &&
      pod.state().ready,
  );
};

/** `host`: where the node listens. */
export function nodePorts(host: string, pods: () => readonly ClusterPod[]): NodePorts {
  const open = new Map<number, { server: Server; service: ClusterObject }>();
  let turn = 0;
  const connect = async (port: number, socket: Socket): Promise<void> => {
    socket.on('error', () => socket.destroy());
    const service = open.get(port)?.service;
    const declared = service === undefined ? undefined : (serviceSpec(service).ports ?? []).find((one) => one.nodePort === port);
    const ready = service === undefined ? [] : endpoints(service, pods());
    turn += 1;
    // The next in turn; one that is just going away is not the last word.
    for (let tries = 0; declared !== undefined && tries < ready.length; tries += 1) {
      const pod = ready[(turn + tries) % ready.length]!;
      const inside = portOf(pod, declared.targetPort ?? declared.port);
      const door = inside === undefined ? undefined : await pod.door();
      if (inside !== undefined && door?.hand(inside, socket) === true) return;
    }
    // As a node's firewall says it where a Service has no endpoints.
    socket.resetAndDestroy();
  };
  return {
    async set(services) {
      const wanted = new Map<number, ClusterObject>();
      for (const service of services)
        for (const { nodePort } of serviceSpec(service).ports ?? []) {
          const other = nodePort === undefined ? undefined : wanted.get(nodePort);
          if (other !== undefined && keyOf(other) !== keyOf(service))
            throw refused(
              `The Service "${service.metadata.name}" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`,
            );
          if (nodePort !== undefined) wanted.set(nodePort, service);
        }
      for (const [port, { server }] of open) {
        if (wanted.has(port)) continue;
        server.close();
        open.delete(port);
      }
      for (const [port, service] of wanted) {
        const known = open.get(port);
        if (known === undefined)
          open.set(port, { server: await listen(host, port, (socket) => void connect(port, socket)), service });
        else known.service = service;
      }
    },
    close() {
      for (const { server } of open.values()) server.close();
      open.clear();
    },
  };
}

/** Of the pod: a number, or the name of a port of one of its containers. */
function portOf({ object }: ClusterPod, target: number | string): number | undefined {
  if (typeof target === 'number') return target;
  const { containers = [] } = (object.spec ?? {}) as {
    containers?: readonly { ports?: readonly { name?: string; containerPort: number }[] }[];
  };
  return containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === target)?.containerPort;
}

function listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, onSocket);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(refused(`the node cannot listen on port ${port}: ${error.message}`)));
    server.listen(port, host, () => resolve(server));
  });
}

/** A NodePort that names no number keeps the one it has, else gets one that is free. */
export function withNodePorts(
  service: ClusterObject,
  known: ClusterObject | undefined,
  all: readonly ClusterObject[],
): ClusterObject {
  const { type, ports = [] } = serviceSpec(service);
  if (type !== 'NodePort') return service;
  const before = known === undefined ? [] : (serviceSpec(known).ports ?? []);
  const taken = new Set([service, ...all].flatMap((one) => (serviceSpec(one).ports ?? []).map(({ nodePort }) => nodePort)));
  const given = ports.map((port) => {
    if (port.nodePort !== undefined) return port;
    const own = before.find(({ name, port: number }) => name === port.name && number === port.port)?.nodePort;
    let free = own ?? 30000;
    while (own === undefined && taken.has(free)) free += 1;
    taken.add(free);
    return { ...port, nodePort: free };
  });
  return { ...service, spec: { ...service.spec, ports: given } };
}
