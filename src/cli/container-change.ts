/** The run settings of a fix as what a manifest says of a container. */
import type { Run } from '../finding/fix.ts';
import type { FixResult } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';
import type { AnyContainer, AnyWorkload } from './manifest-containers.ts';

/** What Pod Security restricted asks for beside the user (kubernetes.io, Pod Security Standards). */
export const BASICS = { noNewPrivileges: true, capDrop: ['ALL'], seccompProfile: 'RuntimeDefault' } as const;

/** What root can have as well. */
export const LEAST = { seccompProfile: 'RuntimeDefault' } as const;

/** The run settings of a fix as settings of a container; those that the changed image says itself are left out. */
export function changeOf(
  { workload, container }: AnyContainer,
  { run, fixedRun, recipient }: FixResult,
  image: string | undefined,
): ContainerChange {
  const own: Run = fixedRun;
  const { uid, gid } = recipient;
  const moved = own.ports.filter(({ from, to }) => from !== to);
  // A claim that root filled so far: the group gets it, as far as its kind lets the kubelet do that.
  const claims = (container.settings.volumes ?? []).some(
    ({ kind, readOnly, takesFsGroup }) => kind === 'external' && readOnly !== true && takesFsGroup?.answer !== 'no',
  );
  const fsGroup =
    workload.format === 'kubernetes' &&
    container.settings.fsGroup === undefined &&
    (claims || run.volumes.some(({ remedy }) => remedy === 'fsGroup'));
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

const onHostNetwork = (workload: AnyWorkload): boolean =>
  workload.format === 'kubernetes' ? workload.pod.spec?.hostNetwork === true : workload.service.networkMode === 'host';

const entriesOf = (key: 'env', record: Readonly<Record<string, string>>): { readonly env?: Readonly<Record<string, string>> } =>
  Object.keys(record).length === 0 ? {} : { [key]: record };
