/** Processes of a node, as its kernel shows them to us: through the /proc that was opened before anybody was in it. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { statusFields } from '../../engine/proc.ts';
import { type CapabilityState, capabilitiesFromMask } from '../../linux/capability.ts';
import type { ProcessFacts } from '../lab.ts';

/** The five sets, hexadecimal, 16 digits. */
export type CapabilityTexts = Readonly<Record<'inheritable' | 'permitted' | 'effective' | 'bounding' | 'ambient', string>>;

export interface NodeProcess {
  /** As the node counts: "seen from the host". */
  readonly pid: number;
  readonly ppid: number;
  /** In its own pid namespace. */
  readonly pidInside: number;
  readonly argv: readonly string[];
  /** real, effective, saved, file system. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly capabilities: CapabilityTexts;
  readonly noNewPrivileges: boolean;
  readonly seccomp: number;
  /** Its control groups below the node's, one text; '' where there are none. */
  readonly controlGroup: string;
  readonly namespaces: Readonly<Record<'pid' | 'net' | 'mnt' | 'user' | 'ipc' | 'uts', string>>;
  /** Its pid namespace is not the node's, and what it sees as / is not the node's: namespaces alone are no container. */
  readonly container: boolean;
}

const KINDS = ['pid', 'net', 'mnt', 'user', 'ipc', 'uts'] as const;
const MAX_PROCESSES = 4096;

/** Zombies are no processes any more. */
export function nodeProcesses(proc: string): readonly NodeProcess[] {
  const names = readdirSync(proc).filter((name) => /^\d+$/.test(name));
  const own = namespace(proc, 1, 'pid');
  const root = rootOf(proc, 1);
  return names
    .slice(0, MAX_PROCESSES)
    .flatMap((name) => readProcess(proc, Number(name), own, root) ?? [])
    .sort((a, b) => a.pid - b.pid);
}

function readProcess(proc: string, pid: number, own: string, root: string): NodeProcess | undefined {
  const status = read(`${proc}/${pid}/status`);
  if (status === undefined) return undefined;
  const fields = statusFields(status);
  const field = (name: string): string => fields.get(name) ?? '';
  if (/^[ZX]/.test(field('State'))) return undefined;
  const numbers = (name: string): readonly number[] => field(name).split(/\s+/).filter(Boolean).map(Number);
  const namespaces = Object.fromEntries(KINDS.map((kind) => [kind, namespace(proc, pid, kind)])) as NodeProcess['namespaces'];
  return {
    pid,
    ppid: Number(field('PPid')),
    pidInside: numbers('NSpid').at(-1) ?? pid,
    argv: (read(`${proc}/${pid}/cmdline`) ?? '')
      .slice(0, 65536)
      .split('\0')
      .filter((word, index, all) => word !== '' || index < all.length - 1),
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    capabilities: {
      inheritable: field('CapInh'),
      permitted: field('CapPrm'),
      effective: field('CapEff'),
      bounding: field('CapBnd'),
      ambient: field('CapAmb'),
    },
    noNewPrivileges: field('NoNewPrivs') === '1',
    seccomp: Number(field('Seccomp') || 0),
    controlGroup: [...(read(`${proc}/${pid}/cgroup`) ?? '').matchAll(/\/unroot-lab-\S*/g)].join(' '),
    namespaces,
    container: namespaces.pid !== own && namespaces.pid !== '' && rootOf(proc, pid) !== root,
  };
}

/** Which folder is its /: a copied mount namespace begins with the same one. */
function rootOf(proc: string, pid: number): string {
  try {
    const { dev, ino } = statSync(`${proc}/${pid}/root`, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}

function namespace(proc: string, pid: number, kind: string): string {
  try {
    return readlinkSync(`${proc}/${pid}/ns/${kind}`);
  } catch {
    return '';
  }
}

/** The sets by name. */
export function capabilityState(texts: CapabilityTexts): CapabilityState {
  const set = (text: string): CapabilityState['bounding'] => capabilitiesFromMask(BigInt(`0x${text || '0'}`));
  const { inheritable, permitted, effective, bounding, ambient } = texts;
  return {
    inheritable: set(inheritable),
    permitted: set(permitted),
    effective: set(effective),
    bounding: set(bounding),
    ambient: set(ambient),
  };
}

/** In words, for a check's detail. */
export const describe = (one: NodeProcess): string =>
  `${one.argv.join(' ').slice(0, 60) || '(no command line)'}: uid ${one.uids[1]}, gid ${one.gids[1]}, groups ${one.groups.join(',') || 'none'}`;

/** What differs from the facts, in words; empty = all hold. */
export function factsMissed(one: NodeProcess, is: ProcessFacts, init: NodeProcess | undefined): readonly string[] {
  const out: string[] = [];
  const differ = (what: string, found: unknown, wanted: unknown): void => void out.push(`${what} ${found}, not ${wanted}`);
  const hex = (text: string): string => text.toLowerCase().replace(/^0+(?=.)/, '');
  // All four: a process that can switch back has not given it up.
  if (is.uid !== undefined && one.uids.some((uid) => uid !== is.uid)) differ('uid', one.uids.join('/'), is.uid);
  if (is.gid !== undefined && one.gids.some((gid) => gid !== is.gid)) differ('gid', one.gids.join('/'), is.gid);
  if (is.notUid !== undefined && one.uids.includes(is.notUid)) out.push(`uid is ${is.notUid}`);
  if (is.groups !== undefined) {
    const same = is.groups.length === new Set(one.groups).size && is.groups.every((gid) => one.groups.includes(gid));
    if (!same) differ('groups', one.groups.join(',') || 'none', is.groups.join(',') || 'none');
  }
  for (const [name, wanted] of Object.entries(is.capabilities ?? {})) {
    const found = one.capabilities[name as keyof CapabilityTexts];
    if (hex(found) !== hex(wanted)) differ(`${name} set`, hex(found), hex(wanted));
  }
  if (is.noNewPrivileges !== undefined && one.noNewPrivileges !== is.noNewPrivileges)
    differ('no_new_privs', one.noNewPrivileges, is.noNewPrivileges);
  if (is.seccomp !== undefined && one.seccomp !== is.seccomp) differ('Seccomp', one.seccomp, is.seccomp);
  if (is.pidInside !== undefined && one.pidInside !== is.pidInside) differ('PID inside', one.pidInside, is.pidInside);
  const held = capabilityState(one.capabilities).effective as readonly string[];
  for (const name of is.holds ?? []) if (!held.includes(name)) out.push(`it lacks ${name}`);
  for (const name of is.lacks ?? []) if (held.includes(name)) out.push(`it holds ${name}`);
  const shared = (what: string, same: boolean, wanted: 'node' | 'own' | undefined): void => {
    if (wanted !== undefined && (same ? 'node' : 'own') !== wanted) differ(`${what} is`, same ? "the node's" : 'its own', wanted);
  };
  shared('user namespace', one.namespaces.user === init?.namespaces.user, is.userNamespace);
  shared('mount namespace', one.namespaces.mnt === init?.namespaces.mnt, is.mountNamespace);
  shared('control group', one.controlGroup === init?.controlGroup, is.controlGroup);
  return out;
}

/** Undefined when it is gone, or not ours to see. */
export function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
