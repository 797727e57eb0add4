/** The node as pictures need it: every process, from outside and inside, what listens, which namespaces there are. */
import { programOf } from './checks/credible.ts';
import { type NodeProcess, nodeProcesses, read } from './checks/processes.ts';
import { type Socket, sockets, socketsOf } from './checks/sockets.ts';
import type { LabNode } from './node.ts';

export interface WorldProcess extends NodeProcess {
  /** Program file as it is inside. */
  readonly executable: string | undefined;
  /** Lines of uid_map, when its user namespace is not the node's: inside, outside, length. */
  readonly uidMap?: readonly (readonly [inside: number, outside: number, length: number])[];
  /** Inodes of sockets it holds: to tell who listens. */
  readonly sockets: readonly number[];
}

export interface NodeWorld {
  readonly processes: readonly WorldProcess[];
  readonly listening: readonly (Socket & {
    /** Link of the network namespace. */
    readonly namespace: string;
  })[];
  /** Those of the node's first process. */
  readonly namespaces: NodeProcess['namespaces'];
}

/** As it is now. */
export function lookAround(node: LabNode): NodeWorld {
  const all = nodeProcesses(node.proc);
  const namespaces = all.find(({ pid }) => pid === 1)?.namespaces ?? { pid: '', net: '', mnt: '', user: '', ipc: '', uts: '' };
  const networks = new Map(all.filter((one) => one.namespaces.net !== '').map((one) => [one.namespaces.net, one.pid]));
  return {
    processes: all.map((one) => ({
      ...one,
      executable: programOf(node.proc, one.pid),
      ...(one.namespaces.user === namespaces.user ? {} : { uidMap: uidMap(node.proc, one.pid) }),
      sockets: [...socketsOf(node.proc, one.pid)],
    })),
    listening: [...networks].flatMap(([namespace, pid]) =>
      sockets(node.proc, pid).flatMap((one) => (one.state === 'listening' ? [{ ...one, namespace }] : [])),
    ),
    namespaces,
  };
}

const uidMap = (proc: string, pid: number): readonly (readonly [number, number, number])[] =>
  (read(`${proc}/${pid}/uid_map`) ?? '')
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [inside = 0, outside = 0, length = 0] = line.trim().split(/\s+/).map(Number);
      return [inside, outside, length] as const;
    });
