/** Runs one host program to its end, with everything bounded: time, output, and the life of what it started. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { ExecResult } from './engine.ts';
import { TailBuffer } from './tail-buffer.ts';

export interface CommandOptions {
  /** Default 60 s. The program's whole process group gets SIGKILL when it is over. */
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  /** Replaces the environment; default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Bytes kept of each stream; older ones are dropped. Default 1 MiB. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** Told as soon as it runs: for the clean-up list, where it must not go on without us. */
  readonly onSpawn?: (pid: number) => void;
}

/** What came of it. `missing`: the program is not installed (code 127). */
export interface CommandResult extends ExecResult {
  readonly missing: boolean;
  readonly aborted: boolean;
}

/**
 * Never throws for what the program does; a non-zero code is an answer. The program leads a process group of its own, so that a timeout
 * ends what it started too, and a Ctrl-C meant for us does not cut a clean-up short.
 */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError('runCommand needs a program');
  const stdout = new TailBuffer(options.limit);
  const stderr = new TailBuffer(options.limit);
  const { promise, resolve } = deferred<CommandResult>();
  let timedOut = false;
  let aborted = false;
  let done = false;
  if (options.signal?.aborted) {
    resolve({ code: 130, stdout: '', stderr: 'aborted before it started', timedOut: false, missing: false, aborted: true });
    return promise;
  }
  const child = spawn(file, args, {
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
    ...(options.env ? { env: options.env } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  if (child.pid !== undefined) options.onSpawn?.(child.pid);
  const end = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // ESRCH: it ended by itself in the meantime.
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs ?? 60_000);
  const onAbort = (): void => {
    aborted = true;
    end();
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const finish = (code: number, missing = false): void => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    child.stdout?.destroy();
    child.stderr?.destroy();
    resolve({ code, stdout: stdout.text(), stderr: stderr.text(), timedOut, missing, aborted });
  };
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', (error: NodeJS.ErrnoException) => {
    stderr.push(Buffer.from(error.message));
    // execvp(3): EACCES stands for "not found" when a folder of PATH may not be searched, as root's own may not by anybody else.
    const missing = error.code === 'ENOENT' || (error.code === 'EACCES' && !file.includes('/'));
    finish(missing ? 127 : 126, missing);
  });
  // `close` waits for the pipes, which a left-over grandchild may hold open for ever: give it a moment after the exit, no more.
  child.on('exit', (code, signal) => {
    const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    child.on('close', () => finish(status));
    setTimeout(() => finish(status), 500).unref();
  });
  if (child.stdin && options.input !== undefined) {
    // EPIPE: the program did not want all of its input.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  }
  return promise;
}

/** What Promise.withResolvers does, for Node 20, which lacks it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
