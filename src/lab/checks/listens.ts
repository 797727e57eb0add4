/** `listens`: a socket of the node or of a container, by the kernel's tables. */
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { matching } from './matching.ts';
import { describe, nodeProcesses } from './processes.ts';
import { sockets, socketsOf } from './sockets.ts';

export function checkListens(check: CheckOf<'listens'>, { node }: CheckWorld): Look {
  const named = check.match !== undefined;
  const who = named ? matching(node.proc, check.match) : nodeProcesses(node.proc).filter(({ pid }) => pid === 1);
  const [first] = who;
  if (first === undefined) return red('no such process runs');
  const protocol = check.protocol ?? 'tcp';
  // Several containers may run the same program, each in a network of its own.
  const there = who.flatMap((one) =>
    sockets(node.proc, one.pid)
      .filter((each) => each.state === 'listening' && each.port === check.port && each.protocol === protocol)
      .map((socket) => ({ socket, own: !named || socketsOf(node.proc, one.pid).has(socket.inode) })),
  );
  const found = there.filter(({ own }) => own).map(({ socket }) => socket);
  if (found.length === 0)
    return red(
      there.length > 0
        ? `${protocol} ${check.port} is somebody else's, not that of ${describe(first)}`
        : `nothing listens on ${protocol} ${check.port}${named ? ` where ${describe(first)} is` : ' of the node'}`,
    );
  const fitting = check.uid === undefined ? found[0] : found.find(({ uid }) => uid === check.uid);
  if (fitting === undefined) return red(`${protocol} ${check.port} was opened by uid ${found[0]!.uid}, not ${check.uid}`);
  return green(`${protocol} ${check.port}, opened by uid ${fitting.uid}`);
}
