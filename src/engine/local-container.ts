/** What the containers of runc, crun and the built-in engine have in common: a main process on this host, and everything /proc says of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../error.ts';
import { containerSockets } from './container-sockets.ts';
import type { Container, ExecOptions, ExecResult, ExitStatus, FileChange, ProcessStatus } from './engine.ts';
import { forwardPorts, type PortForward } from './port-forward.ts';
import { containerProcesses, processStartTime, runInNetwork, signalProcess } from './proc.ts';
import type { RunLog } from './run-log.ts';
import { graceFor, signalName } from './stop-signal.ts';

/** The engine's own part. */
export interface LocalParts {
  readonly id: string;
  readonly pid: number;
  readonly log: RunLog;
  readonly exited: Promise<ExitStatus>;
  readonly stopSignal: string | undefined;
  readonly publish: ReadonlyMap<number, number> | undefined;
  /** Lets the program start; throws what the runtime says against it. */
  start(): Promise<void>;
  exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult>;
  changes(): Promise<readonly FileChange[]>;
  volumes(): ReadonlyMap<string, string>;
  /** It will not be started any more: lets go of what holds it back. */
  abandon(): void;
  /** The main process is gone: removes the rest. */
  dispose(): Promise<void>;
}

const GRACE_MS = 5000;

/** A container around them. `signal`: when it fires, everything is removed. */
export function localContainer(parts: LocalParts, signal?: AbortSignal): Container {
  const { id, pid, log } = parts;
  const startTime = processStartTime(pid);
  let state: 'created' | 'running' | 'ended' = 'created';
  let forward: PortForward | undefined;
  let removing: Promise<void> | undefined;
  const exited = parts.exited.then((status) => {
    state = 'ended';
    void forward?.close();
    return status;
  });
  const kill = (name: NodeJS.Signals): boolean => state !== 'ended' && signalProcess(pid, name, startTime);

  const remove = (): Promise<void> => {
    removing ??= (async () => {
      signal?.removeEventListener('abort', onAbort);
      if (state === 'created') parts.abandon();
      kill('SIGKILL');
      await exited;
      await forward?.close();
      await parts.dispose();
    })();
    return removing;
  };
  const onAbort = (): void => void remove().catch(() => {});
  signal?.addEventListener('abort', onAbort, { once: true });

  return {
    id,
    pid,
    exited,
    async start() {
      if (signal?.aborted) throw interrupted();
      if (state !== 'created') throw new UnrootError(`${id} was started before`, { code: 'engine.state' });
      if (parts.publish?.size) forward = await forwardPorts(pid, parts.publish);
      state = 'running';
      await parts.start();
      if (signal?.aborted) throw interrupted();
    },
    running: () => state === 'running',
    stdout: () => log.stdout(),
    stderr: () => log.stderr(),
    log: () => log.both(),
    signal: async (name) => void kill(name),
    async stop(graceMs = GRACE_MS) {
      if (state === 'created') {
        parts.abandon();
        kill('SIGKILL');
      }
      const name = signalName(parts.stopSignal);
      const patience = graceFor(parts.pid, name, graceMs);
      kill(name);
      const timer = new AbortController();
      const late = sleep(patience, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
      if ((await Promise.race([exited, late])) === 'late') kill('SIGKILL');
      timer.abort();
      return exited;
    },
    exec: (argv, options = {}) => {
      if (state !== 'running')
        throw new UnrootError(`${id} is not running: nothing can be executed in it`, { code: 'engine.state' });
      return parts.exec(argv, options);
    },
    processes: async (): Promise<readonly ProcessStatus[]> => (state === 'ended' ? [] : containerProcesses(pid)),
    listening: async () => (state === 'ended' ? [] : containerSockets(pid)),
    inNetwork: (argv, options) => runInNetwork(pid, argv, options),
    changes: () => parts.changes(),
    volumes: () => parts.volumes(),
    remove,
  };
}

/** The user, or the caller, has had enough. */
export function interrupted(): UnrootError {
  return new UnrootError('interrupted', { code: 'engine.interrupted', exitCode: 130 });
}
