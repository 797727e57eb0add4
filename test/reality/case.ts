/** One comparison of model and kernel as plain data: a tree, a process, operations. Generators make them, fixtures keep them, both are judged here. */
import { decide, decideQuietly } from '../../src/linux/access.ts';
import { CAPABILITIES, type Capability, capabilitySet, encodeFileCapabilities } from '../../src/linux/capability.ts';
import type { Credentials } from '../../src/linux/credentials.ts';
import type { FileNode, FileTree, KernelFacts } from '../../src/linux/decision.ts';
import { isWithin, parentPath } from '../../src/linux/file-path.ts';
import type { AclEntry, FileType, Inode } from '../../src/linux/inode.ts';
import type { Operation } from '../../src/linux/operation.ts';
import { simulate } from '../../src/linux/simulate.ts';
import { asLine, availableCapabilities, doLine, factsHere, type Performed } from './performer.ts';

export type MountFlag = 'ro' | 'noexec' | 'nosuid' | 'nodev';

/** In the order in which it is made; what a tmpfs covers is gone for the process. */
export type TreeItem =
  | {
      readonly type: 'directory' | 'file' | 'program' | 'script' | 'fifo' | 'socket' | 'character-device' | 'symlink';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      readonly acl?: readonly AclEntry[];
      readonly defaultAcl?: readonly AclEntry[];
      /** Target of a symlink, interpreter of a script. */
      readonly to?: string;
      /** Effective bit and permitted set of a program. */
      readonly capabilities?: { readonly permitted: readonly Capability[]; readonly effective: boolean };
    }
  | { readonly type: 'hard-link'; readonly path: string; readonly to: string }
  | {
      readonly type: 'tmpfs';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      readonly flags: readonly MountFlag[];
    }
  | { readonly type: 'bind'; readonly path: string; readonly flags: readonly MountFlag[] };

/** As {@link Credentials}, with what was dropped from the bounding set instead of what is left. */
export interface CaseProcess extends Omit<Credentials, 'capabilities'> {
  readonly umask: number;
  readonly permitted: readonly Capability[];
  readonly effective: readonly Capability[];
  readonly inheritable: readonly Capability[];
  readonly ambient: readonly Capability[];
  readonly dropped: readonly Capability[];
}

export type IdRange = readonly [inside: number, outside: number, count: number];

export interface RealityCase {
  /** What the case shows, for those that are kept. */
  readonly title?: string;
  /** Where the root directory lives: the disk's file system, else a tmpfs. */
  readonly disk?: boolean;
  readonly portStart?: number;
  readonly pingGroups?: readonly [number, number];
  /** The process's ids are those inside, the tree's those outside. Each range: first inside, first outside, how many. */
  readonly userNamespace?: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] };
  readonly who: CaseProcess;
  readonly tree: readonly TreeItem[];
  /** Processes that can be sent signals: `pid` of a kill is the number here. */
  readonly targets?: readonly { readonly uid: number; readonly savedUid: number; readonly ownSession: boolean }[];
  readonly operations: readonly Operation[];
  /** Kernel facts that are the machine's and cannot be set for a test: a kept case names those it needs. */
  readonly facts?: Partial<KernelFacts>;
}

export function credentialsOf(who: CaseProcess, have: readonly Capability[] = availableCapabilities()): Credentials {
  const { umask: _, permitted, effective, inheritable, ambient, dropped, ...ids } = who;
  const own = (names: readonly Capability[]) => capabilitySet(names.filter((name) => have.includes(name)));
  return {
    ...ids,
    capabilities: {
      bounding: capabilitySet(have.filter((name) => !dropped.includes(name))),
      permitted: own(permitted),
      effective: own(effective),
      inheritable: own(inheritable),
      ambient: own(ambient),
    },
  };
}

function namespaceOf(one: RealityCase): Pick<Credentials, 'userNamespace'> {
  if (one.userNamespace === undefined) return {};
  const mappings = (ranges: readonly IdRange[]) => ranges.map(([container, host, size]) => ({ container, host, size }));
  return { userNamespace: { uids: mappings(one.userNamespace.uids), gids: mappings(one.userNamespace.gids) } };
}

export function factsOf(one: RealityCase, here: KernelFacts = factsHere()): KernelFacts {
  return {
    ...here,
    ...one.facts,
    ...(one.portStart === undefined ? {} : { unprivilegedPortStart: one.portStart }),
    ...(one.pingGroups === undefined ? {} : { pingGroupRange: one.pingGroups }),
  };
}

// --- what the model is told ----------------------------------------------------------------------------------------------------------

const ROOT_MOUNT = 'root';

/** Which mount a path belongs to when `items` have been made: the last one made over it. */
function mountOf(items: readonly TreeItem[], path: string): { readonly id: string; readonly flags: readonly MountFlag[] } {
  for (let index = items.length - 1; index >= 0; index -= 1) {
    const item = items[index]!;
    if ((item.type === 'tmpfs' || item.type === 'bind') && isWithin(path, item.path))
      return { id: `${item.type} ${index}`, flags: item.flags };
  }
  return { id: ROOT_MOUNT, flags: [] };
}

export function entriesOf(items: readonly TreeItem[]): Map<string, FileNode> {
  const entries = new Map<string, FileNode>();
  for (const item of items) {
    if (item.type === 'bind') continue;
    if (item.type === 'tmpfs') {
      const below = entries.get(item.path)!;
      for (const path of [...entries.keys()]) if (isWithin(path, item.path)) entries.delete(path);
      entries.set(item.path, {
        inode: { type: 'directory', uid: item.uid, gid: item.gid, mode: item.mode },
        covered: below.covered ?? below.inode,
      });
    } else if (item.type === 'hard-link') {
      const first = entries.get(item.to)!;
      const node = first.id === undefined ? { ...first, id: item.to } : first;
      entries.set(item.to, node);
      entries.set(item.path, node);
    } else entries.set(item.path, nodeOf(item));
  }
  for (const [path, node] of entries) {
    // The mount of a bind inside a bind is the one that was made over the path last, whichever lies deeper: binds take what is below along.
    const { id, flags } = mountOf(itemsOver(items), path);
    entries.set(path, {
      ...node,
      mount: id,
      ...(flags.includes('ro') ? { readOnly: true } : {}),
      ...(flags.includes('noexec') ? { noExec: true } : {}),
      ...(flags.includes('nosuid') ? { noSuid: true } : {}),
      ...(flags.includes('nodev') ? { noDev: true } : {}),
    });
  }
  return entries;
}

/** Mounts sorted so that the one that decides comes last: deeper ones, and of the same place the later. A tmpfs takes what it covers away. */
function itemsOver(items: readonly TreeItem[]): readonly TreeItem[] {
  const mounts = items.filter((item) => item.type === 'tmpfs' || item.type === 'bind');
  const visible = mounts.filter(
    (item, index) => !mounts.slice(index + 1).some((later) => later.type === 'tmpfs' && isWithin(item.path, later.path)),
  );
  return visible.sort((a, b) => a.path.length - b.path.length);
}

const FILE_TYPES: Readonly<Record<string, FileType>> = { program: 'file', script: 'file' };

function nodeOf(item: Extract<TreeItem, { mode: number }>): FileNode {
  if (item.type === 'tmpfs') throw new Error('a mount is no entry');
  const { type, uid, gid, acl, defaultAcl, to, capabilities } = item;
  const inode: Inode = {
    type: FILE_TYPES[type] ?? (type as FileType),
    uid,
    gid,
    mode: type === 'symlink' ? 0o777 : item.mode,
    ...(acl === undefined ? {} : { acl }),
    ...(defaultAcl === undefined ? {} : { defaultAcl }),
    ...(capabilities === undefined
      ? {}
      : {
          fileCapabilities: {
            permitted: capabilitySet(capabilities.permitted),
            inheritable: [],
            effective: capabilities.effective,
          },
        }),
  };
  if (type === 'symlink') return { inode, target: to! };
  return type === 'script' ? { inode, interpreter: to! } : { inode };
}

export function treeOf(entries: ReadonlyMap<string, FileNode>): FileTree & { list(path: string): readonly string[] } {
  const names = new Map<string, string[]>();
  for (const path of entries.keys()) {
    if (path === '/') continue;
    const parent = parentPath(path);
    const known = names.get(parent);
    const name = path.slice(parent === '/' ? 1 : parent.length + 1);
    if (known === undefined) names.set(parent, [name]);
    else known.push(name);
  }
  return { lookup: (path) => entries.get(path), list: (path) => names.get(path) ?? [] };
}

/** What a process in a user namespace sees of an entry: its own numbers, and the overflow id for everybody else. */
function seenFrom(one: RealityCase, node: FileNode): FileNode {
  const namespace = one.userNamespace;
  if (namespace === undefined) return node;
  const inside = (id: number, ranges: readonly IdRange[]): number | undefined => {
    const range = ranges.find(([, outside, count]) => id >= outside && id < outside + count);
    return range === undefined ? undefined : range[0] + id - range[1];
  };
  const list = (acl: readonly AclEntry[]): readonly AclEntry[] =>
    acl.map((entry) =>
      entry.id === undefined
        ? entry
        : { ...entry, id: inside(entry.id, entry.tag === 'user' ? namespace.uids : namespace.gids) ?? -1 },
    );
  const inodeFrom = (inode: Inode): Inode => {
    const uid = inside(inode.uid, namespace.uids);
    const gid = inside(inode.gid, namespace.gids);
    return {
      ...inode,
      uid: uid ?? OVERFLOW,
      gid: gid ?? OVERFLOW,
      ...(inode.acl === undefined ? {} : { acl: list(inode.acl) }),
      ...(inode.defaultAcl === undefined ? {} : { defaultAcl: list(inode.defaultAcl) }),
      ...(uid === undefined || gid === undefined ? { unmapped: { uid: uid === undefined, gid: gid === undefined } } : {}),
    };
  };
  return { ...node, inode: inodeFrom(node.inode), ...(node.covered === undefined ? {} : { covered: inodeFrom(node.covered) }) };
}

/** fs.overflowuid and fs.overflowgid. */
const OVERFLOW = 65534;

function allSeenFrom(one: RealityCase, entries: ReadonlyMap<string, FileNode>): ReadonlyMap<string, FileNode> {
  return one.userNamespace === undefined ? entries : new Map([...entries].map(([path, node]) => [path, seenFrom(one, node)]));
}

// --- what the kernel is told ---------------------------------------------------------------------------------------------------------

const TAG_NUMBERS: Readonly<Record<AclEntry['tag'], number>> = {
  'user-obj': 1,
  user: 2,
  'group-obj': 4,
  group: 8,
  mask: 16,
  other: 32,
};

function aclHex(entries: readonly AclEntry[] | undefined): string {
  if (entries === undefined) return '';
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  entries.forEach((item, index) => {
    bytes.writeUInt16LE(TAG_NUMBERS[item.tag], 4 + 8 * index);
    bytes.writeUInt16LE(item.perm, 6 + 8 * index);
    bytes.writeUInt32LE(item.id ?? 0xffffffff, 8 + 8 * index);
  });
  return bytes.toString('hex');
}

const LETTERS: Readonly<Record<string, string>> = {
  directory: 'd',
  file: 'f',
  program: 'p',
  script: 's',
  symlink: 'l',
  fifo: 'F',
  socket: 'S',
  'character-device': 'c',
};
/** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC. */
const FLAG_BITS: Readonly<Record<MountFlag, number>> = { ro: 1, nosuid: 2, nodev: 4, noexec: 8 };

/** The lines by which perform.c plays the case: results of all operations, the tree before and after. */
export function linesOf(one: RealityCase): string[] {
  const lines: string[] = [];
  if (one.portStart !== undefined) lines.push(`sysctl\tnet/ipv4/ip_unprivileged_port_start\t${one.portStart}`);
  if (one.pingGroups !== undefined) lines.push(`sysctl\tnet/ipv4/ping_group_range\t${one.pingGroups.join(' ')}`);
  if (one.userNamespace !== undefined) {
    const text = (ranges: readonly IdRange[]) => ranges.map((range) => range.join(' ')).join(';');
    lines.push(`userns\t${text(one.userNamespace.uids)}\t${text(one.userNamespace.gids)}`);
  }
  lines.push(`root\t${one.disk === true ? 'disk' : 'memory'}`);
  // A default ACL would be inherited by what is made later.
  let defaults: { path: string; line: string }[] = [];
  const remounts: string[] = [];
  for (const item of one.tree) {
    if (item.type === 'bind' || item.type === 'tmpfs') {
      if (item.type === 'tmpfs') {
        lines.push(...defaults.filter(({ path }) => isWithin(path, item.path)).map(({ line }) => line));
        defaults = defaults.filter(({ path }) => !isWithin(path, item.path));
        lines.push(`tmpfs\t${item.path}\tmode=${item.mode.toString(8)},uid=${item.uid},gid=${item.gid}`);
      } else lines.push(`bind\t${item.path}`);
      // Of mounts over one place only the last can still be reached, and it alone counts.
      const flags = item.flags.reduce((bits, flag) => bits | FLAG_BITS[flag], 0);
      const again = remounts.findIndex((line) => line.startsWith(`remount\t${item.path}\t`));
      if (again >= 0) remounts.splice(again, 1);
      for (let at = remounts.length - 1; item.type === 'tmpfs' && at >= 0; at -= 1)
        if (remounts[at]!.startsWith(`remount\t${item.path}/`)) remounts.splice(at, 1);
      remounts.push(`remount\t${item.path}\t${flags}`);
    } else if (item.type === 'hard-link') lines.push(`node\t${item.path}\th\t\t\t\t${item.to}`);
    else {
      const { capabilities } = item;
      const hex =
        capabilities === undefined
          ? ''
          : Buffer.from(
              encodeFileCapabilities({ ...capabilities, permitted: capabilitySet(capabilities.permitted), inheritable: [] }),
            ).toString('hex');
      lines.push(
        ['node', item.path, LETTERS[item.type], item.mode, item.uid, item.gid, item.to ?? '', aclHex(item.acl), hex].join('\t'),
      );
      if (item.defaultAcl !== undefined)
        defaults.push({ path: item.path, line: `default-acl\t${item.path}\t${aclHex(item.defaultAcl)}` });
    }
  }
  lines.push(...defaults.map(({ line }) => line), ...remounts);
  for (const target of one.targets ?? []) lines.push(`target\t${target.uid}\t${target.savedUid}\t${target.ownSession ? 1 : 0}`);
  lines.push('dump\t/', asLine(credentialsOf(one.who), one.who.umask), ...one.operations.map(doLine), 'dump\t/');
  return lines;
}

// --- the judgement -------------------------------------------------------------------------------------------------------------------

export interface Judgement {
  readonly decisions: readonly { readonly kind: Operation['kind']; readonly real: string; readonly known: boolean }[];
  /** What differs, with the model's reasons; undefined = nothing. */
  readonly mismatch?: string;
}

/** What follows permission and depends on who listens, reads, or wrote the file: not the model's business. */
function afterPermission(errno: string, operation: Operation): string {
  if (errno === 'ENOEXEC' && operation.kind === 'exec') return 'OK';
  if (errno === 'ECONNREFUSED' && operation.kind === 'connect-unix') return 'OK';
  return errno === 'ENXIO' && operation.kind === 'open' ? 'OK' : errno;
}

/** `real`: an errno's name or OK for each operation. The trees are looked at where they are given. */
export function judge(
  one: RealityCase,
  real: readonly string[],
  have?: readonly Capability[],
  facts?: KernelFacts,
  trees?: Performed['trees'],
): Judgement {
  const entries = allSeenFrom(one, entriesOf(one.tree));
  const who = { ...credentialsOf(one.who, have), ...namespaceOf(one) };
  const known = factsOf(one, facts);
  const world = simulate(treeOf(entries));
  const decisions: { kind: Operation['kind']; real: string; known: boolean }[] = [];
  let capabilitiesSet = false;
  if (trees !== undefined) {
    const wrong = differs(treeOf(entries), allSeenFrom(one, trees[0]!), false);
    if (wrong !== undefined) return { decisions, mismatch: `the tree was not built as described: ${wrong}` };
  }
  for (const [index, operation] of one.operations.entries()) {
    const errno = real[index]!;
    const decision = decideQuietly(operation, who, world, known);
    const { steps, ...told } = decide(operation, who, world, known);
    decisions.push({ kind: operation.kind, real: errno, known: decision.known });
    const story = () =>
      [
        `operation ${index}: ${JSON.stringify(operation)}`,
        ...steps.map((step) => `  ${step.ok ? 'yes' : 'NO '} ${step.text}`),
      ].join('\n');
    if (JSON.stringify(told) !== JSON.stringify(decision))
      return { decisions, mismatch: `told and quiet answers differ: ${story()}` };
    if (decision.known) {
      const model = afterPermission(decision.errno ?? 'OK', operation);
      if (model !== afterPermission(errno, operation))
        return { decisions, mismatch: `kernel says ${errno}, model says ${model}\n${story()}` };
      if (decision.allowed !== (decision.errno === undefined))
        return { decisions, mismatch: `allowed, and an errno: ${story()}` };
      if (!decision.allowed && steps.at(-1)?.ok !== false)
        return { decisions, mismatch: `a denial whose last step is no denial: ${story()}` };
    }
    if (errno !== 'OK') continue;
    if (operation.kind === 'setxattr' && operation.name === 'security.capability') capabilitiesSet = true;
    world.apply(operation, who, one.who.umask);
  }
  const wrong = trees === undefined ? undefined : differs(world, allSeenFrom(one, trees[1]!), capabilitiesSet);
  return wrong === undefined ? { decisions } : { decisions, mismatch: `after all operations: ${wrong}` };
}

/** What the model says is there must be there, and nothing else. */
function differs(model: FileTree, real: ReadonlyMap<string, FileNode>, capabilitiesSet: boolean): string | undefined {
  const paths = new Set(real.keys());
  const visit = (path: string): void => {
    paths.add(path);
    const node = model.lookup(path);
    if (node === undefined || node === 'unknown' || node.inode.type !== 'directory') return;
    for (const name of model.list?.(path) ?? []) visit(path === '/' ? `/${name}` : `${path}/${name}`);
  };
  visit('/');
  for (const path of paths) {
    const node = model.lookup(path);
    const says = node === undefined || node === 'unknown' ? 'nothing' : plain(node, capabilitiesSet);
    const found = real.get(path);
    const there = found === undefined ? 'nothing' : plain(found, capabilitiesSet);
    if (there !== says) return `kernel has ${there} at ${path}, model ${says}`;
  }
  return undefined;
}

function plain(node: FileNode, withoutCapabilities: boolean): string {
  const { type, uid, gid, mode, acl, defaultAcl, fileCapabilities, unmapped } = node.inode;
  const capabilities = withoutCapabilities ? undefined : fileCapabilities;
  return JSON.stringify([type, mode.toString(8), uid, gid, acl ?? [], defaultAcl ?? [], node.target, capabilities, unmapped]);
}

/** For cases judged without a kernel: the model alone, on a machine that could give everything. */
export const EVERY_CAPABILITY: readonly Capability[] = CAPABILITIES;
