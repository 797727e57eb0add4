/** What every runtime puts into /dev (OCI runtime-spec config-linux.md, "Default Devices" and "Dev symbolic links"). */
import type { FileNode } from '../linux/decision.ts';

const device = (mode: number, gid = 0, mount = '/dev'): FileNode => ({
  inode: { type: 'character-device', uid: 0, gid, mode },
  mount,
  noExec: true,
  noSuid: true,
});
const link = (target: string): FileNode => ({ inode: { type: 'symlink', uid: 0, gid: 0, mode: 0o777 }, target, mount: '/dev' });

/** Names below /dev that are no mounts of their own. */
export const DEVICE_NODES: Readonly<Record<string, FileNode>> = {
  null: device(0o666),
  zero: device(0o666),
  full: device(0o666),
  random: device(0o666),
  urandom: device(0o666),
  tty: device(0o666),
  ptmx: link('pts/ptmx'),
  fd: link('/proc/self/fd'),
  stdin: link('/proc/self/fd/0'),
  stdout: link('/proc/self/fd/1'),
  stderr: link('/proc/self/fd/2'),
  core: link('/proc/kcore'),
};

/** /dev/pts: the multiplexer, and terminals of group tty (5). */
export function terminalNode(name: string): FileNode | undefined {
  if (name === 'ptmx') return device(0o666, 0, '/dev/pts');
  return /^\d+$/.test(name) ? device(0o620, 5, '/dev/pts') : undefined;
}
