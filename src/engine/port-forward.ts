/** Publishes ports of a network namespace on 127.0.0.1 without bridge, firewall rules or a program inside the image. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { UnrootError } from '../error.ts';

/**
 * Runs inside the network namespace and is handed each accepted connection. A server may listen on either loopback address.
 * It ends with the channel, so it cannot outlive us.
 */
const HELPER = `const net = require('node:net');
process.on('disconnect', () => process.exit(0));
const all = JSON.parse(process.argv[1]);
process.on('message', (port, socket) => {
  if (!socket) return;
  const dial = (hosts) => {
    const inner = net.connect({ port, host: hosts[0], allowHalfOpen: true });
    inner.once('error', () => (hosts.length > 1 ? dial(hosts.slice(1)) : socket.destroy()));
    inner.once('connect', () => {
      inner.removeAllListeners('error');
      const end = () => { inner.destroy(); socket.destroy(); };
      inner.on('error', end);
      socket.on('error', end);
      inner.on('end', () => socket.end());
      socket.on('end', () => inner.end());
      inner.on('data', (data) => socket.write(data) || (inner.pause(), socket.once('drain', () => inner.resume())));
      socket.on('data', (data) => inner.write(data) || (socket.pause(), inner.once('drain', () => socket.resume())));
      socket.resume();
    });
  };
  socket.on('error', () => {});
  dial(all);
});
process.send('ready');`;

export interface PortForward {
  /** Container port → the host port it got. */
  readonly at: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** Somebody inside a network namespace who is handed connections. */
export interface NetworkDoor {
  /** Connects it to the port inside; false = it was not taken, for the door is closed. The socket is paused, and somebody else's from then on. */
  hand(port: number, socket: Socket): boolean;
  close(): Promise<void>;
}

/** Into the network namespace of a process. `hosts`: where the program is looked for there, one after the other. */
export async function networkDoor(pid: number, hosts: readonly string[] = ['127.0.0.1', '::1']): Promise<NetworkDoor> {
  const helper = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, '--', process.execPath, '-e', HELPER, JSON.stringify(hosts)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  });
  const close = async (): Promise<void> => {
    if (helper.exitCode !== null || helper.signalCode !== null || helper.pid === undefined) return;
    const gone = new Promise((resolve) => helper.once('exit', resolve));
    helper.kill('SIGKILL');
    await gone;
  };
  try {
    await ready(helper);
  } catch (error) {
    await close();
    throw error;
  }
  // Node must be able to end although the helper is there.
  helper.unref();
  helper.channel?.unref();
  return {
    close,
    hand(port, socket) {
      if (!helper.connected) return false;
      helper.send(port, socket);
      return true;
    },
  };
}

/**
 * Container port → host port, 0 = whichever is free. `hosts`: where the program is looked for inside, one after the other. Throws
 * `engine.port-in-use` when a host port is taken.
 */
export async function forwardPorts(
  pid: number,
  ports: ReadonlyMap<number, number>,
  hosts?: readonly string[],
): Promise<PortForward> {
  const door = await networkDoor(pid, hosts);
  const servers: Server[] = [];
  const at = new Map<number, number>();
  // Not waited for: close() would wait for connections that a client keeps alive; they end with the helper.
  const close = async (): Promise<void> => {
    for (const server of servers.splice(0)) server.close();
    await door.close();
  };
  try {
    for (const [inner, outer] of ports) {
      const server = await listen(door, inner, outer);
      servers.push(server);
      const given = server.address();
      at.set(inner, typeof given === 'object' && given !== null ? given.port : outer);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { at, close };
}

function ready(helper: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(
        new UnrootError('Cannot enter the network namespace of the container to publish its ports', {
          code: 'engine.no-network-access',
          cause,
          hint: 'Needs nsenter (util-linux) and the right to enter the namespace: run as root, or do not publish ports.',
        }),
      );
    helper.once('message', () => resolve());
    helper.once('error', fail);
    helper.once('exit', fail);
  });
}

function listen(door: NetworkDoor, inner: number, outer: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    if (!door.hand(inner, socket)) socket.destroy();
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new UnrootError(
          `Cannot publish port ${inner} on 127.0.0.1:${outer}: ${cause.code === 'EADDRINUSE' ? 'the port is already taken' : cause.message}`,
          {
            code: cause.code === 'EADDRINUSE' ? 'engine.port-in-use' : 'engine.port-refused',
            cause,
            hint: 'Publish it on another port.',
          },
        ),
      ),
    );
    server.listen(outer, '127.0.0.1', () => resolve(server));
  });
}
