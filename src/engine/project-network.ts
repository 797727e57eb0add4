/** One network for the services of a project: a bridge in a namespace of its own, each service on its own end of a cable, and no way to the outside. */
import { UnrootError } from '../error.ts';
import { runCommand } from './command.ts';
import type { ContainerNames } from './engine.ts';
import { NAMESERVER, type NameServer, nameServer } from './name-server.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';

export interface NetworkMember {
  /** A process in its namespace, for `CreateOptions.sandbox`. */
  readonly pid: number;
  readonly address: string;
  names(hosts: readonly string[]): ContainerNames;
  /** From now on others find it by these. */
  announce(names: readonly string[]): void;
  withdraw(): void;
}

export interface ProjectNetwork {
  join(): Promise<NetworkMember>;
  close(): Promise<void>;
}

/** The other half of the benchmark range (RFC 2544); the first is the sandboxes'. */
const address = (number: number): string => `198.19.${number >> 8}.${number & 255}`;
const PREFIX = 16;
const MOST = 4000;

/** Throws `engine.network` or `engine.sandbox`. */
export async function openNetwork(): Promise<ProjectNetwork> {
  const sandboxes: Sandbox[] = [];
  const servers: NameServer[] = [];
  const known = new Map<NetworkMember, readonly string[]>();
  const lookup = (name: string): readonly string[] =>
    [...known].flatMap(([member, names]) => (names.includes(name) ? [member.address] : []));
  const close = async (): Promise<void> => {
    for (const server of servers.splice(0)) server.close();
    // With its namespace each end of a cable goes, and the other end with it.
    await Promise.all(sandboxes.splice(0).map((sandbox) => sandbox.close()));
  };
  const opened = async (): Promise<Sandbox> => {
    const sandbox = await openSandbox({ bare: true });
    sandboxes.push(sandbox);
    return sandbox;
  };
  try {
    const hub = await opened();
    await configure(hub.pid, [
      'ip link add hub type bridge stp_state 0 forward_delay 0',
      `ip address add ${address(1)}/${PREFIX} dev hub`,
      'ip link set hub up',
    ]);
    let count = 1;
    return {
      close,
      async join() {
        count += 1;
        if (count > MOST) throw new UnrootError(`a project's network has room for ${MOST} services`, { code: 'engine.network' });
        const own = address(count);
        const cable = `c${count}`;
        const sandbox = await opened();
        await configure(hub.pid, [
          `ip link add ${cable} type veth peer name eth0 netns ${sandbox.pid}`,
          `ip link set ${cable} master hub up`,
        ]);
        await configure(sandbox.pid, [`ip address add ${own}/${PREFIX} dev eth0`, 'ip link set eth0 up']);
        servers.push(await nameServer(sandbox.pid, lookup));
        const member: NetworkMember = {
          pid: sandbox.pid,
          address: own,
          names: (hosts) => ({ address: own, nameserver: NAMESERVER, hosts }),
          announce: (names) => void known.set(member, [...new Set(names.map((name) => name.toLowerCase()))]),
          withdraw: () => void known.delete(member),
        };
        return member;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function configure(pid: number, lines: readonly string[]): Promise<void> {
  const script = lines.join(' && ');
  const result = await runCommand(['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'sh', '-c', script], { timeoutMs: 20_000 });
  if (result.code === 0) return;
  const words = result.stderr.trim().split('\n').at(-1) ?? '';
  throw new UnrootError(`the network of the project cannot be made: ${words || `exit ${result.code}`}`, {
    code: 'engine.network',
    expected: 'root, ip(8) of iproute2, and a kernel with bridges and veth pairs',
    hint: 'apt-get install -y iproute2',
  });
}
