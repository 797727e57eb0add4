/** The ports of one container. In a network of its own they are the network's; in the host's, those that its processes hold. */
import { readdirSync, readlinkSync } from 'node:fs';
import type { ListeningSocket } from './engine.ts';
import { containerProcesses, namespaceOf, processState } from './proc.ts';
import { listeningSockets } from './sockets.ts';

/** `pid`: its main process. */
export function containerSockets(pid: number): readonly ListeningSocket[] {
  // What has ended holds nothing; its network may be somebody else's too.
  if (processState(pid) === 'Z') return [];
  const sockets = listeningSockets(pid);
  if (sockets.length === 0 || namespaceOf(pid, 'net') !== namespaceOf('self', 'net')) return sockets;
  return heldSockets(pid, sockets);
}

/** In a network that containers share: those that its own processes hold. */
export function heldSockets(pid: number, sockets: readonly ListeningSocket[]): readonly ListeningSocket[] {
  const held = new Set(containerProcesses(pid).flatMap((process) => inodesHeld(process.pid)));
  return sockets.filter(({ inode }) => held.has(inode));
}

/** proc_pid_fd(5): `socket:[12345]`. Nothing of a process that is gone. */
function inodesHeld(pid: number): readonly number[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${name}`))?.[1];
      return inode === undefined ? [] : [Number(inode)];
    });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
