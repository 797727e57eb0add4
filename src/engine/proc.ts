/** What the host's /proc says about the processes of a container. The same for every engine: it is the kernel's word, not the engine's. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { capabilitiesFromMask } from '../linux/capability.ts';
import { runCommand } from './command.ts';
import type { ExecResult, ProcessStatus } from './engine.ts';
import { schedulingOf } from './scheduling.ts';

/** Longest command line read; a process may set a longer one. */
const CMDLINE_LIMIT = 64 * 1024;

/** Undefined when there is no such process (any more). Format: proc_pid_status(5). */
export function processStatus(pid: number): ProcessStatus | undefined {
  const text = readProc(pid, 'status');
  if (text === undefined) return undefined;
  const fields = statusFields(text);
  const numbers = (name: string): number[] => (fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number);
  const set = (name: string): ProcessStatus['capabilities']['bounding'] =>
    capabilitiesFromMask(BigInt(`0x${fields.get(name) ?? '0'}`));
  return {
    pid,
    ppid: Number(fields.get('PPid') ?? 0),
    command: fields.get('Name') ?? '',
    argv: commandLine(pid),
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    capabilities: {
      bounding: set('CapBnd'),
      permitted: set('CapPrm'),
      effective: set('CapEff'),
      inheritable: set('CapInh'),
      ambient: set('CapAmb'),
    },
    noNewPrivileges: fields.get('NoNewPrivs') === '1',
    seccomp: Number(fields.get('Seccomp') ?? 0),
    signals: { caught: signalNames(fields.get('SigCgt')), blocked: signalNames(fields.get('SigBlk')) },
    cpuTicks: cpuTicks(pid),
  };
}

/** Name → value, as proc_pid_status(5) has them. */
export function statusFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** The signals of a mask of proc_pid_status(5), real-time ones left out. */
function signalNames(mask = '0'): readonly string[] {
  const bits = BigInt(`0x${mask}`);
  return Object.entries(constants.signals).flatMap(([name, number]) => ((bits >> BigInt(number - 1)) & 1n ? [name] : []));
}

/** One letter as in proc_pid_stat(5): `R`, `S`, `T` stopped, `t` traced, `Z` zombie; undefined when it is gone. */
export function processState(pid: number): string | undefined {
  return statFields(pid)?.[0];
}

/** Clock ticks after boot: together with the pid it names a process for ever, though pids are used again. */
export function processStartTime(pid: number): number | undefined {
  const field = statFields(pid)?.[19];
  return field === undefined ? undefined : Number(field);
}

/** The session it belongs to, named by its leader's pid. */
export function sessionOf(pid: number): number | undefined {
  const field = statFields(pid)?.[3];
  return field === undefined ? undefined : Number(field);
}

/** Still there and not a zombie. With a start time, also still the same process. */
export function processAlive(pid: number, startTime?: number): boolean {
  const fields = statFields(pid);
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return false;
  return startTime === undefined || Number(fields[19]) === startTime;
}

/** Sends a signal to this very process; false when it is gone, or when the pid now belongs to another. */
export function signalProcess(pid: number, signal: NodeJS.Signals, startTime?: number): boolean {
  if (pid <= 1 || (startTime !== undefined && processStartTime(pid) !== startTime)) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** `pid:[4026531836]`, or undefined when gone or not ours to see. */
export function namespaceOf(pid: number | 'self', kind: 'pid' | 'net' | 'mnt' | 'user' | 'ipc' | 'uts'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/**
 * Every process of the container whose init has this host pid: those in its pid namespace, and all descendants of one of them (which
 * covers nested namespaces, and processes whose namespace link we may not read). Init first, then by pid; zombies are no processes any
 * more. Empty when init is gone: the kernel has then killed all the rest (pid_namespaces(7)).
 */
export function containerProcesses(init: number): readonly ProcessStatus[] {
  if (!processAlive(init)) return [];
  const namespace = namespaceOf(init, 'pid');
  // A container that shares our own pid namespace has no namespace to go by; only descent counts then.
  const own = namespace !== undefined && namespace === namespaceOf('self', 'pid');
  const members = new Set<number>([init]);
  const all = new Map<number, ProcessStatus>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const status = processStatus(pid);
    if (status === undefined || !processAlive(pid)) continue;
    all.set(pid, status);
    if (!own && namespace !== undefined && namespaceOf(pid, 'pid') === namespace) members.add(pid);
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const status of all.values()) {
      if (!members.has(status.pid) && members.has(status.ppid)) {
        members.add(status.pid);
        grown = true;
      }
    }
  }
  return [...members]
    .sort((a, b) => Number(b === init) - Number(a === init) || a - b)
    .flatMap((pid) => all.get(pid) ?? [])
    .map((status) => ({ ...status, scheduling: schedulingOf(status.pid) }));
}

/** Runs a host program in the network namespace of a process: the host's own curl or node, with the container's loopback. */
export async function runInNetwork(
  pid: number,
  argv: readonly string[],
  options: { readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<ExecResult> {
  const { code, stdout, stderr, timedOut } = await runCommand(['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv], options);
  return { code, stdout, stderr, timedOut };
}

/** Soft and hard limit by their name in proc_pid_limits(5), e.g. `Max open files`; Infinity for `unlimited`. */
export function processLimit(pid: number, name: string): readonly [soft: number, hard: number] | undefined {
  const line = readProc(pid, 'limits')
    ?.split('\n')
    .find((each) => each.startsWith(name));
  if (line === undefined) return undefined;
  const [soft, hard] = line
    .slice(name.length)
    .trim()
    .split(/\s+/)
    .map((word) => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word)));
  return soft === undefined || hard === undefined ? undefined : [soft, hard];
}

/** The limits the engines give, explicitly: 1024 open files and 1000 processes, or less where our own hard limit is lower. */
export function defaultLimits(): { readonly nofile: number; readonly nproc: number } {
  const hard = (name: string, wanted: number): number => Math.min(wanted, processLimit(process.pid, name)?.[1] ?? wanted);
  return { nofile: hard('Max open files', 1024), nproc: hard('Max processes', 1000) };
}

/** utime + stime of proc_pid_stat(5). */
function cpuTicks(pid: number): number {
  const fields = statFields(pid);
  return Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
}

function statFields(pid: number): readonly string[] | undefined {
  const text = readProc(pid, 'stat');
  // The command name is in parentheses and may itself hold blanks and parentheses; the last one closes it.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function commandLine(pid: number): readonly string[] {
  const text = readProc(pid, 'cmdline');
  if (!text) return [];
  const words = text.slice(0, CMDLINE_LIMIT).split('\0');
  if (words.at(-1) === '') words.pop();
  return words;
}

/** A variable of the environment it was started with (proc_pid_environ(5)); undefined when there is none, or no such process. */
export function processVariable(pid: number, name: string): string | undefined {
  const line = readProc(pid, 'environ')
    ?.split('\0')
    .find((each) => each.startsWith(`${name}=`));
  return line?.slice(name.length + 1);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between open and read. EACCES: hidepid, or another user's process.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
