/** A containerd of a test's own, with the CRI service: its data, its socket, a network that makes nothing; and nothing of it left afterwards. */
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
import { type Cri, cri } from './cri.ts';

export interface PrivateContainerd {
  readonly cri: Cri;
  /** As it calls itself in CRI: `1.6.20~ds1`. */
  readonly version: string;
  readonly folder: string;
  /** Every image of an archive becomes known to CRI. */
  importImages(archive: string): void;
  stop(): Promise<void>;
}

export interface ContainerdOptions {
  /** Programs other than those of PATH. */
  readonly binaries?: { readonly folder: string; readonly runc: string };
  readonly sandboxImage: string;
  readonly deviceOwnershipFromSecurityContext?: boolean;
}

/** Undefined when one can be started here; else what is missing, with the line that brings it. */
export const whyNoContainerd: string | undefined =
  process.getuid?.() !== 0
    ? 'a private containerd needs root'
    : ['containerd', 'ctr', 'runc'].every((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
      ? undefined
      : 'containerd and runc are not installed: apt-get install -y containerd runc';

/** A CNI plugin that only says what a network would: the namespace keeps its own, empty stack, which is all that sysctls need. */
const NETWORK = `#!/bin/sh
case "$CNI_COMMAND" in
  ADD) cat >/dev/null
    printf '{"cniVersion":"0.3.1","interfaces":[{"name":"%s","sandbox":"%s"}],' "$CNI_IFNAME" "$CNI_NETNS"
    printf '"ips":[{"version":"4","interface":0,"address":"10.88.0.2/16"}],"dns":{}}' ;;
  VERSION) printf '{"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}' ;;
  *) cat >/dev/null ;;
esac
`;

/** Throws with the end of its log when it does not answer within 40 s. */
export async function startContainerd(options: ContainerdOptions): Promise<PrivateContainerd> {
  // Short: a socket path has 107 characters at most.
  const folder = mkdtempSync('/tmp/ctrd-test-');
  const socket = join(folder, 's');
  const logFile = join(folder, 'log');
  for (const name of ['cni', 'net.d', 'root', 'state', 'opt']) mkdirSync(join(folder, name));
  for (const name of ['loopback', 'nothing']) writeFileSync(join(folder, 'cni', name), NETWORK, { mode: 0o755 });
  writeFileSync(
    join(folder, 'net.d', '1.conflist'),
    JSON.stringify({ cniVersion: '0.3.1', name: 'nothing', plugins: [{ type: 'nothing' }] }),
  );
  writeFileSync(join(folder, 'config.toml'), configuration(folder, options));
  const programs = options.binaries?.folder;
  const path = programs === undefined ? process.env.PATH : `${programs}:${process.env.PATH}`;
  const environment = { ...process.env, PATH: path, TMPDIR: folder };
  const program = (name: string): string => (programs === undefined ? name : join(programs, name));
  const log = openSync(logFile, 'a');
  const daemon = spawn(program('containerd'), ['--config', join(folder, 'config.toml')], {
    stdio: ['ignore', log, log],
    detached: true,
    env: environment,
  });
  closeSync(log);
  const onExit = (): void => cleanUp(daemon, folder);
  process.once('exit', onExit);
  let client: Cri | undefined;
  const stop = async (): Promise<void> => {
    process.off('exit', onExit);
    client?.close();
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
    }
    cleanUp(daemon, folder);
  };
  const end = Date.now() + 40_000;
  for (;;) {
    client ??= existsSync(socket) ? cri(socket) : undefined;
    const version = await client?.call<{ runtimeVersion: string }>('Version', {}).catch(() => undefined);
    if (client !== undefined && version !== undefined) {
      return {
        cri: client,
        version: version.runtimeVersion,
        folder,
        importImages(archive) {
          const args = ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive];
          execFileSync(program('ctr'), args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
        },
        stop,
      };
    }
    if (daemon.exitCode !== null || Date.now() > end) {
      const words = readFileSync(logFile, 'utf8').slice(-3000);
      await stop();
      throw new Error(`containerd does not answer:\n${words}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function configuration(folder: string, options: ContainerdOptions): string {
  const text = (value: string): string => JSON.stringify(value);
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${text(join(folder, 'root'))}
state = ${text(join(folder, 'state'))}
disabled_plugins = ["io.containerd.internal.v1.restart", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = ${text(join(folder, 's'))}
[ttrpc]
  address = ${text(join(folder, 's.ttrpc'))}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(join(folder, 'opt'))}
[${plugin}]
  sandbox_image = ${text(options.sandboxImage)}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  stream_server_port = "0"
  device_ownership_from_security_context = ${options.deviceOwnershipFromSecurityContext === true}
[${plugin}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[${plugin}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${plugin}.containerd.runtimes.runc.options]
  BinaryName = ${text(options.binaries?.runc ?? 'runc')}
[${plugin}.cni]
  bin_dir = ${text(join(folder, 'cni'))}
  conf_dir = ${text(join(folder, 'net.d'))}
`;
}

/** Whatever still runs with our folder on its command line (shims) was started by our daemon; what ran in a pod hangs below a shim. */
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
