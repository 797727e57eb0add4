/** Which ports a run really served: a bind alone is not a service. */
import type { Trace } from './event.ts';

/** One port the traced programs took connections (tcp) or datagrams (udp) on. */
export interface TracedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly program: string;
}

/** TCP sockets that were bound and listened on, UDP sockets that were bound to a fixed port; each address once, in order of appearance. */
export function listeningPorts(trace: Trace): readonly TracedPort[] {
  const seen = new Map<string, TracedPort>();
  for (const event of trace.events) {
    const operation = event.operation;
    if (operation.kind !== 'bind' || event.errno !== undefined || operation.port === 0) continue;
    if (operation.protocol === 'tcp' && event.listening !== true) continue;
    const { protocol, address, port } = operation;
    const key = `${protocol} ${address} ${port}`;
    if (!seen.has(key)) seen.set(key, { protocol, address, port, program: event.program });
  }
  return [...seen.values()];
}
