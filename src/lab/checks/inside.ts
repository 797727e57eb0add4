/**
 * Files of a root that somebody else rules, read from outside: each component is opened by itself, links are followed by us and only within
 * that root, so that no link leads to a file of the machine and no swap in between is followed (openat2(2) RESOLVE_IN_ROOT, by hand).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { O_PATH } from '../node.ts';

const MAX_LINKS = 40;
/** Bytes of a file that are read. */
const MAX_BYTES = 1 << 20;

/** What is at the path. `close` it. */
export interface Inside {
  readonly stat: Stats;
  /** A path of the machine that leads to this very file, whatever is put in its place. */
  readonly path: string;
  /** Where it is in that root, links resolved. */
  readonly resolved: string;
  close(): void;
}

/** Opens it; undefined when it is not there. `follow`: also when the last component is a link. */
export function openInside(root: string, path: string, follow: boolean = true): Inside | undefined {
  const stack: { readonly fd: number; readonly name: string }[] = [];
  const base = openSync(root, O_PATH | constants.O_DIRECTORY);
  const top = (): number => stack.at(-1)?.fd ?? base;
  const closeAll = (): void => {
    for (const { fd } of stack.splice(0)) closeSync(fd);
  };
  const at = (fd: number): string => `/proc/${process.pid}/fd/${fd}`;
  const todo = path.split('/').filter(Boolean);
  let links = 0;
  try {
    while (todo.length > 0) {
      const name = todo.shift()!;
      if (name === '.') continue;
      if (name === '..') {
        const last = stack.pop();
        if (last !== undefined) closeSync(last.fd);
        continue;
      }
      let fd: number;
      try {
        fd = openSync(`${at(top())}/${name}`, O_PATH | constants.O_NOFOLLOW);
      } catch (error) {
        if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EACCES', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) {
          closeAll();
          closeSync(base);
          return undefined;
        }
        throw error;
      }
      if (fstatSync(fd).isSymbolicLink() && (follow || todo.length > 0)) {
        closeSync(fd);
        links += 1;
        // The text of the link, not where a magic link of /proc leads.
        const text = links > MAX_LINKS ? '' : readlinkSync(`${at(top())}/${name}`);
        if (text === '' || /^\w+:\[\d+\]$/.test(text)) {
          closeAll();
          closeSync(base);
          return undefined;
        }
        if (text.startsWith('/')) closeAll();
        todo.unshift(...text.split('/').filter(Boolean));
        continue;
      }
      stack.push({ fd, name });
    }
    const fd = top();
    return {
      stat: fstatSync(fd),
      path: at(fd),
      resolved: `/${stack.map(({ name }) => name).join('/')}`,
      close() {
        closeAll();
        closeSync(base);
      },
    };
  } catch (error) {
    closeAll();
    closeSync(base);
    throw error;
  }
}

/** Its text, bounded; undefined when it is not there or no regular file. */
export function readInside(root: string, path: string): string | undefined {
  const found = openInside(root, path);
  try {
    if (found === undefined || !found.stat.isFile() || found.stat.size > MAX_BYTES) return undefined;
    return readFileSync(found.path, 'utf8');
  } finally {
    found?.close();
  }
}
