/** A Launch or Refusal spelt as the program and the runtime tell it, to be held against what they told. */
import { fileTree } from '../../src/launch/file-tree.ts';
import type { HostFacts } from '../../src/launch/input.ts';
import { credentialsOf, type Launch, type Refusal } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import { decide } from '../../src/linux/access.ts';
import { type CapabilitySet, capabilityMask } from '../../src/linux/capability.ts';
import type { FileNode } from '../../src/linux/decision.ts';
import type { Operation } from '../../src/linux/operation.ts';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { memoryRootFs } from '../support/memory-rootfs.ts';
import type { IdentityCase } from './identity-cases.ts';
import { type IdentityImage, PATHS } from './identity-image.ts';

/** What a runtime made of a case. `run`: it reported success and the entrypoint never ran; the words are in the container's log. */
export type Observed =
  | { readonly kind: 'ran'; readonly stdout: string }
  | { readonly kind: 'refused'; readonly phase: 'create' | 'start' | 'run'; readonly words: string };

/** Two records that must be equal. */
export interface Comparison {
  readonly said: Readonly<Record<string, unknown>>;
  readonly seen: Readonly<Record<string, unknown>>;
  /** Places about which the model declines to answer. */
  readonly unknown: readonly string[];
}

/** The model's answer to a case; engines start theirs without a network unless it asks for one. */
export function predicted(one: IdentityCase, image: IdentityImage, profile: PlatformProfile, host: HostFacts): Launch | Refusal {
  const settings: ContainerSettings = { ...(profile.kubelet ? {} : { network: 'none' }), ...one.settings };
  return launchImage({ image: image.subject, settings, profile, host });
}

export function compare(outcome: Launch | Refusal, image: IdentityImage, observed: Observed): Comparison {
  if (outcome.kind === 'refusal') {
    return { said: refusalSaid(outcome, observed), seen: refusalSeen(observed), unknown: [] };
  }
  if (observed.kind === 'refused') return { said: { refused: 'no' }, seen: refusalSeen(observed), unknown: [] };
  const { said, unknown } = filesSaid(outcome, image);
  const seen = filesSeen(observed.stdout);
  for (const path of unknown) delete seen[path];
  return {
    said: { ...processSaid(outcome, image), ...said },
    seen: { ...processSeen(observed.stdout), ...seen },
    unknown,
  };
}

/** Phases by the names a Kubernetes user sees them under. */
const PHASES: Readonly<Record<string, string>> = {
  CreateContainerError: 'create',
  RunContainerError: 'start',
  CrashLoopBackOff: 'run',
  create: 'create',
  start: 'start',
};

/** Words that name a place of this very run stand for it with an ellipsis in the model. */
function refusalSaid(refusal: Refusal, observed: Observed): Record<string, unknown> {
  const words = observed.kind === 'refused' ? observed.words : '';
  const phase = PHASES[refusal.reason] ?? refusal.reason;
  const pattern = refusal.message
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^ :]*');
  const message = new RegExp(`^${pattern}$`).test(words) ? words : refusal.message;
  // The kernel refuses after the runtime has reported success: the model calls that the start as well.
  return { refused: observed.kind === 'refused' && observed.phase === 'run' && phase === 'start' ? 'run' : phase, message };
}

function refusalSeen(observed: Observed): Record<string, unknown> {
  return observed.kind === 'ran' ? { refused: 'no' } : { refused: observed.phase, message: observed.words };
}

const mask = (set: CapabilitySet): string => capabilityMask(set).toString(16).padStart(16, '0');
const ordered = (groups: readonly number[]): string => [...groups].sort((a, b) => a - b).join(' ');

function processSaid(launch: Launch, image: IdentityImage): Record<string, unknown> {
  const [uid, gid] = [launch.effectiveUid ?? launch.uid, launch.effectiveGid ?? launch.gid];
  const place = image.subject.rootFs?.resolve(launch.cwd);
  const tree = fileTree(launch, memoryRootFs({}));
  const stream = (number: number): string => {
    const node = tree.lookup(`/proc/self/fd/${number}`);
    if (node === undefined || node === 'unknown') return 'unknown';
    return `${node.inode.type} ${node.inode.mode.toString(8)} ${node.inode.uid}:${node.inode.gid}`;
  };
  return {
    Uid: `${launch.uid} ${uid} ${uid} ${uid}`,
    Gid: `${launch.gid} ${gid} ${gid} ${gid}`,
    Groups: ordered(launch.groups),
    CapInh: mask(launch.capabilities.inheritable),
    CapPrm: mask(launch.capabilities.permitted),
    CapEff: mask(launch.capabilities.effective),
    CapBnd: mask(launch.capabilities.bounding),
    CapAmb: mask(launch.capabilities.ambient),
    NoNewPrivs: launch.noNewPrivileges ? '1' : '0',
    // getcwd(2) names the directory, not the way there.
    Cwd: place?.entry === undefined ? launch.cwd : place.path,
    Umask0: launch.umask.toString(8).padStart(4, '0'),
    PortStart: String(launch.facts.unprivilegedPortStart),
    PingRange: launch.facts.pingGroupRange.join(' '),
    Argv: launch.argv,
    Env: [...launch.env].sort(),
    'stream 1': stream(1),
    'stream 2': stream(2),
  };
}

const FIELDS = ['Uid', 'Gid', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Cwd', 'Umask0', 'PortStart'];

function processSeen(stdout: string): Record<string, unknown> {
  const rows = stdout.split('\n').map((line) => line.split('\t'));
  const field = (name: string): string => {
    const found = rows.find(([key]) => key === `${name}:`);
    return (found?.slice(1).join(' ') ?? '(not printed)').trim();
  };
  const all = (name: string): string[] => rows.filter(([key]) => key === `${name}:`).map((row) => row.slice(1).join('\t'));
  const streams = all('Stream').map((row) => row.split('\t'));
  return {
    ...Object.fromEntries([...FIELDS, 'PingRange'].map((name) => [name, field(name)])),
    Groups: ordered(field('Groups').split(' ').filter(Boolean).map(Number)),
    Argv: all('Argv'),
    // The container's own name is given by the engine.
    Env: all('Env')
      .filter((one) => !one.startsWith('HOSTNAME='))
      .sort(),
    'stream 1': streams.find(([number]) => number === '1')?.[1],
    'stream 2': streams.find(([number]) => number === '2')?.[1],
  };
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EROFS: 'Read-only file system',
  EPERM: 'Operation not permitted',
  ENXIO: 'No such device or address',
};

/** Owner, mode and the right to write: what `identity-show.c` finds out with lstat and open. */
function filesSaid(launch: Launch, image: IdentityImage): { said: Record<string, string>; unknown: string[] } {
  const tree = fileTree(launch, image.subject.rootFs ?? memoryRootFs({}));
  const ask = (operation: Operation) => decide(operation, credentialsOf(launch), tree, launch.facts);
  const said: Record<string, string> = {};
  const unknown: string[] = [];
  for (const path of PATHS) {
    const stat = ask({ kind: 'stat', path, noFollow: true });
    if (!stat.known) {
      unknown.push(path);
      continue;
    }
    if (!stat.allowed) {
      said[path] = stat.errno === 'ENOENT' ? 'missing' : (WORDS[stat.errno ?? ''] ?? String(stat.errno));
      continue;
    }
    // None of the places has a symlink on the way.
    const { inode } = tree.lookup(path) as FileNode;
    const words = may(path, inode.type, launch, ask);
    if (words === undefined) unknown.push(path);
    else said[path] = `${inode.mode.toString(8)} ${inode.uid}:${inode.gid} ${words}`;
  }
  return { said, unknown };
}

function may(
  path: string,
  type: string,
  launch: Launch,
  ask: (operation: Operation) => ReturnType<typeof decide>,
): string | undefined {
  if (type === 'symlink') return 'symlink';
  if (type === 'directory' && /^\/(?:proc|sys|dev\/pts)(?:\/|$)/.test(path)) return 'directory';
  // A terminal of a process that has none.
  if (path === '/dev/tty') return WORDS.ENXIO as string;
  // proc_sys_permission (fs/proc/proc_sysctl.c) asks no capability; the model's permission bits do.
  const overrides = launch.capabilities.effective.includes('CAP_DAC_OVERRIDE') && (launch.effectiveUid ?? launch.uid) !== 0;
  if (path.startsWith('/proc/sys/') && overrides) return WORDS.EACCES as string;
  const answer =
    type === 'directory'
      ? ask({ kind: 'open', path: `${path === '/' ? '' : path}/.made-by-show`, access: 'write', create: true, exclusive: true })
      : ask({ kind: 'open', path, access: 'write' });
  if (!answer.known) return undefined;
  return answer.allowed ? 'writable' : (WORDS[answer.errno ?? ''] ?? String(answer.errno));
}

const filesSeen = (stdout: string): Record<string, string> =>
  Object.fromEntries(
    [...stdout.matchAll(/^At:\t([^\t\n]+)\t(.+)$/gm)].map(([, path, said]) => [
      path as string,
      (said as string).replace('\t', ' '),
    ]),
  );
