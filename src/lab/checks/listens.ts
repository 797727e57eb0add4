/** `listens`: a socket of the node or of a container, by the kernel's tables. */
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { describe, matching, nodeProcesses, read } from './processes.ts';

export interface Listening {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** Whose it is: the user that made it. */
  readonly uid: number;
  readonly inode: number;
  /** Link of the network namespace. */
  readonly namespace: string;
}

export function checkListens(check: CheckOf<'listens'>, { node }: CheckWorld): Look {
  const all = nodeProcesses(node.proc);
  const who = check.match === undefined ? all.filter(({ pid }) => pid === 1) : matching(node.proc, check.match);
  const [first] = who;
  if (first === undefined) return red('no such process runs');
  const protocol = check.protocol ?? 'tcp';
  // Several containers may run the same program, each in a network of its own.
  const found = who
    .flatMap((one) => sockets(node.proc, one.pid, one.namespaces.net))
    .filter((each) => each.port === check.port && each.protocol === protocol);
  if (found.length === 0)
    return red(
      `nothing listens on ${protocol} ${check.port}${check.match === undefined ? ' of the node' : ` where ${describe(first)} is`}`,
    );
  const fitting = check.uid === undefined ? found[0] : found.find(({ uid }) => uid === check.uid);
  if (fitting === undefined) return red(`${protocol} ${check.port} was opened by uid ${found[0]!.uid}, not ${check.uid}`);
  return green(`${protocol} ${check.port}, opened by uid ${fitting.uid}`);
}

/** Listening TCP and unconnected UDP sockets of the network namespace of a process (proc_net_tcp(5)). */
export function sockets(proc: string, pid: number, namespace: string): readonly Listening[] {
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((table) =>
    (read(`${proc}/${pid}/net/${table}`) ?? '')
      .split('\n')
      .slice(1)
      .flatMap((line): Listening[] => {
        const fields = line.trim().split(/\s+/);
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
        if (fields[3] !== (protocol === 'tcp' ? '0A' : '07')) return [];
        return [
          { protocol, address, port: Number.parseInt(port, 16), uid: Number(fields[7]), inode: Number(fields[9]), namespace },
        ];
      }),
  );
}
