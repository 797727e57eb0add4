/** A Docker daemon of a test's own: its data, its socket, no bridge, no firewall rules; and nothing of it left afterwards. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { dockerVersion } from '../../src/engine/docker/api.ts';

export interface PrivateDockerd {
  readonly socket: string;
  readonly version: string;
  /** For a program that is told by the environment. */
  readonly environment: { readonly DOCKER_HOST: string };
  stop(): Promise<void>;
}

/** Undefined when a daemon can be started here; else what is missing, with the line that brings it. */
export const whyNoDockerd: string | undefined =
  process.getuid?.() !== 0
    ? 'a private dockerd needs root'
    : spawnSync('dockerd', ['--version']).status === 0
      ? undefined
      : 'dockerd is not installed: apt-get install -y docker.io';

/** Throws with the end of the daemon's log when it does not answer within 40 s. */
export async function startDockerd(): Promise<PrivateDockerd> {
  // Short: a socket path has 107 characters at most.
  const folder = mkdtempSync('/tmp/dockerd-test-');
  const socket = join(folder, 's');
  const logFile = join(folder, 'log');
  mkdirSync(join(folder, 'data'));
  // The machine's own configuration is none of ours.
  writeFileSync(join(folder, 'daemon.json'), '{}');
  const log = openSync(logFile, 'a');
  const daemon = spawn(
    'dockerd',
    [
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'pid')}`,
      `--host=unix://${socket}`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      '--storage-driver=overlay2',
      `--config-file=${join(folder, 'daemon.json')}`,
    ],
    { stdio: ['ignore', log, log], detached: true, env: { ...process.env, TMPDIR: folder } },
  );
  closeSync(log);
  // The test run may be interrupted; then this at least is done.
  const onExit = (): void => cleanUp(daemon, folder);
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    process.off('exit', onExit);
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 20_000).unref())]);
    }
    cleanUp(daemon, folder);
  };
  const end = Date.now() + 40_000;
  for (;;) {
    const version = existsSync(socket) ? await dockerVersion(socket).catch(() => undefined) : undefined;
    if (version) return { socket, version: version.Version, environment: { DOCKER_HOST: `unix://${socket}` }, stop };
    if (daemon.exitCode !== null || Date.now() > end) {
      const words = readFileSync(logFile, 'utf8').slice(-2000);
      await stop();
      throw new Error(`dockerd does not answer:\n${words}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Whatever still runs with our folder on its command line (containerd, shims) was started by our daemon. */
function cleanUp(daemon: ChildProcess, folder: string): void {
  if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill('SIGKILL');
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`${folder}/`)) process.kill(Number(name), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of mounts.reverse()) spawnSync('umount', ['-l', point]);
  const left = (): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/`);
  // Never below something that is still mounted.
  if (!left()) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  else throw new Error(`mounts are left below ${folder}: ${execFileSync('findmnt', ['-rno', 'TARGET'], { encoding: 'utf8' })}`);
}
