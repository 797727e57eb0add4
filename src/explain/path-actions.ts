/** What can be done to a path, by the word of `--to`. */
import type { FileNode } from '../linux/decision.ts';
import { childPath } from '../linux/file-path.ts';
import type { Operation } from '../linux/operation.ts';
import type { Names } from './names.ts';

/** What an action may look at to become an operation. */
export interface Scene {
  readonly cwd: string;
  /** Uid of the container's first process. */
  readonly uid: number;
  readonly names: Names;
  /** What is at the end of the path, a last symlink followed or not; undefined = nothing. */
  at(path: string, follow: boolean): FileNode | 'unknown' | undefined;
}

export interface PathAction {
  /** `read`, `rename=TO`, `chmod[=MODE]`. */
  readonly usage: string;
  /** undefined = the value makes no sense. */
  readonly make: (path: string, value: string, scene: Scene) => Operation | undefined;
}

/** As the process sees it: relative ones begin in the working directory. */
export const absolute = (path: string, cwd: string): string => (path.startsWith('/') ? path : childPath(cwd, path));

const plain = (usage: string, make: (path: string) => Operation): PathAction => ({ usage, make });

const ENTER = plain('enter', (path) => ({ kind: 'chdir', path }));

export const PATH_ACTIONS: Readonly<Record<string, PathAction>> = {
  read: plain('read', (path) => ({ kind: 'open', path, access: 'read' })),
  write: plain('write', (path) => ({ kind: 'open', path, access: 'write' })),
  append: plain('append', (path) => ({ kind: 'open', path, access: 'write', append: true })),
  truncate: plain('truncate', (path) => ({ kind: 'truncate', path })),
  create: plain('create', (path) => ({ kind: 'open', path, access: 'write', create: true, exclusive: true })),
  delete: {
    usage: 'delete',
    make: (path, _value, scene) => ({ kind: isDirectory(scene.at(path, false)) ? 'rmdir' : 'unlink', path }),
  },
  list: plain('list', (path) => ({ kind: 'open', path, access: 'read', directory: true })),
  enter: ENTER,
  search: { ...ENTER, usage: 'search' },
  execute: plain('execute', (path) => ({ kind: 'exec', path })),
  mkdir: plain('mkdir', (path) => ({ kind: 'mkdir', path })),
  rmdir: plain('rmdir', (path) => ({ kind: 'rmdir', path })),
  rename: { usage: 'rename=TO', make: (path, value, { cwd }) => ({ kind: 'rename', path, to: absolute(value, cwd) }) },
  link: { usage: 'link=TO', make: (path, value, { cwd }) => ({ kind: 'link', path, to: absolute(value, cwd) }) },
  symlink: { usage: 'symlink[=TARGET]', make: (path, target) => ({ kind: 'symlink', path, target }) },
  chmod: {
    usage: 'chmod[=MODE]',
    make: (path, value) =>
      /^[0-7]{0,5}$/.test(value) ? { kind: 'chmod', path, mode: Number.parseInt(value || '0', 8) } : undefined,
  },
  chown: { usage: 'chown=UID[:GID]', make: chown },
  touch: plain('touch', (path) => ({ kind: 'utimes', path, now: true })),
  utimes: plain('utimes', (path) => ({ kind: 'utimes', path, now: false })),
  setxattr: { usage: 'setxattr=NAME', make: (path, name) => ({ kind: 'setxattr', path, name }) },
  stat: plain('stat', (path) => ({ kind: 'stat', path })),
  readlink: plain('readlink', (path) => ({ kind: 'readlink', path })),
  connect: plain('connect', (path) => ({ kind: 'connect-unix', path })),
  listen: plain('listen', (path) => ({ kind: 'bind-unix', path })),
};

const isDirectory = (node: FileNode | 'unknown' | undefined): boolean =>
  typeof node === 'object' && node.inode.type === 'directory';

/** `33`, `33:33`, `:33`, `www-data:www-data`; what is left out stays. */
function chown(path: string, value: string, { names }: Scene): Operation | undefined {
  const [user = '', group = '', ...more] = value.split(':');
  const uid = user === '' ? -1 : names.uidOf(user);
  const gid = group === '' ? -1 : names.gidOf(group);
  if (uid === undefined || gid === undefined || more.length > 0) return undefined;
  return { kind: 'chown', path, uid, gid };
}
