/** Ports that mean something to others, apart from those that the kernel picked for this one run. */
import type { Run } from '../finding/fix.ts';
import type { Observation, ObservedPort } from './observation.ts';
import type { Reason } from './reason.ts';

/** First port of the default net.ipv4.ip_local_port_range: from here on the kernel picks when a program asks for any port (ip(7)). */
const EPHEMERAL = 32768;

export const isEphemeral = ({ port }: { readonly port: number }): boolean => port >= EPHEMERAL;

/** The address a client uses for a socket bound to this one. */
export const reachable = (address: string): string =>
  address === '0.0.0.0' || address === '::' ? (address === '::' ? '::1' : '127.0.0.1') : address;

/** What the first run listens on, unmoved. A port of the ephemeral range counts when the program itself named it. */
export function portsOf({ ports, trace }: Observation): Run['ports'] {
  const named = new Set(
    (trace?.events ?? []).flatMap(({ operation }) =>
      operation.kind === 'bind' ? [`${operation.protocol}${operation.port}`] : [],
    ),
  );
  const found = new Map<string, Run['ports'][number]>();
  for (const port of ports) {
    const key = `${port.protocol}${port.port}`;
    if (isEphemeral(port) && !named.has(key)) continue;
    found.set(key, { from: port.port, to: port.port, ...(port.protocol === 'udp' ? { protocol: port.protocol } : {}) });
  }
  return [...found.values()].sort((a, b) => a.from - b.from);
}

/** Where ports went inside the container: before → after. */
export type MovedPorts = ReadonlyMap<number, number>;

export const movedPorts = (ports: Run['ports']): MovedPorts => new Map(ports.map(({ from, to }) => [from, to]));

/** The first run as the second one is expected to look: what to wait for, and how to ask it. */
export function asMoved(before: Observation, moved: MovedPorts): Observation {
  const move = <T extends { readonly port: number }>(one: T): T => ({ ...one, port: moved.get(one.port) ?? one.port });
  const { reload } = before;
  return {
    ...before,
    ports: before.ports.map(move),
    probes: before.probes.map(move),
    ...(before.datagrams === undefined ? {} : { datagrams: before.datagrams.map(move) }),
    ...(reload === undefined ? {} : { reload: { ...reload, ports: reload.ports.map(move), probes: reload.probes.map(move) } }),
  };
}

/** Every port that was to move is listened on where it went. */
export const listensMoved = (before: Observation, after: Observation, moved: MovedPorts): boolean =>
  distinct(asMoved(before, moved).ports)
    .filter((port) => !isEphemeral(port))
    .every((port) => after.ports.some((other) => key(other) === key(port)));

const key = ({ protocol, port }: { readonly protocol: string; readonly port: number }): string => `${protocol} ${port}`;

const distinct = (ports: readonly ObservedPort[]): ObservedPort[] => [
  ...new Map(ports.map((port) => [key(port), port])).values(),
];

/** Every port of the first run must be there again; of those that the kernel picks, as many. */
export function comparePorts(before: Observation, after: Observation, moved: MovedPorts): Reason[] {
  const has = new Set(after.ports.map(key));
  const reasons: Reason[] = [];
  let picked = 0;
  for (const port of distinct(before.ports)) {
    const to = moved.get(port.port) ?? port.port;
    const where = to === port.port ? `port ${port.port}/${port.protocol}` : `port ${port.port}/${port.protocol}, now ${to}`;
    if (has.has(key({ protocol: port.protocol, port: to }))) reasons.push({ kind: 'ok', text: `listens on ${where}` });
    else if (!isEphemeral(port)) reasons.push({ kind: 'bad', text: `does not listen on ${where}` });
    // A datagram socket on such a port is a client's.
    else if (port.protocol === 'tcp') picked++;
  }
  const known = new Set(before.ports.map(key));
  const other = distinct(after.ports).filter(
    (port) => port.protocol === 'tcp' && isEphemeral(port) && !known.has(key(port)),
  ).length;
  if (picked > 0)
    reasons.push(
      other >= picked
        ? { kind: 'ok', text: `listens on ${picked} ${picked === 1 ? 'port' : 'ports'} that the kernel picks, as before` }
        : { kind: 'bad', text: `listens on ${other} of the ${picked} ports from ${EPHEMERAL} up that it had before` },
    );
  return reasons;
}
