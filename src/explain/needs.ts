/** What an operation asks of the end of its path, and of the folder that holds it: for showing the way, never for deciding. */
import type { Operation } from '../linux/operation.ts';

export interface Needs {
  readonly path: string;
  readonly part: 'path' | 'to' | 'interpreter';
  /** A symlink at the end is followed. */
  readonly follow: boolean;
  /** rwx as 4, 2, 1 on what is there; `owner` = only its owner may. */
  readonly end: number | 'owner';
  /** On the folder, besides passing through. */
  readonly folder: number;
  /** The sticky bit of the folder counts. */
  readonly removes?: boolean;
}

const READ = 4;
const WRITE = 2;
const EXECUTE = 1;

/** One entry per path; none for operations without. */
export function needsOf(operation: Operation): readonly Needs[] {
  const at = (end: number | 'owner', more: Partial<Needs> = {}): Needs[] =>
    'path' in operation ? [{ path: operation.path, part: 'path', follow: true, folder: 0, end, ...more }] : [];
  const entry = (more: Partial<Needs> = {}): Needs[] => at(0, { follow: false, folder: WRITE | EXECUTE, ...more });
  switch (operation.kind) {
    case 'open': {
      if (operation.tmpfile === true) return at(WRITE | EXECUTE);
      if (operation.create === true && operation.exclusive === true) return entry();
      if (operation.access === 'path') return at(0);
      const want = { read: READ, write: WRITE, 'read-write': READ | WRITE }[operation.access];
      return at(want | (operation.truncate === true ? WRITE : 0), { follow: operation.noFollow !== true });
    }
    case 'exec':
      return at(EXECUTE);
    case 'chdir':
    case 'chroot':
      return at(EXECUTE);
    case 'access':
      return at(operation.want);
    case 'stat':
      return at(0, { follow: operation.noFollow !== true });
    case 'readlink':
      return at(0, { follow: false });
    case 'mkdir':
    case 'symlink':
    case 'mknod':
    case 'bind-unix':
      return entry();
    case 'rmdir':
    case 'unlink':
      return entry({ removes: true });
    case 'rename':
      return [...entry({ removes: true }), ...entry({ path: operation.to, part: 'to', removes: true })];
    case 'link':
      return [...at('owner', { follow: false }), ...entry({ path: operation.to, part: 'to' })];
    case 'chmod':
    case 'chown':
    case 'utimes':
      return at('owner', { follow: operation.noFollow !== true });
    case 'setxattr':
      return at(/^security\./.test(operation.name) ? 0 : 'owner');
    case 'truncate':
    case 'connect-unix':
      return at(WRITE);
    default:
      return [];
  }
}
