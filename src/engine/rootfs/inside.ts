/** Finds a path inside a root folder without ever following a symlink out of it. */
import { lstatSync, readlinkSync } from 'node:fs';

/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

/**
 * The path, relative to the root ('' = the root), that a process chrooted there would reach; what does not exist is taken as written.
 * Undefined for a loop. Nobody may change the tree meanwhile: use it before anything runs there.
 */
export function insidePath(root: string, path: string): string | undefined {
  const words = path.split('/').filter((word) => word !== '' && word !== '.');
  const done: string[] = [];
  let links = 0;
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === '..') {
      done.pop();
      continue;
    }
    const file = [root, ...done, word].join('/');
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) {
      if (++links > MAX_LINKS) return undefined;
      const target = readlinkSync(file);
      if (target.startsWith('/')) done.length = 0;
      words.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
    } else done.push(word);
  }
  return done.join('/');
}
