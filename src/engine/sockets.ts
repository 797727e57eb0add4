/** The ports a network namespace answers on, read from /proc/PID/net: no program inside the image is needed. */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { ListeningSocket } from './engine.ts';

const FILES = [
  ['tcp', 'inet', 'tcp'],
  ['tcp6', 'inet6', 'tcp'],
  ['udp', 'inet', 'udp'],
  ['udp6', 'inet6', 'udp'],
] as const;

/** Listening TCP and bound, unconnected UDP sockets of the network namespace of a process, by port in each family. Empty when the process is gone. */
export function listeningSockets(pid: number): readonly ListeningSocket[] {
  return FILES.flatMap(([file, family, protocol]) => {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${file}`, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // No IPv6 in this kernel, or the process is gone.
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return [];
      throw error;
    }
    return [...parseSockets(text, family, protocol)].sort((a, b) => a.port - b.port);
  });
}

/** Format: proc_pid_net(5), kernel Documentation/networking/proc_net_tcp.rst. Exported for tests with recorded files. */
export function parseSockets(text: string, family: 'inet' | 'inet6', protocol: 'tcp' | 'udp'): readonly ListeningSocket[] {
  // TCP_LISTEN is 0A; an unconnected UDP socket shows as TCP_CLOSE, 07 (include/net/tcp_states.h).
  const wanted = protocol === 'tcp' ? '0A' : '07';
  return text
    .split('\n')
    .slice(1)
    .flatMap((line): ListeningSocket[] => {
      const fields = line.trim().split(/\s+/);
      const [address, port] = (fields[1] ?? '').split(':');
      if (fields[3] !== wanted || !address || !port) return [];
      const number = Number.parseInt(port, 16);
      if (number === 0) return [];
      return [{ protocol, family, address: socketAddress(address, family), port: number, inode: Number(fields[9] ?? 0) }];
    });
}

/** One end of it is here. */
export interface Connection {
  readonly localPort: number;
  readonly address: string;
  readonly port: number;
}

/** TCP connections, open or just over: seen from inside the network namespace of a process. Empty when it is gone. */
export function connections(pid: number): readonly Connection[] {
  return FILES.flatMap(([file, family, protocol]) => {
    if (protocol !== 'tcp') return [];
    try {
      return parseConnections(readFileSync(`/proc/${pid}/net/${file}`, 'utf8'), family);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return [];
      throw error;
    }
  });
}

/** TCP_ESTABLISHED, and what follows it until the end of TIME_WAIT (include/net/tcp_states.h). */
const CONNECTED = new Set(['01', '04', '05', '06', '08', '09', '0B']);

function parseConnections(text: string, family: 'inet' | 'inet6'): Connection[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address, port] = (fields[2] ?? '').split(':');
      if (!CONNECTED.has(fields[3] ?? '') || !address || !port) return [];
      // ::ffff:a.b.c.d is the IPv4 address, whose word stands last.
      const mapped = family === 'inet6' && /^0{16}(?:0000FFFF|FFFF0000)/i.test(address);
      const plain = mapped ? socketAddress(address.slice(24), 'inet') : socketAddress(address, family);
      const localPort = Number.parseInt((fields[1] ?? '').split(':')[1] ?? '', 16);
      return [{ localPort, address: plain, port: Number.parseInt(port, 16) }];
    });
}

/** The kernel prints each 32-bit word of the address as a number of the machine's own byte order. */
function socketAddress(hex: string, family: 'inet' | 'inet6'): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  return family === 'inet' ? [...bytes].join('.') : ipv6(bytes);
}

/** RFC 5952: lower case, the longest run of two or more zero groups shortened. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const plain = groups.join(':');
  const runs = plain.match(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return plain;
  const at = plain.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`));
  return `${plain.slice(0, at).replace(/:$/, '')}::${plain.slice(at + longest.length).replace(/^:/, '')}`;
}
