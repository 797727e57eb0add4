/** Sockets of a network namespace by the kernel's tables (proc_net_tcp(5)), and whose they are by open files. */
import { readdirSync, readlinkSync } from 'node:fs';
import { read } from './processes.ts';

export interface Socket {
  readonly protocol: 'tcp' | 'udp';
  readonly state: 'listening' | 'connected';
  readonly address: string;
  readonly port: number;
  /** Whose it is: the user that made it. */
  readonly uid: number;
  /** 0 = nobody accepted it yet. */
  readonly inode: number;
}

/** Listening and connected TCP, and unconnected UDP ones of the network namespace of a process. */
export function sockets(proc: string, pid: number): readonly Socket[] {
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((table) =>
    (read(`${proc}/${pid}/net/${table}`) ?? '')
      .split('\n')
      .slice(1)
      .flatMap((line): Socket[] => {
        const fields = line.trim().split(/\s+/);
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
        const state = STATES[`${protocol} ${fields[3]}`];
        if (state === undefined) return [];
        return [{ protocol, state, address, port: Number.parseInt(port, 16), uid: Number(fields[7]), inode: Number(fields[9]) }];
      }),
  );
}

/** As include/net/tcp_states.h numbers them; an unconnected UDP socket is "closed" there. */
const STATES: Readonly<Record<string, Socket['state']>> = { 'tcp 0A': 'listening', 'tcp 01': 'connected', 'udp 07': 'listening' };

const MOST = 4096;

/** Inodes of the sockets that a process has open. */
export function socketsOf(proc: string, pid: number): ReadonlySet<number> {
  const folder = `${proc}/${pid}/fd`;
  try {
    return new Set(
      readdirSync(folder)
        .slice(0, MOST)
        .flatMap((fd) => {
          try {
            return Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? Number.NaN) || [];
          } catch {
            return []; // Closed in this moment.
          }
        }),
    );
  } catch {
    return new Set(); // Gone in this moment.
  }
}
