/**
 * The files a process sees, as the access model wants them: read through root of its folder in the node's /proc, never following a symlink, with ids in the numbers of
 * the process's own user namespace.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, type Stats } from 'node:fs';
import { decodeAcl } from '../../../linux/acl.ts';
import { decodeFileCapabilities } from '../../../linux/capability.ts';
import type { IdMapping } from '../../../linux/credentials.ts';
import type { FileNode, FileTree } from '../../../linux/decision.ts';
import { childPath, components, isWithin, parentPath } from '../../../linux/file-path.ts';
import type { FileType, Inode } from '../../../linux/inode.ts';
import { openInside } from '../../checks/inside.ts';

/** What shows for an id that a user namespace has no number for (kernel.overflowuid). */
const OVERFLOW = 65534;
const MAX_LINKS = 40;

export interface LiveTree extends FileTree {
  /** Every path that was looked at. */
  seen(): readonly string[];
}

/** A process's id mapping, machine ids as the outer ones; empty = the machine's own user namespace. */
export function mappingOf(folder: string, kind: 'uid_map' | 'gid_map'): readonly IdMapping[] {
  const lines = readFileSync(`${folder}/${kind}`, 'utf8').trim().split('\n');
  const mappings = lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([container = 0, host = 0, size = 0]) => ({ container, host, size }));
  const [first] = mappings;
  const same = mappings.length === 1 && first?.container === 0 && first.host === 0 && first.size === 4294967295;
  return same ? [] : mappings;
}

/** Undefined: the namespace has no number for it. */
export function insideId(id: number, mappings: readonly IdMapping[]): number | undefined {
  if (mappings.length === 0) return id;
  const mapping = mappings.find(({ host, size }) => id >= host && id < host + size);
  return mapping === undefined ? undefined : id - mapping.host + mapping.container;
}

/** The tree of the process with this folder in /proc. Attributes are read in one go: pass the paths of a first walk. */
export function liveTree(folder: string, attributesOf: readonly string[] = []): LiveTree {
  const root = `${folder}/root`;
  const uids = mappingOf(folder, 'uid_map');
  const gids = mappingOf(folder, 'gid_map');
  const mounts = mountsOf(folder);
  const attributes = readAttributes(root, attributesOf);
  const nodes = new Map<string, FileNode | undefined>();
  const read = (path: string): FileNode | undefined => {
    // Never out of the node, whatever link is put on the way at this moment.
    const found = openInside(root, path, false);
    if (found === undefined) return undefined;
    found.close();
    const { stat: stats } = found;
    const uid = insideId(stats.uid, uids);
    const gid = insideId(stats.gid, gids);
    const type = typeOf(stats);
    const inode: Inode = {
      type,
      uid: uid ?? OVERFLOW,
      gid: gid ?? OVERFLOW,
      mode: stats.mode & 0o7777,
      ...(uid === undefined || gid === undefined ? { unmapped: { uid: uid === undefined, gid: gid === undefined } } : {}),
      ...attributes.get(path),
    };
    const mount = mounts.findLast(({ target }) => isWithin(path, target));
    return {
      inode,
      ...(type === 'symlink' ? { target: readlinkSync(root + path) } : {}),
      ...(mount === undefined ? {} : { mount: mount.target, ...mount.flags }),
    };
  };
  return {
    lookup(path) {
      if (!nodes.has(path)) nodes.set(path, read(path));
      return nodes.get(path);
    },
    seen: () => [...nodes.keys()],
  };
}

/** Where a path leads, symlinks followed inside the tree; undefined = nowhere. */
export function followIn(tree: FileTree, path: string): string | undefined {
  let at = '/';
  let rest = components(path);
  for (let links = 0; rest.length > 0; ) {
    const [name = '', ...more] = rest;
    rest = more;
    if (name === '.') continue;
    const next = name === '..' ? parentPath(at) : childPath(at, name);
    const node = tree.lookup(next);
    if (typeof node !== 'object') return undefined;
    if (node.target === undefined) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    if (node.target.startsWith('/')) at = '/';
    rest = [...components(node.target), ...rest];
  }
  return at;
}

function typeOf(stats: Stats): FileType {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'file';
}

interface Mount {
  readonly target: string;
  readonly flags: Pick<FileNode, 'readOnly' | 'noExec' | 'noSuid' | 'noDev'>;
}

/** proc_pid_mountinfo(5): the fifth field is the place, the sixth its flags, blanks and the like in octal. */
function mountsOf(folder: string): readonly Mount[] {
  return readFileSync(`${folder}/mountinfo`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , , target = '/', options = '']) => {
      const has = (flag: string): boolean => options.split(',').includes(flag);
      return {
        target: target.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        flags: {
          ...(has('ro') ? { readOnly: true } : {}),
          ...(has('noexec') ? { noExec: true } : {}),
          ...(has('nosuid') ? { noSuid: true } : {}),
          ...(has('nodev') ? { noDev: true } : {}),
        },
      };
    });
}

/** Access control lists and file capabilities through getfattr(1): Node has no getxattr. Without it there are none to see. */
function readAttributes(root: string, paths: readonly string[]): ReadonlyMap<string, Pick<Inode, 'acl' | 'fileCapabilities'>> {
  const found = new Map<string, Pick<Inode, 'acl' | 'fileCapabilities'>>();
  if (paths.length === 0) return found;
  const names = '^(security.capability|system.posix_acl_access)$';
  const run = spawnSync(
    'getfattr',
    ['-h', '-e', 'hex', '-m', names, '-d', '--absolute-names', '--', ...paths.map((path) => root + path)],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 20,
      timeout: 5000,
    },
  );
  let path = '';
  for (const line of (run.stdout ?? '').split('\n')) {
    const file = /^# file: (.*)$/.exec(line)?.[1];
    if (file !== undefined) path = file.slice(root.length);
    const [, name, hex] = /^([a-z_.]+)=0x([0-9a-f]*)$/.exec(line) ?? [];
    if (name === undefined || hex === undefined) continue;
    const bytes = Buffer.from(hex, 'hex');
    const before = found.get(path) ?? {};
    if (name === 'security.capability') {
      const fileCapabilities = decodeFileCapabilities(bytes);
      if (!('invalid' in fileCapabilities)) found.set(path, { ...before, fileCapabilities });
    } else {
      const acl = decodeAcl(bytes);
      if (!('invalid' in acl)) found.set(path, { ...before, acl });
    }
  }
  return found;
}
