/** Calls on sockets and copies of descriptors. */
import { type Call, type CallContext, done, flagsOf, type Handler, number } from './strace-call.ts';
import { readDescriptor, readString } from './strace-line.ts';
import { own } from './strace-process.ts';

const MAX_SOCKETS = 50_000;
/** With -y the inode names a socket across processes; without, its number does within one. */
function socketKey(c: CallContext, arg: string | undefined): string {
  const descriptor = readDescriptor(arg);
  return descriptor?.target?.startsWith('socket:') ? descriptor.target : `${c.process.group.pid}/${descriptor?.fd ?? ''}`;
}
const socket: Handler = (call, c) => {
  const family = call.args[0] ?? '';
  const types = flagsOf(call.args[1]);
  const protocol = call.args[2] ?? '';
  if (done(call) && /^(?:AF|PF)_INET6?$/.test(family)) {
    if (c.sockets.size >= MAX_SOCKETS) c.sockets.delete(c.sockets.keys().next().value!);
    const key = call.returned?.startsWith('socket:') ? call.returned : `${c.process.group.pid}/${call.value}`;
    c.sockets.set(own(key), { protocol: types.includes('SOCK_DGRAM') ? 'udp' : 'tcp', bound: -1 });
  }
  if (/_PACKET$/.test(family)) return { operation: { kind: 'socket', type: 'packet', family: 'packet' } };
  if (!/_INET6?$/.test(family)) return undefined;
  const inet = family.endsWith('6') ? 'inet6' : 'inet';
  if (types.includes('SOCK_RAW')) return { operation: { kind: 'socket', type: 'raw', family: inet } };
  if (types.includes('SOCK_DGRAM') && /ICMP/.test(protocol)) return { operation: { kind: 'socket', type: 'ping', family: inet } };
  return undefined;
};
const address = (call: Call, c: CallContext): { path: string } | { port: number; address: string } | undefined => {
  const text = call.args[1] ?? '';
  const unix = /^\{sa_family=(?:AF|PF)_UNIX, sun_path=(@?)(".*?(?<!\\)(?:\\\\)*")/s.exec(text);
  if (unix !== null) {
    const name = readString(unix[2])?.text ?? '';
    // An abstract name is no file; shown with @ as ss(8) does.
    if (unix[1] === '@') return { path: `@${name}` };
    const located = c.paths.path(c.process, undefined, unix[2]);
    return located === undefined ? undefined : { path: located.path };
  }
  const port = /sin6?_port=htons\((\d+)\)/.exec(text)?.[1];
  if (port === undefined) return undefined;
  const host =
    /sin_addr=inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"|sin_addr=htonl\((INADDR_ANY|INADDR_LOOPBACK)\)/.exec(text);
  const named = host?.[3] === undefined ? undefined : host[3] === 'INADDR_ANY' ? '0.0.0.0' : '127.0.0.1';
  return { port: Number(port), address: host?.[1] ?? host?.[2] ?? named ?? (text.includes('AF_INET6') ? '::' : '0.0.0.0') };
};
const bind: Handler = (call, c) => {
  const to = address(call, c);
  if (to === undefined) return undefined;
  if ('path' in to) return { operation: { kind: 'bind-unix', path: to.path } };
  const known = c.sockets.get(socketKey(c, call.args[0]));
  return { operation: { kind: 'bind', protocol: known?.protocol ?? 'tcp', address: to.address, port: to.port } };
};
const connect: Handler = (call, c) => {
  const to = address(call, c);
  return to !== undefined && 'path' in to ? { operation: { kind: 'connect-unix', path: to.path } } : undefined;
};
/** Options that need CAP_NET_ADMIN or CAP_NET_RAW (net/core/sock.c, net/ipv4/ip_sockglue.c). */
const PRIVILEGED_OPTIONS: ReadonlySet<string> = new Set([
  'SO_DEBUG',
  'SO_MARK',
  'SO_BINDTODEVICE',
  'SO_RCVBUFFORCE',
  'SO_SNDBUFFORCE',
  'SO_BUSY_POLL_BUDGET',
  'SO_PREFER_BUSY_POLL',
  'IP_TRANSPARENT',
  'IPV6_TRANSPARENT',
  'TCP_REPAIR',
]);
const setsockopt: Handler = (call) => {
  const name = call.args[2] ?? '';
  const priority = name === 'SO_PRIORITY' ? number(/\[(-?\d+)\]/.exec(call.args[3] ?? '')?.[1]) : 0;
  const needed = PRIVILEGED_OPTIONS.has(name) || priority < 0 || priority > 6;
  return needed ? { operation: { kind: 'setsockopt', name } } : undefined;
};
/** Copies of a descriptor: only needed without -y, and for the standard three. */
const duplicate =
  (newAt: number): Handler =>
  (call, c) => {
    if (!done(call)) return undefined;
    const to = newAt < 0 ? call.value! : number(call.args[newAt]);
    const from = readDescriptor(call.args[0]);
    const target = call.returned ?? c.paths.target(from?.target);
    if (target !== undefined) {
      if (to < 3) c.process.files.set(to, own(target));
      return undefined;
    }
    const path = c.process.files.get(from?.fd ?? -1);
    if (path !== undefined) c.process.files.set(to, path);
    const known = c.sockets.get(`${c.process.group.pid}/${from?.fd ?? ''}`);
    if (known !== undefined) c.sockets.set(`${c.process.group.pid}/${to}`, known);
    return undefined;
  };
const fcntl: Handler = (call, c) => (call.args[1]?.startsWith('F_DUPFD') ? duplicate(-1)(call, c) : undefined);
const close: Handler = (call, c) => {
  const fd = readDescriptor(call.args[0])?.fd;
  if (fd !== undefined && done(call)) c.process.files.delete(fd);
  return undefined;
};

/** Calls that make, name or tune sockets, and those that copy or close descriptors. */
export const SOCKET_CALLS: readonly (readonly [string, Handler])[] = [
  ['socket', socket],
  ['bind', bind],
  ['connect', connect],
  ['setsockopt', setsockopt],
  ['dup', duplicate(-1)],
  ['dup2', duplicate(1)],
  ['dup3', duplicate(1)],
  ['fcntl', fcntl],
  ['fcntl64', fcntl],
  ['close', close],
];

/** Binds and listens meet here: which event a socket's bind became. */
export function rememberBind(call: Call, c: CallContext, event: number): void {
  if (c.sockets.size >= MAX_SOCKETS) c.sockets.delete(c.sockets.keys().next().value!);
  const key = socketKey(c, call.args[0]);
  const known = c.sockets.get(key);
  c.sockets.set(own(key), { protocol: known?.protocol ?? 'tcp', bound: event });
}

/** The event of the bind that this listen(2) completes. */
export function boundBy(call: Call, c: CallContext): number | undefined {
  const bound = c.sockets.get(socketKey(c, call.args[0]))?.bound;
  return bound === undefined || bound < 0 ? undefined : bound;
}
