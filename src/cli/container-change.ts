/** The run settings of a fix as what a manifest says of a container. */
import type { Run } from '../finding/fix.ts';
import { handedFiles } from '../launch/handed-files.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { FixResult } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { AnyContainer, AnyWorkload } from './manifest-containers.ts';

/** What Pod Security restricted asks for beside the user (kubernetes.io, Pod Security Standards). */
export const BASICS = { noNewPrivileges: true, capDrop: ['ALL'], seccompProfile: 'RuntimeDefault' } as const;

/** The run settings of a fix as settings of a container; those that the changed image says itself are left out. */
export function changeOf(
  one: AnyContainer,
  { run, fixedRun, recipient, profile }: FixResult,
  image: string | undefined,
): ContainerChange {
  const { workload, container } = one;
  const own: Run = fixedRun;
  const { uid, gid } = recipient;
  const moved = own.ports.filter(({ from, to }) => from !== to);
  const fsGroup =
    workload.format === 'kubernetes' &&
    container.settings.fsGroup === undefined &&
    (wantsFsGroup(one, recipient, profile) || run.volumes.some(({ remedy }) => remedy === 'fsGroup'));
  return {
    container: container.name,
    ...(image === undefined ? {} : { image }),
    user: { uid, gid },
    runAsNonRoot: true,
    ...(own.noNewPrivileges ? { noNewPrivileges: true } : {}),
    capDrop: BASICS.capDrop,
    seccompProfile: BASICS.seccompProfile,
    ...(own.capAdd.length > 0 ? { capAdd: own.capAdd } : {}),
    ...(own.readOnly ? { readOnly: true } : {}),
    ...(Object.keys(own.sysctls).length > 0 && !onHostNetwork(workload) ? { sysctls: own.sysctls } : {}),
    ...(own.tmpfs.length > 0 ? { tmpfs: own.tmpfs } : {}),
    ...(own.volumes.length > 0 ? { volumes: own.volumes } : {}),
    ...(fsGroup ? { fsGroup: gid } : {}),
    ...(moved.length > 0 ? { ports: moved } : {}),
    // A changed image says its words and its environment itself, unless the manifest overrides them.
    ...(image === undefined || container.settings.env !== undefined ? entriesOf('env', own.env) : {}),
    ...(own.entrypoint !== undefined && (image === undefined || container.settings.entrypoint !== undefined)
      ? { entrypoint: own.entrypoint }
      : {}),
    ...(own.command !== undefined && (image === undefined || container.settings.command !== undefined)
      ? { command: own.command }
      : {}),
    ...(own.workdir !== undefined && (image === undefined || container.settings.workdir !== undefined)
      ? { workdir: own.workdir }
      : {}),
  };
}

/** A claim that root filled so far, or files of a Secret that only root may read: the group gets them, as far as their kind lets the kubelet do that. */
export function wantsFsGroup(
  { workload, container: { settings } }: AnyContainer,
  { uid, gid }: { readonly uid: number; readonly gid: number },
  profile: PlatformProfile,
): boolean {
  if (workload.format !== 'kubernetes' || settings.fsGroup !== undefined) return false;
  const readable = ({ mode, uid: owner }: Inode): boolean => (mode & (owner === uid ? 0o400 : 0o004)) !== 0;
  return (settings.volumes ?? []).some(
    (volume) =>
      (volume.kind === 'external' && volume.readOnly !== true && volume.takesFsGroup?.answer !== 'no') ||
      handedFiles(volume, { ...settings, runAsUser: uid, runAsGroup: gid }, profile).some(({ inode }) => !readable(inode)),
  );
}

/** As whoever the image says. */
export const withoutIdentity: (settings: ContainerSettings) => ContainerSettings = ({
  runAsUser: _u,
  runAsGroup: _g,
  runAsNonRoot: _n,
  user: _,
  ...rest
}) => rest;

/** As `changeOf` will write it: what the group gets through fsGroup is asked about as such. */
export function withGroup(
  one: AnyContainer,
  settings: ContainerSettings,
  user: string,
  profile: PlatformProfile,
): ContainerSettings {
  const [, uid, gid = uid] = /^(\d+)(?::(\d+))?$/.exec(user) ?? [];
  if (gid === undefined || !wantsFsGroup(one, { uid: Number(uid), gid: Number(gid) }, profile)) return settings;
  return { ...settings, fsGroup: Number(gid) };
}

const onHostNetwork = (workload: AnyWorkload): boolean =>
  workload.format === 'kubernetes' ? workload.pod.spec?.hostNetwork === true : workload.service.networkMode === 'host';

const entriesOf = (key: 'env', record: Readonly<Record<string, string>>): { readonly env?: Readonly<Record<string, string>> } =>
  Object.keys(record).length === 0 ? {} : { [key]: record };
