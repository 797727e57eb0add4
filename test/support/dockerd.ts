/** A Docker daemon of a test's own: its data, its socket, no bridge, no firewall rules; and nothing of it left afterwards. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerVersion } from '../../src/engine/docker/api.ts';
import { startDaemon } from './daemon.ts';

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
  mkdirSync(join(folder, 'data'));
  // The machine's own configuration is none of ours.
  writeFileSync(join(folder, 'daemon.json'), '{}');
  const daemon = startDaemon({
    program: 'dockerd',
    args: [
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
    folder,
    environment: { ...process.env, TMPDIR: folder },
    graceMs: 20_000,
  });
  const version = await daemon.answering(async () => (existsSync(socket) ? dockerVersion(socket) : undefined));
  return { socket, version: version.Version, environment: { DOCKER_HOST: `unix://${socket}` }, stop: daemon.stop };
}
