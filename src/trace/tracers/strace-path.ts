/** Turns the path arguments of a traced call into absolute paths of the container. */
import { type Descriptor, readDescriptor, readString } from './strace-line.ts';
import { own, type Process } from './strace-process.ts';

/** Drops `.`, doubled and trailing slashes. `..` stays: what it means depends on symlinks, and whoever looks the path up knows those. */
export function tidy(path: string): string {
  if (!path.includes('/.') && !path.includes('//') && (path === '/' || !path.endsWith('/'))) return path;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return `/${parts.join('/')}`;
}

/** `relative` under `base`, which is free of symlinks (the kernel says so): leading `..` can therefore be taken off the base. */
export function join(base: string, relative: string): string {
  const parts = relative.split('/').filter((part) => part !== '' && part !== '.');
  const above = base.split('/').filter((part) => part !== '');
  while (parts[0] === '..') {
    parts.shift();
    above.pop();
  }
  return `/${[...above, ...parts].join('/')}`;
}

/** A path and, when known, the object that it leads to. */
export interface Located {
  readonly path: string;
  readonly resolved?: string;
}

/** Where arguments are read; `rootPrefix` is the container's root as strace sees it, when that is not `/`. */
export interface PathReader {
  /** The path in `arg`, seen from the descriptor in `at` (undefined = the working directory). */
  path(process: Process, at: string | undefined, arg: string | undefined): Located | undefined;
  /** The object behind a descriptor argument. */
  file(process: Process, arg: string | undefined): Located | undefined;
  /** What -y printed, as a path of the container (or `pipe:[7]`). */
  target(text: string | undefined): string | undefined;
  /** The base of a relative path, as far as it is known. */
  base(process: Process, at: string | undefined): string | undefined;
  /** From now on this is the container's root: a runtime without pivot_root has just called chroot. */
  setRootPrefix(prefix: string): void;
}

const OWN_DESCRIPTOR = /^\/(?:proc\/(?:self|thread-self|(\d+))\/fd\/|dev\/fd\/)(\d+)$/;
const STANDARD: Readonly<Record<string, number>> = { '/dev/stdin': 0, '/dev/stdout': 1, '/dev/stderr': 2 };

/** The descriptor that a path like `/dev/stdout` or `/proc/self/fd/2` stands for. */
export function descriptorOfPath(path: string, innerPid?: number): number | undefined {
  const standard = STANDARD[path];
  if (standard !== undefined) return standard;
  const match = OWN_DESCRIPTOR.exec(path);
  if (match === null) return undefined;
  if (match[1] !== undefined && Number(match[1]) !== innerPid) return undefined;
  return Number(match[2]);
}

export function createPathReader(rootPrefix = ''): PathReader {
  let prefix = rootPrefix === '/' ? '' : rootPrefix;
  const target = (text: string | undefined): string | undefined => {
    if (text === undefined || prefix === '') return text;
    if (text === prefix) return '/';
    return text.startsWith(`${prefix}/`) ? text.slice(prefix.length) : text;
  };
  const descriptorTarget = (process: Process, descriptor: Descriptor): string | undefined =>
    target(descriptor.target) ?? (descriptor.fd === undefined ? undefined : process.files.get(descriptor.fd));
  const base = (process: Process, at: string | undefined): string | undefined => {
    const descriptor = at === undefined ? undefined : readDescriptor(at);
    if (descriptor === undefined || descriptor.fd === undefined) {
      const seen = target(descriptor?.target);
      if (seen?.startsWith('/') && seen !== process.fs.cwd) process.fs.cwd = own(seen);
      return process.fs.cwd;
    }
    const directory = descriptorTarget(process, descriptor);
    return directory?.startsWith('/') ? directory : undefined;
  };
  return {
    target,
    base,
    setRootPrefix(newPrefix) {
      prefix = newPrefix === '/' ? '' : newPrefix;
    },
    path(process, at, arg) {
      const from = base(process, at);
      const string = readString(arg);
      if (string === undefined || string.text === '') return undefined;
      if (!string.text.startsWith('/')) return from === undefined ? undefined : { path: join(from, string.text) };
      const path = process.fs.root === '' ? tidy(string.text) : join(process.fs.root, string.text);
      const fd = descriptorOfPath(path, process.innerPid);
      const resolved = fd === undefined ? undefined : process.files.get(fd);
      return resolved === undefined ? { path } : { path, resolved };
    },
    file(process, arg) {
      const descriptor = readDescriptor(arg);
      if (descriptor?.fd === undefined) return undefined;
      const seen = descriptorTarget(process, descriptor);
      if (seen === undefined) return undefined;
      if (seen.startsWith('/') && !seen.startsWith('/memfd:')) return { path: seen };
      // A pipe or socket has no path of its own; this is how the process itself would name it.
      return { path: `/proc/self/fd/${descriptor.fd}`, resolved: seen };
    },
  };
}
