/** A daemon of the tests' own: everything it has lies in one folder, and nothing of it is left behind, however the run ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Made for it alone, below /tmp; removed in the end. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** How long it may take to end when asked. */
  readonly graceMs: number;
}

export interface Daemon {
  /** Asks until there is an answer; throws with the end of its log when there is none within 40 s. */
  answering<T>(ask: () => Promise<T | undefined>): Promise<T>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 40_000;

export function startDaemon({ program, args, folder, environment, graceMs }: DaemonOptions): Daemon {
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  const daemon = spawn(program, args, { stdio: ['ignore', log, log], detached: true, env: environment });
  closeSync(log);
  // The test run may be interrupted; then this at least is done.
  const onExit = (): void => cleanUp(daemon, folder);
  process.once('exit', onExit);
  const ended = (): boolean => daemon.exitCode !== null || daemon.signalCode !== null;

  async function stop(): Promise<void> {
    process.off('exit', onExit);
    if (!ended()) {
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
    }
    cleanUp(daemon, folder);
  }

  return {
    stop,
    async answering(ask) {
      const end = Date.now() + PATIENCE_MS;
      for (;;) {
        const answer = await ask().catch(() => undefined);
        if (answer !== undefined) return answer;
        if (ended() || Date.now() > end) {
          const words = readFileSync(logFile, 'utf8').slice(-3000);
          await stop();
          throw new Error(`${program} does not answer:\n${words}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}

/** Whatever still runs with our folder on its command line (containerd, shims) was started by our daemon; what ran in a pod hangs below a shim. */
function cleanUp(daemon: ChildProcess, folder: string): void {
  if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill('SIGKILL');
  const shims = new Set<string>();
  for (const [pid, line] of processes()) if (line.includes(`${folder}/`)) shims.add(pid);
  const children = [...processes()].filter(([pid]) => shims.has(parentOf(pid) ?? ''));
  for (const pid of [...shims, ...children.map(([child]) => child)]) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  const mountPoints = (): string[] =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(`${folder}/`));
  for (const point of mountPoints().reverse()) spawnSync('umount', ['-l', point]);
  // Never below something that is still mounted.
  if (mountPoints().length === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  else throw new Error(`mounts are left below ${folder}: ${mountPoints().join(' ')}`);
}

function* processes(): Generator<[pid: string, commandLine: string]> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = read(`/proc/${name}/cmdline`);
    if (line !== undefined) yield [name, line];
  }
}

const parentOf = (pid: string): string | undefined => /^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
