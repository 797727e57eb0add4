/** Runs perform.c: builds trees, becomes somebody, performs operations, and brings back each errno and the resulting tree. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeAcl } from '../../src/linux/acl.ts';
import {
  CAPABILITIES,
  type CapabilitySet,
  type CapabilityState,
  capabilitiesFromMask,
  capabilityMask,
  decodeFileCapabilities,
} from '../../src/linux/capability.ts';
import type { Credentials } from '../../src/linux/credentials.ts';
import type { FileNode, KernelFacts } from '../../src/linux/decision.ts';
import type { AclEntry, FileType } from '../../src/linux/inode.ts';
import type { Operation } from '../../src/linux/operation.ts';

const PERFORMER: string = fileURLToPath(new URL('./perform.c', import.meta.url));
/** A program that ends at once: what scenarios execute. */
const PROGRAM: string = fileURLToPath(new URL('./program.c', import.meta.url));
const CACHE: string = fileURLToPath(new URL('../../.cache/reality/', import.meta.url));

/** What is missing to run these tests here; undefined = nothing. */
export function missingHere(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root: run the tests with sudo';
  if (spawnSync('gcc', ['--version']).status !== 0) return 'needs a C compiler: apt-get install -y gcc libc6-dev';
  return undefined;
}

/** Compiled once per content; several test files may do so at the same time. */
function compiled(source: string, ...options: readonly string[]): string {
  const program = join(
    CACHE,
    createHash('sha256').update(readFileSync(source)).update(options.join(' ')).digest('hex').slice(0, 16),
  );
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const run = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', ...options, '-o', unfinished, source], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`gcc ${source}: ${run.stderr}`);
  renameSync(unfinished, program);
  return program;
}

/** Capabilities this very process may hand out. */
export function availableCapabilities(): CapabilitySet {
  const mask = /^CapPrm:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  return capabilitiesFromMask(BigInt(`0x${mask}`));
}

export function factsHere(): KernelFacts {
  const read = (name: string) => readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  const [low, high] = read('net/ipv4/ping_group_range').split(/\s+/).map(Number);
  return {
    unprivilegedPortStart: Number(read('net/ipv4/ip_unprivileged_port_start')),
    pingGroupRange: [low!, high!],
    protectedRegular: Number(read('fs/protected_regular')),
    protectedFifos: Number(read('fs/protected_fifos')),
    protectedHardlinks: Number(read('fs/protected_hardlinks')),
    protectedSymlinks: Number(read('fs/protected_symlinks')),
  };
}

/** Becomes `who`: exactly these ids, groups and five sets. */
export function asLine(who: Credentials, umask: number): string {
  const { bounding, permitted, effective, inheritable, ambient } = who.capabilities;
  const hex = (set: CapabilitySet) => capabilityMask(set).toString(16).padStart(16, '0');
  const numbers = (set: CapabilitySet) => set.map((name) => CAPABILITIES.indexOf(name)).join(',');
  const dropped = availableCapabilities().filter((name) => !bounding.includes(name));
  return [
    'as',
    who.uid,
    who.gid,
    who.groups.join(','),
    hex(effective),
    umask.toString(8),
    hex(inheritable),
    numbers(ambient),
    numbers(dropped),
    who.noNewPrivileges ? 1 : 0,
    hex(permitted),
    who.realUid ?? who.uid,
    who.savedUid ?? who.uid,
    who.realGid ?? who.gid,
    who.savedGid ?? who.gid,
  ].join('\t');
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
/** Two names of one number on Linux. */
const PREFERRED: Readonly<Record<string, string>> = { ENOTSUP: 'EOPNOTSUPP', EWOULDBLOCK: 'EAGAIN' };

export interface Performed {
  /** `OK` or the errno's name, one per `do` line. */
  readonly results: readonly string[];
  /** One per `dump` line. */
  readonly trees: readonly ReadonlyMap<string, FileNode>[];
  /** One per `do status` line; undefined where the program did not run. */
  readonly statuses: readonly (Status | undefined)[];
}

/** What a process says of itself in /proc/self/status: real, effective, saved and file system ids, and its five sets. */
export interface Status extends CapabilityState {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
}

export function perform(lines: readonly string[]): Performed {
  return understood(run([], lines), lines);
}

/**
 * Carries out blocks of lines, each by a process of its own in a root directory of its own (a `root` line makes it), all of them in network,
 * host name and mount namespaces that nobody else sees.
 */
export function performScenarios(blocks: readonly (readonly string[])[]): Performed[] {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-reality-'));
  try {
    const program = compiled(PROGRAM, '-nostdlib', '-static', '-s', '-Wl,--build-id=none', '-Wl,-n');
    const output = run(
      ['scenarios', folder, program],
      blocks.flatMap((lines) => [...lines, 'end']),
    ).split(/^end\t/m);
    const tail = output.pop();
    const codes = [...output.slice(1).map((part) => Number.parseInt(part, 10)), Number(tail)];
    return blocks.map((lines, index) => {
      if (codes[index] !== 0) throw new Error(`scenario ${index} ended with ${codes[index]}\n${lines.join('\n')}`);
      return understood(output[index]!.replace(/^[0-9]+\n/, ''), lines);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(options: readonly string[], lines: readonly string[]): string {
  const input = `${lines.join('\n')}\n`;
  const { status, stdout, stderr } = spawnSync(compiled(PERFORMER), options, { input, encoding: 'utf8', maxBuffer: 1 << 30 });
  if (status !== 0 || stderr !== '') {
    throw new Error(`perform.c: ${status} ${stderr}${lines.length > 500 ? '' : `\n${lines.join('\n')}`}`);
  }
  return stdout;
}

function understood(output: string, lines: readonly string[]): Performed {
  const results: string[] = [];
  const trees: Map<string, FileNode>[] = [];
  const statuses: (Status | undefined)[] = [];
  let status: string[] = [];
  const roots = lines.filter((line) => line.startsWith('dump\t')).map((line) => line.split('\t')[1]!);
  for (const line of output.split('\n')) {
    const [what, ...rest] = line.split('\t');
    if (what === 'did') {
      const name = NAMES.get(Number(rest[0])) ?? rest[0]!;
      results.push(rest[0] === '0' ? 'OK' : (PREFERRED[name] ?? name));
      statuses.push(status.length === 0 ? undefined : statusOf(status));
      status = [];
    } else if (what === 'entry') {
      if (rest[0] === roots[trees.length]) trees.push(new Map());
      trees.at(-1)!.set(rest[0]!, nodeOf(rest));
    } else if (line !== '') status.push(line);
  }
  return { results, trees, statuses };
}

function statusOf(lines: readonly string[]): Status {
  const field = (name: string) =>
    lines
      .find((line) => line.startsWith(`${name}:`))!
      .slice(name.length + 1)
      .trim();
  const ids = (name: string) => field(name).split(/\s+/).map(Number);
  const set = (name: string) => capabilitiesFromMask(BigInt(`0x${field(name)}`));
  return {
    uids: ids('Uid'),
    gids: ids('Gid'),
    bounding: set('CapBnd'),
    permitted: set('CapPrm'),
    effective: set('CapEff'),
    inheritable: set('CapInh'),
    ambient: set('CapAmb'),
  };
}

/** A list, not an object: Biome 2.6 rewrites octal keys of objects to wrong numbers. */
const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o010000, 'fifo'],
  [0o020000, 'character-device'],
  [0o040000, 'directory'],
  [0o060000, 'block-device'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o140000, 'socket'],
]);

function nodeOf(fields: readonly string[]): FileNode {
  const [, mode, uid, gid, target, acl, defaultAcl, capability] = fields;
  const type = TYPES.get(Number(mode) & 0o170000)!;
  const inode = {
    type,
    uid: Number(uid),
    gid: Number(gid),
    mode: Number(mode) & 0o7777,
    ...(acl === '' ? {} : { acl: decodeAcl(Buffer.from(acl!, 'hex')) as readonly AclEntry[] }),
    ...(defaultAcl === '' ? {} : { defaultAcl: decodeAcl(Buffer.from(defaultAcl!, 'hex')) as readonly AclEntry[] }),
    ...(capability === '' ? {} : { fileCapabilities: fileCapabilities(capability!) }),
  };
  return type === 'symlink' ? { inode, target: target! } : { inode };
}

function fileCapabilities(hex: string): Exclude<ReturnType<typeof decodeFileCapabilities>, { invalid: string }> {
  const decoded = decodeFileCapabilities(Buffer.from(hex, 'hex'));
  if ('invalid' in decoded) throw new Error(decoded.invalid);
  return decoded;
}

const FORMATS: Readonly<Record<string, number>> = {
  file: 0o100000,
  fifo: 0o010000,
  socket: 0o140000,
  'character-device': 0o020000,
  'block-device': 0o060000,
};
/** /dev/null: opening it needs no hardware. */
const NULL_DEVICE = 0x103;

/** Capabilities that give nothing, and the list the file has anyway: what is asked about is the permission to set them. */
const ATTRIBUTE_VALUES: Readonly<Record<string, string>> = {
  'security.capability': '0000000200000000000000000000000000000000',
  'system.posix_acl_access': 'same',
};
const UNSHARE_FLAGS: Readonly<Record<string, number>> = {
  CLONE_FILES: 0x400,
  CLONE_FS: 0x200,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWUTS: 0x04000000,
  CLONE_NEWUSER: 0x10000000,
};
const SIGNALS: Readonly<Record<string, number>> = { SIGTERM: 15, SIGCONT: 18 };

/** The line that performs an operation. A kill's `pid` is the number of a `target` line, from 0. */
export function doLine(operation: Operation): string {
  return ['do', ...fieldsOf(operation)].join('\t');
}

/** The same as root, while the tree is built. */
export function buildLine(operation: Operation): string {
  return ['build', ...fieldsOf(operation)].join('\t');
}

function fieldsOf(operation: Operation): readonly (string | number)[] {
  const flag = (value: boolean | undefined) => (value === true ? 1 : 0);
  switch (operation.kind) {
    case 'open': {
      const access = { read: 'r', write: 'w', 'read-write': 'b', path: 'p' }[operation.access];
      const letters = [
        access,
        operation.create === true ? 'c' : '',
        operation.exclusive === true ? 'x' : '',
        operation.truncate === true ? 't' : '',
        operation.directory === true ? 'd' : '',
        operation.noFollow === true ? 'n' : '',
        operation.tmpfile === true ? 'T' : '',
        operation.append === true ? 'a' : '',
      ];
      return ['open', operation.path, letters.join(''), operation.mode ?? 0o666];
    }
    case 'stat':
      return ['stat', operation.path, flag(operation.noFollow)];
    case 'access':
      return ['access', operation.path, operation.want];
    case 'mkdir':
      return ['mkdir', operation.path, operation.mode ?? 0o777];
    case 'rename':
    case 'link':
      return [operation.kind, operation.path, operation.to];
    case 'symlink':
      return ['symlink', operation.path, operation.target];
    case 'mknod': {
      const device = operation.type.endsWith('device') ? NULL_DEVICE : 0;
      return ['mknod', operation.path, FORMATS[operation.type]! | (operation.mode ?? 0o666), device];
    }
    case 'chmod':
      return ['chmod', operation.path, operation.mode, flag(operation.noFollow)];
    case 'chown':
      return ['chown', operation.path, operation.uid, operation.gid, flag(operation.noFollow)];
    case 'utimes':
      return ['utimes', operation.path, flag(operation.now), flag(operation.noFollow)];
    case 'setxattr':
      return ['setxattr', operation.path, operation.name, ATTRIBUTE_VALUES[operation.name] ?? '78'];
    case 'bind':
      return ['bind', operation.protocol, operation.port, operation.address];
    case 'socket':
      return ['socket', operation.type, operation.family];
    case 'setuid':
    case 'setgid':
      return [operation.call, ...operation.ids];
    case 'setgroups':
      return ['setgroups', ...operation.groups];
    case 'mount':
      return ['mount', operation.path];
    case 'priority':
      return ['priority', operation.lowers ? -5 : 19];
    case 'rlimit':
      return ['rlimit', flag(operation.raises)];
    case 'setsockopt':
      return ['setsockopt', operation.name];
    case 'setns':
    case 'sethostname':
    case 'bounding-drop':
      return [operation.kind];
    case 'unshare':
      return ['unshare', operation.flags.reduce((all, name) => all | UNSHARE_FLAGS[name]!, 0)];
    case 'kill':
      return ['kill', operation.pid, SIGNALS[operation.signal] ?? 0];
    case 'exec':
    case 'chdir':
    case 'readlink':
    case 'rmdir':
    case 'unlink':
    case 'truncate':
    case 'bind-unix':
    case 'connect-unix':
    case 'chroot':
      return [operation.kind, operation.path];
    default:
      throw new Error(`perform.c cannot ${operation.kind}`);
  }
}
