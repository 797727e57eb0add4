/** A containerd of a test's own, with the CRI service: its data, its socket, a network that makes nothing; and nothing of it left afterwards. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cri, cri } from './cri.ts';
import { startDaemon } from './daemon.ts';

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
  const daemon = startDaemon({
    program: program('containerd'),
    args: ['--config', join(folder, 'config.toml')],
    folder,
    environment,
    graceMs: 10_000,
  });
  let client: Cri | undefined;
  const { runtimeVersion } = await daemon.answering(async () => {
    client ??= existsSync(socket) ? cri(socket) : undefined;
    return client?.call<{ runtimeVersion: string }>('Version', {});
  });
  return {
    cri: client as Cri,
    version: runtimeVersion,
    folder,
    importImages(archive) {
      const args = ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive];
      execFileSync(program('ctr'), args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
    },
    async stop() {
      client?.close();
      await daemon.stop();
    },
  };
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
