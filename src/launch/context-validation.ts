/** Security contexts, of a pod and of its containers, that the API server refuses. */
import { listOf, objectOf, objectsOf, textOf } from '../workload/formats/kubernetes/json-value.ts';
import type { PodSpec, SecurityContext, SecurityProfile } from '../workload/formats/kubernetes/pod-spec.ts';
import { idError, invalid, required, unsupported } from './field-errors.ts';

export function contextErrors(context: SecurityContext | undefined, path: string, onHostUsers: boolean): string[] {
  if (context === undefined) return [];
  const errors = [...idError(context.runAsUser, `${path}.runAsUser`), ...idError(context.runAsGroup, `${path}.runAsGroup`)];
  errors.push(...unsupported(context.procMount, `${path}.procMount`, ['Default', 'Unmasked']));
  if (onHostUsers && context.procMount === 'Unmasked')
    errors.push(`${path}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``);
  errors.push(...profileErrors(context.seccompProfile, `${path}.seccompProfile`, 'seccomp'));
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
  errors.push(...profileErrors(context.appArmorProfile, `${path}.appArmorProfile`, 'AppArmor'));
  return errors;
}

/** seccompProfile and appArmorProfile: a type, and a file with `Localhost` alone. */
function profileErrors(profile: SecurityProfile | undefined, path: string, what: 'seccomp' | 'AppArmor'): string[] {
  if (objectOf(profile) === undefined) return [];
  const { type, localhostProfile } = profile as SecurityProfile;
  const errors: string[] = [];
  if (textOf(type) === undefined || type === '')
    errors.push(
      required(`${path}.type`, `type is required when ${what === 'seccomp' ? 'seccompProfile' : 'appArmorProfile'} is set`),
    );
  else errors.push(...unsupported(type, `${path}.type`, ['Localhost', 'RuntimeDefault', 'Unconfined']));
  const file = `${path}.localhostProfile`;
  if (type === 'Localhost') {
    if (localhostProfile === undefined) errors.push(required(file, `must be set when ${what} type is Localhost`));
    else if (what === 'seccomp') {
      if (localhostProfile.startsWith('/')) errors.push(invalid(localhostProfile, file, 'must be a relative path'));
      if (localhostProfile.split('/').includes('..')) errors.push(invalid(localhostProfile, file, "must not contain '..'"));
    }
  } else if (localhostProfile !== undefined && (what === 'seccomp' || type === 'RuntimeDefault' || type === 'Unconfined')) {
    const shown = what === 'seccomp' ? { Type: type, LocalhostProfile: localhostProfile } : localhostProfile;
    errors.push(invalid(shown, file, `can only be set when ${what} type is Localhost`));
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

/** The pod's own. */
export function podContextErrors(spec: PodSpec): readonly string[] {
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
    ...sysctlErrors(spec, `${path}.sysctls`),
    ...unsupported(context.fsGroupChangePolicy, `${path}.fsGroupChangePolicy`, ['Always', 'OnRootMismatch']),
    ...profileErrors(context.seccompProfile, `${path}.seccompProfile`, 'seccomp'),
    ...profileErrors(context.appArmorProfile, `${path}.appArmorProfile`, 'AppArmor'),
    ...unsupported(context.supplementalGroupsPolicy, `${path}.supplementalGroupsPolicy`, ['Merge', 'Strict']),
  ];
}

const SYSCTL_TEXT = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;
const SYSCTL = new RegExp(SYSCTL_TEXT);

/** Names, and those of a name space that the pod shares with the host. */
function sysctlErrors(spec: PodSpec, path: string): string[] {
  const names = new Set<string>();
  return objectsOf(spec.securityContext?.sysctls).flatMap(({ name }, at) => {
    const place = `${path}[${at}].name`;
    const errors: string[] = [];
    if (textOf(name) === undefined || name === '') errors.push(`${place}: Required value`);
    else if (name.length > 253 || !SYSCTL.test(name))
      errors.push(invalid(name, place, `must have at most 253 characters and match regex ${SYSCTL_TEXT}`));
    else if (names.has(name)) errors.push(`${place}: Duplicate value: ${JSON.stringify(name)}`);
    const dotted = String(name).replaceAll('/', '.');
    if (spec.hostNetwork === true && dotted.startsWith('net.'))
      errors.push(invalid(name, place, "may not be specified when 'hostNetwork' is true"));
    if (
      spec.hostIPC === true &&
      /^(?:kernel\.(?:sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$|fs\.mqueue\.)/.test(dotted)
    )
      errors.push(invalid(name, place, "may not be specified when 'hostIPC' is true"));
    names.add(name);
    return errors;
  });
}
