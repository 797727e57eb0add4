/** A node: a throw-away Linux in namespaces of its own. Started, entered, ended; nothing of it stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from '../engine/builtin-tools.ts';
import { runCommand } from '../engine/command.ts';
import type { ExecResult } from '../engine/engine.ts';
import { processAlive, processStartTime, signalProcess } from '../engine/proc.ts';
import { quote, register, undo } from '../engine/reaper.ts';
import { UnrootError } from '../error.ts';
import { makeNodeCgroup } from './cgroup.ts';
import { makeDisks } from './disks.ts';
import { nodeFiles } from './node-files.ts';
import { NODE_ENVIRONMENT, type NodeBind, nodeScript } from './node-script.ts';

export interface NodeOptions {
  readonly cacheFolder: string;
  /** Folders of the system, top first. */
  readonly lower: readonly string[];
  /** Name → OCI layout; in the node /images/NAME. */
  readonly images: ReadonlyMap<string, string>;
  /** Folder whose contents are copied to /root/lab. */
  readonly files?: string;
  readonly setup?: string;
  /** Folder of unroot.js. */
  readonly program: string;
  /** Programs for `enter`. */
  readonly tools: string;
  /** How many disks it has besides: /dev/vdb, /dev/vdc. */
  readonly disks?: number;
  /** This machine is a guest of the player's, made for it: the node gets its kernel's SELinux too. */
  readonly guest?: boolean;
  readonly signal?: AbortSignal;
}

/** How to start a process in it: for spawn, with exactly this environment. */
export interface Entry {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

export interface LabNode {
  readonly id: string;
  /** Its first process, as the machine counts. */
  readonly pid: number;
  /** Its /proc and its root, opened before anybody was in it: what is mounted over them later does not change what is seen here. */
  readonly proc: string;
  readonly root: string;
  /** A folder of the machine that is /run/lab there. */
  readonly shared: string;
  /** What is not as it should be on this machine. */
  readonly notes: readonly string[];
  /** Its upper folder: what differs from the system. Seen from inside its mount namespace only. */
  enter(argv: readonly string[], env?: Readonly<Record<string, string>>): Entry;
  /** Bash as the learner would type it, to its end. */
  run(
    script: string,
    options?: { readonly timeoutMs?: number; readonly cwd?: string; readonly signal?: AbortSignal },
  ): Promise<ExecResult>;
  readonly exited: Promise<void>;
  /** Set when it is in a guest with a kernel of its own: `proc` and `root` lead nowhere then, and what looks at it asks there. */
  readonly guest?: { ask<T>(what: 'evaluate' | 'world' | 'draw', value?: unknown): Promise<T> };
  /** When its end began, in clock ticks after boot; undefined while nobody ended it. */
  ended(): number | undefined;
  /** Ends everything in it and removes what it had on the machine. Safe to call twice. */
  end(): Promise<void>;
}

/** Processes, memory and disk (in memory too) of one node. */
const LIMITS = { processes: 1024, megabytes: 3072, disk: 1024 } as const;
const START_MS = 60_000;
/** What could reach the machine, and no lab needs. */
const DROPPED = [
  'sys_module',
  'sys_rawio',
  'sys_boot',
  'sys_time',
  'mac_admin',
  'mac_override',
  'syslog',
  'wake_alarm',
  'block_suspend',
];
/** O_PATH, which Node does not name. */
export const O_PATH = 0o10000000;

/** Programs it needs on this machine that are missing. */
export const whyNoNode = (): string | undefined => {
  const missing = ['unshare', 'nsenter', 'setpriv', 'pivot_root', 'mount', 'umount'].filter(
    (name) => findProgram(name) === undefined,
  );
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed: apt-get install -y util-linux mount`;
};

/** Starts one; resolves when it can be entered. */
export async function startNode(options: NodeOptions): Promise<LabNode> {
  const id = randomBytes(4).toString('hex');
  const home = join(options.cacheFolder, 'run', `${process.pid}.${processStartTime(process.pid) ?? 0}.${id}`);
  sweep(dirname(home));
  const removeHome = register(undo.remove(home));
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const [place, shared, files] = ['place', 'shared', 'files'].map((name) => join(home, name)) as [string, string, string];
  for (const folder of [place, shared]) mkdirSync(folder, { mode: 0o755 });
  nodeFiles(files);
  const { disks, remove: removeDisks } = makeDisks(home, options.disks ?? 0);
  const cgroup = makeNodeCgroup(id, {
    processes: LIMITS.processes,
    megabytes: Math.min(LIMITS.megabytes, Math.floor(freemem() / 2 ** 21)),
    devices: disks.map(({ major, minor }) => ['b', major, minor] as const),
  });
  const store = join(options.cacheFolder, 'store');
  mkdirSync(store, { recursive: true, mode: 0o700 });
  const binds: NodeBind[] = [
    { source: join(files, 'lab'), target: '/opt/lab/bin', readOnly: true },
    { source: join(files, 'unroot'), target: '/usr/local/bin/unroot', readOnly: true, file: true },
    { source: join(files, 'bashrc'), target: '/root/.bashrc', readOnly: true, file: true },
    { source: options.tools, target: '/opt/lab/tools', readOnly: true },
    { source: options.program, target: '/opt/unroot', readOnly: true },
    { source: process.execPath, target: '/usr/local/bin/node', readOnly: true, file: true },
    { source: store, target: '/root/.cache/unroot', readOnly: false },
    { source: shared, target: '/run/lab', readOnly: false },
    ...[...options.images].map(([name, source]) => ({ source, target: `/images/${name}`, readOnly: true })),
  ];
  const script = nodeScript({
    place,
    lower: options.lower,
    megabytes: LIMITS.disk,
    binds,
    files: options.files,
    cgroups: cgroup.binds,
    join: cgroup.join,
    disks,
    setup: options.setup ?? '',
    hostname: 'node',
    selinux: options.guest === true && existsSync('/sys/fs/selinux/enforce'),
  });
  let fds: number[] = [];
  let child: ChildProcess | undefined;
  let ending: Promise<void> | undefined;
  let endedAt: number | undefined;
  const kills: { release(): void }[] = [];
  const end = (): Promise<void> => {
    ending ??= (async () => {
      endedAt = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
      for (const fd of fds) closeSync(fd);
      fds = [];
      child?.stdin?.destroy();
      if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        const gone = new Promise<void>((resolve) => child!.once('exit', () => resolve()));
        // Its parent collects it; with a parent killed first, that would be left to the machine's own first process.
        if (node === undefined || !signalProcess(node.pid, 'SIGKILL', start)) child.kill('SIGKILL');
        const late = setTimeout(() => child?.kill('SIGKILL'), 5000);
        await gone;
        clearTimeout(late);
      }
      for (const end = Date.now() + 5000; node !== undefined && processAlive(node.pid, start) && Date.now() < end; )
        await new Promise((resolve) => setTimeout(resolve, 5));
      await cgroup.remove();
      await removeDisks();
      rmSync(home, { recursive: true, force: true });
      for (const kill of kills) kill.release();
      removeHome.release();
    })();
    return ending;
  };
  let node: LabNode | undefined;
  let start: number | undefined;
  try {
    // Should the player be killed, the kernel kills unshare, and that the node's first process: nobody else is needed for it.
    const started = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--bounding-set', DROPPED.map((name) => `-${name}`).join(','), '--'],
        ...['unshare', '--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child=KILL', '--propagation', 'private'],
        ...['--', 'sh', '-c', script],
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
    );
    child = started;
    if (started.pid !== undefined) kills.push(register(undo.kill(started.pid)));
    started.stdin?.on('error', () => {});
    const exited = new Promise<void>((resolve) => started.once('close', () => resolve()));
    const pid = await ready(started, options.signal);
    start = processStartTime(pid);
    kills.push(register(undo.kill(pid)));
    const open = (path: string): string => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      fds.push(fd);
      return `/proc/${process.pid}/fd/${fd}`;
    };
    const proc = open(`/proc/${pid}/root/proc`);
    const root = open(`/proc/${pid}/root`);
    const enter: LabNode['enter'] = (argv, env = {}) => ({
      file: 'sh',
      args: [
        '-c',
        `${cgroup.join.map((file) => `echo 0 >${quote(file)} || exit 125; `).join('')}exec "$@"`,
        'sh',
        ...['setpriv', '--pdeathsig', 'KILL', '--bounding-set', DROPPED.map((name) => `-${name}`).join(','), '--'],
        ...['nsenter', '-t', String(pid), '-m', '-u', '-i', '-n', '-p', '--root', '--wd', '--'],
        ...argv,
      ],
      env: { ...NODE_ENVIRONMENT, TERM: process.env.TERM ?? 'xterm-256color', ...env },
    });
    const made: LabNode = {
      id,
      pid,
      proc,
      root,
      shared,
      notes: cgroup.notes,
      exited,
      ended: () => endedAt,
      enter,
      async run(text, { timeoutMs = 60_000, cwd = '/root/lab', signal } = {}) {
        const { file, args, env } = enter(['/usr/bin/env', '-C', cwd, '/bin/bash', '-c', text, 'lab']);
        const result = await runCommand([file, ...args], { timeoutMs, env, ...(signal ? { signal } : {}) });
        const { code, stdout, stderr, timedOut } = result;
        return { code, stdout, stderr, timedOut };
      },
      end,
    };
    node = made;
    return made;
  } catch (error) {
    await end();
    throw error;
  }
}

/** The number of its first process, once that has made everything. */
function ready(child: ChildProcess, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let [said, wrong] = ['', ''];
    const fail = (message: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      reject(new UnrootError(message, { code: 'lab.node-failed', hint: 'unroot lab list says what this machine lacks' }));
    };
    const timer = setTimeout(() => fail(`the node was not ready within ${START_MS / 1000} s: ${wrong.trim()}`), START_MS);
    const onAbort = (): void => fail('interrupted');
    signal?.addEventListener('abort', onAbort, { once: true });
    child.stderr?.on('data', (chunk: Buffer) => {
      wrong = (wrong + chunk.toString()).slice(-4000);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const pid = /^ready (\d+)$/m.exec(said)?.[1];
      if (pid === undefined) return;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(Number(pid));
    });
    child.on('error', (error) => fail(`the node could not be started: ${error.message}`));
    child.on('close', (code) => fail(`the node could not be started (${code}): ${wrong.trim()}`));
  });
}

/** Folders of players that are gone, and whose clean-up went with them. */
function sweep(all: string): void {
  if (!existsSync(all)) return;
  for (const name of readdirSync(all)) {
    const [pid = '', start = ''] = name.split('.');
    if (/^\d+$/.test(pid) && !processAlive(Number(pid), Number(start))) rmSync(join(all, name), { recursive: true, force: true });
  }
}
