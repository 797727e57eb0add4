/** What the API server refuses to store of a pod, as far as identity, access and volumes go, in its words (kubernetes pkg/apis/core/validation/validation.go). */
import { listOf, objectOf, objectsOf, textOf } from '../workload/formats/kubernetes/json-value.ts';
import type { Pod, PodContainer, PodSpec, PodVolume, SecurityContext } from '../workload/formats/kubernetes/pod-spec.ts';
import { windowsErrors } from './windows-pod.ts';

const MAX_ID = 2147483647;

/** Each as `field: kind: detail`, in the order in which the API server finds them. */
export function podErrors(pod: Pod): readonly string[] {
  const spec = objectOf(pod.spec) ?? {};
  const onHostUsers = spec.hostUsers !== false;
  return [
    ...objectsOf(spec.volumes).flatMap((volume, at) => volumeErrors(volume, `spec.volumes[${at}]`)),
    ...containersOf(spec).flatMap(([container, path]) => [
      ...mountErrors(container, spec, `${path}.volumeMounts`),
      ...contextErrors(objectOf(container.securityContext), `${path}.securityContext`, onHostUsers),
    ]),
    ...podContextErrors(spec),
    ...hostUsersErrors(spec),
    ...(spec.os?.name === 'windows' ? windowsErrors(spec) : []),
  ];
}

/** As the API server's answer reads. */
export function invalidPod(pod: Pod, errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  const name = textOf(objectOf(pod.metadata)?.name) ?? '';
  return `Pod ${JSON.stringify(name)} is invalid: ${unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`}`;
}

/** With their paths; validation goes through the kinds in this order. */
export function containersOf(spec: PodSpec): readonly (readonly [PodContainer, string])[] {
  const kinds = ['containers', 'initContainers', 'ephemeralContainers'] as const;
  return kinds.flatMap((kind) =>
    objectsOf<PodContainer>(spec[kind]).map((container, at) => [container, `spec.${kind}[${at}]`] as const),
  );
}

function idError(value: unknown, path: string): string[] {
  if (typeof value !== 'number' || (value >= 0 && value <= MAX_ID)) return [];
  return [`${path}: Invalid value: ${value}: must be between 0 and ${MAX_ID}, inclusive`];
}

function unsupported(value: unknown, path: string, supported: readonly string[]): string[] {
  if (typeof value !== 'string' || supported.includes(value)) return [];
  const list = supported.map((one) => JSON.stringify(one)).join(', ');
  return [`${path}: Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`];
}

function modeError(value: unknown, path: string): string[] {
  if (typeof value !== 'number' || (value >= 0 && value <= 0o777)) return [];
  return [`${path}: Invalid value: ${value}: must be a number between 0 and 0777 (octal), both inclusive`];
}

/** A mode written as 644 instead of 0644 is decimal, and too large. */
function volumeErrors(volume: PodVolume, path: string): string[] {
  const modes = (value: unknown, at: string): string[] => {
    const source = objectOf(value as { readonly defaultMode?: number; readonly items?: readonly { readonly mode?: number }[] });
    if (source === undefined) return [];
    return [
      ...modeError(source.defaultMode, `${at}.defaultMode`),
      ...objectsOf(source.items).flatMap((item, index) => modeError(item.mode, `${at}.items[${index}].mode`)),
    ];
  };
  return [
    ...modes(volume.secret, `${path}.secret`),
    ...modes(volume.configMap, `${path}.configMap`),
    ...modes(volume.downwardAPI, `${path}.downwardAPI`),
    ...modeError(volume.projected?.defaultMode, `${path}.projected.defaultMode`),
    ...objectsOf(volume.projected?.sources).flatMap((source, at) => {
      const place = `${path}.projected.sources[${at}]`;
      return [
        ...modes(source.secret, `${place}.secret`),
        ...modes(source.configMap, `${place}.configMap`),
        ...modes(source.downwardAPI, `${place}.downwardAPI`),
      ];
    }),
  ];
}

function mountErrors(container: PodContainer, spec: PodSpec, path: string): string[] {
  const names = new Set(objectsOf(spec.volumes).map(({ name }) => name));
  const places = new Set<string>();
  return objectsOf(container.volumeMounts).flatMap((mount, at) => {
    const errors: string[] = [];
    if (!names.has(mount.name)) errors.push(`${path}[${at}].name: Not found: ${JSON.stringify(mount.name)}`);
    if (places.has(mount.mountPath))
      errors.push(`${path}[${at}].mountPath: Invalid value: ${JSON.stringify(mount.mountPath)}: must be unique`);
    places.add(mount.mountPath);
    const sub = textOf(mount.subPath) ?? '';
    if (sub.startsWith('/')) errors.push(`${path}.subPath: Invalid value: ${JSON.stringify(sub)}: must be a relative path`);
    if (sub.split('/').includes('..'))
      errors.push(`${path}.subPath: Invalid value: ${JSON.stringify(sub)}: must not contain '..'`);
    return errors;
  });
}

function contextErrors(context: SecurityContext | undefined, path: string, onHostUsers: boolean): string[] {
  if (context === undefined) return [];
  const errors = [...idError(context.runAsUser, `${path}.runAsUser`), ...idError(context.runAsGroup, `${path}.runAsGroup`)];
  errors.push(...unsupported(context.procMount, `${path}.procMount`, ['Default', 'Unmasked']));
  if (onHostUsers && context.procMount === 'Unmasked')
    errors.push(`${path}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``);
  if (context.allowPrivilegeEscalation === false) {
    const whole = `${path}: Invalid value: ${JSON.stringify(asStored(context))}`;
    if (context.privileged === true)
      errors.push(`${whole}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`);
    // Only this spelling is compared; the usual SYS_ADMIN passes.
    for (const name of listOf(context.capabilities?.add)) {
      if (name === 'CAP_SYS_ADMIN')
        errors.push(`${whole}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`);
    }
  }
  return errors;
}

/** The context as the API server prints it: its internal type, every field, Go's names. */
function asStored(context: SecurityContext): object {
  const { capabilities, seLinuxOptions: se, windowsOptions: windows, seccompProfile, appArmorProfile } = context;
  const profile = (given: SecurityContext['seccompProfile']): object | null =>
    given === undefined ? null : { Type: given.type, LocalhostProfile: given.localhostProfile ?? null };
  return {
    Capabilities: capabilities === undefined ? null : { Add: capabilities.add ?? null, Drop: capabilities.drop ?? null },
    Privileged: context.privileged ?? null,
    SELinuxOptions:
      se === undefined ? null : { User: se.user ?? '', Role: se.role ?? '', Type: se.type ?? '', Level: se.level ?? '' },
    WindowsOptions:
      windows === undefined
        ? null
        : {
            GMSACredentialSpecName: windows.gmsaCredentialSpecName ?? null,
            GMSACredentialSpec: windows.gmsaCredentialSpec ?? null,
            RunAsUserName: windows.runAsUserName ?? null,
            HostProcess: windows.hostProcess ?? null,
          },
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: profile(seccompProfile),
    AppArmorProfile: profile(appArmorProfile),
  };
}

function podContextErrors(spec: PodSpec): string[] {
  const context = objectOf(spec.securityContext);
  if (context === undefined) return [];
  const path = 'spec.securityContext';
  const errors = [
    ...idError(context.fsGroup, `${path}.fsGroup`),
    ...idError(context.runAsUser, `${path}.runAsUser`),
    ...idError(context.runAsGroup, `${path}.runAsGroup`),
    ...listOf(context.supplementalGroups).flatMap((gid, at) => idError(gid, `${path}.supplementalGroups[${at}]`)),
  ];
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    errors.push(`${path}.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled`);
  return [
    ...errors,
    ...unsupported(context.fsGroupChangePolicy, `${path}.fsGroupChangePolicy`, ['Always', 'OnRootMismatch']),
    ...unsupported(context.supplementalGroupsPolicy, `${path}.supplementalGroupsPolicy`, ['Merge', 'Strict']),
  ];
}

/** A pod with a user namespace of its own has no part in the host's other namespaces. */
function hostUsersErrors(spec: PodSpec): string[] {
  if (spec.hostUsers !== false) return [];
  const why = 'Forbidden: when `hostUsers` is false';
  const kinds = ['initContainers', 'containers', 'ephemeralContainers'] as const;
  return [
    ...(spec.hostNetwork === true ? [`spec.hostNetwork: ${why}`] : []),
    ...(spec.hostPID === true ? [`spec.HostPID: ${why}`] : []),
    ...(spec.hostIPC === true ? [`spec.HostIPC: ${why}`] : []),
    ...kinds.flatMap((kind) =>
      objectsOf<PodContainer>(spec[kind]).flatMap((container, at) =>
        listOf(container.volumeDevices).length > 0 ? [`spec.${kind}[${at}].volumeDevices: ${why}`] : [],
      ),
    ),
  ];
}
