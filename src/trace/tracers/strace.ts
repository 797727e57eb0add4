/** Watches a container with strace, attached from outside before the image's program runs: the image itself stays untouched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Container } from '../../engine/engine.ts';
import { UnrootError } from '../../error.ts';
import type { Launch } from '../../launch/launch.ts';
import type { Tracer, TraceSession } from '../tracer.ts';
import { STRACE_CALLS } from './strace-calls.ts';
import { createStraceParser, type StraceParser } from './strace-parse.ts';
import type { ProcessIdentity } from './strace-process.ts';

export interface StraceOptions {
  /** The program to run. Default: `strace` on PATH. */
  readonly strace?: string;
  /** How long it may take to attach. Default 10 s. */
  readonly attachTimeoutMs?: number;
}

const INSTALL = 'apt-get install -y strace';

/**
 * The calls asked for; `?` lets strace skip those that this machine's architecture does not have.
 * Reads, writes and memory are left out, and close and fcntl too: with -y nobody needs to follow descriptors.
 */
const TRACED: string = [...STRACE_CALLS.keys()]
  .filter((name) => !/^(?:close|fcntl|fcntl64|getcwd|dup)$/.test(name))
  .concat('fork', 'vfork', 'listen', 'io_uring_setup')
  .map((name) => `?${name}`)
  .join(',');

/** What /proc says of a process, in the tracer's numbering. */
function identify(pid: number): ProcessIdentity | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined; // Already gone: the parser then goes by the order of the lines.
  }
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const inner = field('NSpid')?.split(/\s+/).at(-1);
  return { ppid: Number(field('PPid')), tgid: Number(field('Tgid')), innerPid: inner === undefined ? pid : Number(inner) };
}

/** The target of a link in /proc, undefined when it cannot be read. */
function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Why strace could not attach, from its own words. */
function attachError(pid: number, words: string): UnrootError {
  const text = words.trim().split('\n').slice(0, 3).join('; ');
  if (/No such process/.test(words)) {
    return new UnrootError(`strace found no process ${pid}: it ended before it could be traced`, { code: 'trace.process-gone' });
  }
  if (/Operation not permitted|Permission denied/.test(words)) {
    const scope = /\d/.exec(readScope())?.[0];
    const yama = scope !== undefined && scope !== '0' ? `; kernel.yama.ptrace_scope is ${scope} here` : '';
    return new UnrootError(`strace may not attach to process ${pid}: ${text}${yama}`, {
      code: 'trace.not-permitted',
      expected: 'root, or CAP_SYS_PTRACE in the user namespace of the container, and no other tracer on the process',
      hint: 'run unroot as root (or give its container --cap-add SYS_PTRACE); without it only the file system before and after can be compared',
    });
  }
  return new UnrootError(`strace did not attach to process ${pid}: ${text || 'it ended without a word'}`, {
    code: 'trace.failed',
  });
}

function readScope(): string {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8');
  } catch {
    return ''; // No Yama in this kernel.
  }
}

/** Runs strace on `pid` and resolves once it holds it. */
async function attach(
  pid: number,
  parser: StraceParser,
  options: StraceOptions,
): Promise<{ child: ChildProcess; closed: Promise<void> }> {
  const program = options.strace ?? 'strace';
  // Output goes through a pipe, so nothing has to be stored and a fast program waits instead of filling the disk.
  const args = [
    '-f',
    '-y',
    '-ttt',
    '-s',
    '512',
    '-e',
    'signal=none',
    '-e',
    `trace=${TRACED}`,
    '-o',
    '|exec cat',
    '-p',
    String(pid),
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => parser.push(chunk));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let words = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new UnrootError(`strace did not attach to process ${pid} in time`, {
          code: 'trace.timeout',
          hint: words.trim().slice(0, 300),
        }),
      );
    }, options.attachTimeoutMs ?? 10_000);
    const settle = (error?: UnrootError): void => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
    child.once('error', (cause: NodeJS.ErrnoException) => {
      // execvp(3): EACCES stands for "not found" when a folder of PATH may not be searched.
      const missing = cause.code === 'ENOENT' || (cause.code === 'EACCES' && !program.includes('/'));
      settle(
        new UnrootError(missing ? `${program} is not installed` : `${program} cannot be run: ${cause.message}`, {
          code: missing ? 'trace.strace-missing' : 'trace.failed',
          hint: missing
            ? `${INSTALL}  (on other systems: the package is called strace as well)`
            : 'check the file and its permissions',
          cause,
        }),
      );
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      // Only the beginning is of interest; afterwards it names every new process.
      if (words.length < 4000) words += chunk;
      if (/Process \d+ attached/.test(words)) settle();
    });
    child.once('close', () => settle(attachError(pid, words)));
  });
  return { child, closed };
}

/** Waits for a promise, at most `ms`. */
const within = async (promise: Promise<void>, ms: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
};

/** Lets go of the traced processes, which run on; SIGINT is how strace is asked to (strace(1), -p). */
async function detach(child: ChildProcess, closed: Promise<void>): Promise<void> {
  child.kill('SIGINT');
  if (await within(closed, 3000)) return;
  child.kill('SIGKILL');
  await within(closed, 2000);
}

/** What this machine has of strace, without tracing anything. */
export async function detectStrace(
  strace = 'strace',
): Promise<{ readonly available: boolean; readonly version?: string; readonly install: string }> {
  const version = await new Promise<string | undefined>((resolve) => {
    const child = spawn(strace, ['-V'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.once('error', () => resolve(undefined));
    child.once('close', () => resolve(/version (\S+)/.exec(text)?.[1]));
  });
  return { available: version !== undefined, ...(version === undefined ? {} : { version }), install: INSTALL };
}

/** A tracer that follows the container's processes with strace. Needs an engine that stops before start, and the right to ptrace. */
export function createStraceTracer(options: StraceOptions = {}): Tracer {
  return {
    kind: 'strace',
    async attach(container: Container, launch: Launch): Promise<TraceSession> {
      const pid = container.pid;
      if (pid === undefined) {
        throw new UnrootError(`container ${container.id} has no process yet, so strace has nothing to attach to`, {
          code: 'trace.no-process',
          expected: 'an engine that creates the process before it starts it: runc or podman',
          hint: 'use --engine runc, or compare the file system before and after instead',
        });
      }
      const root = link(`/proc/${pid}/root`);
      const parser = createStraceParser({
        initial: { uid: launch.uid, gid: launch.gid, cwd: launch.cwd },
        startsAt: { argv: launch.argv, ...(launch.executable === undefined ? {} : { executable: launch.executable }) },
        identify,
        stdio: [0, 1, 2].map((fd) => link(`/proc/${pid}/fd/${fd}`)),
        ...(root === undefined ? {} : { rootPrefix: root }),
      });
      const { child, closed } = await attach(pid, parser, options);
      return {
        eventCount: () => parser.count,
        async finish() {
          if (container.running()) await detach(child, closed);
          // The last processes may outlive the first one by a moment; strace leaves when the last is gone.
          else if (!(await within(closed, 3000))) await detach(child, closed);
          return parser.finish();
        },
        async abort() {
          await detach(child, closed);
        },
      };
    },
  };
}
