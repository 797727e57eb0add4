/** The folder of one container: its mounted root, its volumes, the small files an engine gives every container. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { folderChanges, type Snapshot, snapshot } from './changes.ts';
import type { ContainerNames, FileChange } from './engine.ts';
import { tmpfsOf } from './mount-watch.ts';
import { type ContainerRoot, containerRoot } from './rootfs/root.ts';
import { newId, runFolder } from './rootfs/run-folder.ts';
import { hostnameOf } from './spec.ts';
import { makeVolumes, type VolumeFolder, volumeChanges } from './volumes.ts';

export interface ContainerHome {
  readonly id: string;
  readonly path: string;
  readonly root: ContainerRoot;
  readonly volumes: readonly VolumeFolder[];
  /** Everything is in place and nothing has run: what differs later is a change. `inside`: the container's root as seen through /proc. */
  baseline(pid: number, launch: Launch, inside: string): void;
  changes(launch: Launch): Promise<readonly FileChange[]>;
  remove(): Promise<void>;
}

/** Makes it; when something fails half-way, nothing of it stays. */
export async function prepareHome(image: Image, layers: readonly string[], launch: Launch): Promise<ContainerHome> {
  const id = newId();
  const { path, registration } = runFolder(id);
  let root: ContainerRoot | undefined;
  const remove = async (): Promise<void> => {
    await root?.unmount();
    rmSync(path, { recursive: true, force: true });
    registration.release();
  };
  try {
    root = await containerRoot(image, layers, path);
    const mounted = root;
    const volumes = makeVolumes(launch, mounted.path, path);
    const scratch: { readonly target: string; readonly before: Snapshot; folder(): string | undefined }[] = [];
    return {
      id,
      path,
      root: mounted,
      volumes,
      baseline(pid, of, inside) {
        mounted.baseline();
        for (const { type, target } of of.mounts) {
          if (type !== 'tmpfs' || target === '/dev' || target.startsWith('/dev/')) continue;
          scratch.push({ target, before: snapshot(inside + target), folder: () => tmpfsOf(pid, target) });
        }
      },
      async changes() {
        const ours = madeByEngine(launch);
        const found = (await mounted.changes()).filter(
          (change) => !(change.change === 'added' && change.type === 'directory' && ours.has(change.path)),
        );
        return [...found, ...volumeChanges(volumes), ...scratch.flatMap(tmpfsChanges)];
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A tmpfs ends with the container's last process: then there is nothing left to compare. */
function tmpfsChanges({
  target,
  before,
  folder,
}: {
  target: string;
  before: Snapshot;
  folder(): string | undefined;
}): readonly FileChange[] {
  let now: Snapshot;
  try {
    const path = folder();
    now = path === undefined ? new Map() : snapshot(path);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
  return now.size === 0 ? [] : folderChanges(target, before, now);
}

/** A missing working directory is made by the runtime just before it starts the program (runc libcontainer/rootfs_linux.go). */
function madeByEngine(launch: Launch): ReadonlySet<string> {
  const words = launch.cwd.split('/').filter(Boolean);
  return new Set(words.map((_, index) => `/${words.slice(0, index + 1).join('/')}`));
}

/** /etc/hosts, /etc/hostname and /etc/resolv.conf, as Docker and Podman mount them over the image's: without them not even `localhost` has a name. */
export function containerFiles(
  home: Pick<ContainerHome, 'id' | 'path'>,
  launch: Launch,
  names?: ContainerNames,
): readonly { readonly target: string; readonly source: string }[] {
  const hostname = hostnameOf(launch, home.id);
  const files = {
    hosts: hostsText(hostname, names),
    hostname: `${hostname}\n`,
    'resolv.conf': resolverText(names),
  };
  const folder = join(home.path, 'etc');
  mkdirSync(folder, { mode: 0o755 });
  return Object.entries(files).map(([name, text]) => {
    const source = join(folder, name);
    writeFileSync(source, text, { mode: 0o644 });
    return { target: `/etc/${name}`, source };
  });
}

/** As Docker writes it: what was asked for besides, and the container itself last. */
export const hostsText = (hostname: string, names?: ContainerNames): string =>
  [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...(names?.hosts ?? []),
    `${names?.address ?? '127.0.0.1'}\t${hostname}`,
    '',
  ].join('\n');

/** Empty: without a network there is nobody to ask. */
export const resolverText = (names?: ContainerNames): string =>
  names === undefined ? '' : `nameserver ${names.nameserver}\noptions ndots:0\n`;
