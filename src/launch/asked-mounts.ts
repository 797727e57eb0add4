/** What the image and the settings want mounted, and whether that is a folder or a file: as far as it decides whether the mount can be made. */
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import { normalise } from './command.ts';
import type { LaunchSubject } from './input.ts';
import type { LaunchMount } from './launch.ts';
import { placeOf } from './mounts.ts';

export interface AskedMount {
  /** As it is written. */
  readonly target: string;
  readonly what: 'directory' | 'file';
  /** Where it comes from on the host; `…` stands for what the engine or the kubelet makes up. */
  readonly source: string;
  readonly how: 'bind' | 'tmpfs';
  /** Flags of the mount, as mount(8) calls them. */
  readonly options: readonly string[];
  /** The engine puts the content of the image in before anything is mounted. */
  readonly copied?: 'VOLUME' | 'named';
}

/** Those whose kind is certain; a folder of the host that nobody looked at is not among them. */
export function askedMounts(
  { config, rootFs }: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  mounts: readonly LaunchMount[],
): readonly AskedMount[] {
  const place = (target: string): string => placeOf(target, rootFs);
  const madeAt = (target: string): LaunchMount | undefined => mounts.find((mount) => mount.target === place(target));
  const volumes = (settings.volumes ?? []).map((volume) => ({ ...volume, target: normalise(volume.target) }));
  const taken = new Set(volumes.map(({ target }) => place(target)));
  const declared = config.volumes.map(normalise).filter((target) => !taken.has(place(target)));
  return [
    ...declared.map((target) => engineVolume(target, 'VOLUME', madeAt(target))),
    ...volumes.flatMap((volume) => askedOf(volume, settings, profile, madeAt(volume.target)) ?? []),
  ];
}

function engineVolume(target: string, copied: AskedMount['copied'], made: LaunchMount | undefined): AskedMount {
  const options = made?.options ?? [];
  return { target, what: 'directory', source: '…/_data', how: 'bind', options, ...(copied === undefined ? {} : { copied }) };
}

function askedOf(
  volume: Volume,
  settings: ContainerSettings,
  { kubelet }: PlatformProfile,
  made: LaunchMount | undefined,
): AskedMount | undefined {
  const { target, kind } = volume;
  const options = made?.options ?? [];
  if (kind === 'tmpfs') return { target, what: 'directory', source: 'tmpfs', how: 'tmpfs', options };
  const what = kindOfRoot(volume, made);
  if (what === undefined) return undefined;
  if (kind === 'bind') return { target, what, source: volume.source ?? '…', how: 'bind', options };
  if (kubelet || (kind !== 'named' && kind !== 'anonymous'))
    return { target, what, source: kubeletPath(volume, settings), how: 'bind', options };
  return engineVolume(target, volume.noCopy === true ? undefined : kind === 'named' ? 'named' : 'VOLUME', made);
}

/** Undefined = nobody here knows. */
function kindOfRoot(volume: Volume, made: LaunchMount | undefined): AskedMount['what'] | undefined {
  const { kind, subPath, files } = volume;
  if (kind === 'bind') {
    if (subPath !== undefined) return undefined;
    if (/^Directory/.test(volume.hostPathType ?? '')) return 'directory';
    if (/^(?:File|Socket$|CharDevice$|BlockDevice$)/.test(volume.hostPathType ?? '')) return 'file';
    if (files === undefined || files.length === 0) return undefined;
    return files.some(({ path }) => path === '') ? 'file' : 'directory';
  }
  if (subPath === undefined) return 'directory';
  // The kubelet makes the folder, unless another container has put something there.
  if (kind === 'empty-dir') return volume.shared === undefined ? 'directory' : undefined;
  // Of a ConfigMap whose keys are not at hand nobody knows whether the name is one of them.
  if (kind !== 'projected' || volume.otherFilesMode !== undefined) return undefined;
  const root = made?.entries?.find(({ path }) => path === '')?.inode;
  return root === undefined ? undefined : root.type === 'directory' ? 'directory' : 'file';
}

/** kubernetes pkg/kubelet/kubelet_getters.go getPodVolumeDir: the plugin's name, escaped. */
const PLUGINS: Readonly<Record<string, string>> = {
  emptyDir: 'empty-dir',
  configMap: 'configmap',
  secret: 'secret',
  projected: 'projected',
  downwardAPI: 'downward-api',
};

function kubeletPath({ name, kind, type, subPath }: Volume, { pod }: ContainerSettings): string {
  const plugin = PLUGINS[type ?? (kind === 'empty-dir' ? 'emptyDir' : '')];
  const folder = `/var/lib/kubelet/pods/${pod?.uid ?? '<pod uid>'}`;
  if (subPath !== undefined) return `${folder}/volume-subpaths/${name ?? '…'}/…`;
  return plugin === undefined ? `${folder}/volumes/…` : `${folder}/volumes/kubernetes.io~${plugin}/${name ?? '…'}`;
}
