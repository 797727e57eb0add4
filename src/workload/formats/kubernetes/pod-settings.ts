/** What a pod asks for around each of its containers' images: contexts merged, variables expanded, volumes with their kinds. */
import type { ContainerSettings } from '../../container.ts';
import type { ContainerRole, WorkloadContainer } from '../../workload.ts';
import { given, listOf, numberOf, objectOf, objectsOf, textOf, textsOf, truthOf } from './json-value.ts';
import { devicesOfContainer } from './pod-devices.ts';
import { environmentOfContainer, expandAll, namespaceOf } from './pod-environment.ts';
import type { Pod, PodContainer } from './pod-spec.ts';
import { volumesOfContainer } from './pod-volumes.ts';
import { effectiveSecurityContext } from './security-context.ts';
import { withServiceAccountToken } from './service-account-token.ts';
import type { Surroundings } from './surroundings.ts';

/** In the order in which they start: init containers and sidecars as written, then the containers, then ephemeral ones. */
export function settingsOfPod(pod: Pod, around: Surroundings = {}): WorkloadContainer[] {
  const admitted = withServiceAccountToken(pod, around);
  const spec = objectOf(admitted.spec) ?? {};
  const of = (container: PodContainer, role: ContainerRole): WorkloadContainer => containerOf(admitted, container, role, around);
  return [
    ...objectsOf(spec.initContainers).map((one) => of(one, one.restartPolicy === 'Always' ? 'sidecar' : 'init')),
    ...objectsOf(spec.containers).map((one) => of(one, 'container')),
    ...objectsOf(spec.ephemeralContainers).map((one) => of(one, 'ephemeral')),
  ];
}

function containerOf(pod: Pod, container: PodContainer, role: ContainerRole, around: Surroundings): WorkloadContainer {
  const image = textOf(container.image);
  return {
    name: textOf(container.name) ?? '',
    role,
    ...(image === undefined ? {} : { image }),
    settings: settingsOf(pod, container, around),
    spans: {},
  };
}

function settingsOf(pod: Pod, container: PodContainer, around: Surroundings): ContainerSettings {
  const metadata = objectOf(pod.metadata) ?? {};
  const spec = objectOf(pod.spec) ?? {};
  const shared = objectOf(spec.securityContext) ?? {};
  const context = effectiveSecurityContext(pod, container);
  const environment = environmentOfContainer(pod, container, around);
  const volumes = volumesOfContainer(pod, container, environment, around);
  const devices = devicesOfContainer(pod, container, around);
  const escalation = truthOf(context.allowPrivilegeEscalation);
  const unknownEnv = [...environment.variables].filter(([, value]) => value === undefined).map(([name]) => name);
  const env = [...environment.variables].filter((entry): entry is [string, string] => entry[1] !== undefined);
  const expanded = (word: string): string => expandAll(word, environment.variables) ?? word;
  // A word with something unknown in it stays as it is written.
  const words = (list: readonly string[] | undefined): readonly string[] | undefined =>
    Array.isArray(list) && list.length > 0 ? list.map((word) => expanded(textOf(word) ?? '')) : undefined;
  const groups = listOf(shared.supplementalGroups).flatMap((gid) => (numberOf(gid) === undefined ? [] : [gid]));
  const fromVolumes = objectsOf(spec.volumes).flatMap((volume) => {
    const gid = around.claims?.get(textOf(volume.persistentVolumeClaim?.claimName) ?? '')?.gid;
    return gid === undefined ? [] : [gid];
  });
  const sysctls = objectsOf(shared.sysctls).map(({ name, value }) => [name, value] as const);
  const name = textOf(metadata.name) ?? textOf(metadata.generateName);
  const namespace = textOf(metadata.namespace);
  return given({
    name: textOf(container.name),
    entrypoint: words(container.command),
    command: words(container.args),
    env: env.length === 0 ? undefined : Object.fromEntries(env),
    unknownEnv: unknownEnv.length === 0 ? undefined : unknownEnv,
    workdir: textOf(container.workingDir) || undefined,
    capAdd: listOfNames(context.capabilities?.add),
    capDrop: listOfNames(context.capabilities?.drop),
    noNewPrivileges: escalation === undefined ? undefined : !escalation,
    privileged: truthOf(context.privileged),
    readOnly: truthOf(context.readOnlyRootFilesystem),
    unmaskedProc: context.procMount === 'Unmasked' ? true : undefined,
    sysctls: sysctls.length === 0 ? undefined : Object.fromEntries(sysctls),
    volumes: volumes.volumes.length === 0 ? undefined : volumes.volumes,
    devices: devices.length === 0 ? undefined : devices,
    tty: container.tty === true ? true : undefined,
    network: spec.hostNetwork === true ? ('host' as const) : undefined,
    hostname: spec.hostNetwork === true ? undefined : (textOf(spec.hostname) ?? textOf(metadata.name)),
    runAsNonRoot: truthOf(context.runAsNonRoot),
    runAsUser: numberOf(context.runAsUser),
    runAsGroup: numberOf(context.runAsGroup),
    windowsUserName: textOf(context.windowsOptions?.runAsUserName),
    fsGroup: numberOf(shared.fsGroup),
    fsGroupChangePolicy: shared.fsGroupChangePolicy === 'OnRootMismatch' ? shared.fsGroupChangePolicy : undefined,
    supplementalGroups: groups.length + fromVolumes.length === 0 ? undefined : [...groups, ...fromVolumes],
    supplementalGroupsPolicy: shared.supplementalGroupsPolicy === 'Strict' ? ('Strict' as const) : undefined,
    hostUsers: truthOf(spec.hostUsers),
    terminationMessagePath: textOf(container.terminationMessagePath) || undefined,
    configError: environment.error ?? volumes.error,
    pod: {
      name: name ?? (textOf(container.name) as string),
      namespace: namespace ?? namespaceOf(pod),
      ...(textOf(metadata.uid) === undefined ? {} : { uid: metadata.uid as string }),
      object: pod,
    },
  });
}

function listOfNames(names: readonly string[] | undefined): readonly string[] | undefined {
  const texts = textsOf(names);
  return texts.length === 0 ? undefined : texts;
}
