/** Works out the process that would really start from an image under some settings on a platform, or who refuses and how. */
import { isWithin } from '../linux/file-path.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { capabilitiesOf } from './capabilities.ts';
import { commandOf, workdirOf } from './command.ts';
import { askedIds, devicesOf } from './devices.ts';
import { environmentOf } from './environment.ts';
import { type Executable, executableOf, type UnknownExecutable } from './executable.ts';
import { fileTree } from './file-tree.ts';
import { firstExecve, type ProgramAt } from './first-execve.ts';
import { type Identity, identityOf } from './identity.ts';
import { isStopped, type LaunchInput, type LaunchSubject, type Stopped } from './input.ts';
import { type Derivation, type Launch, type LaunchMount, type Refusal, userNamespaceOf } from './launch.ts';
import { mountRefused } from './mount-refused.ts';
import { mountsOf } from './mounts.ts';
import { networkOf } from './network.ts';
import { userRequest } from './user-request.ts';
import { validateSettings } from './validation.ts';

/** Never throws for what an image or a user can say: a refusal is a value. */
export function launchImage(input: LaunchInput): Launch | Refusal {
  const name = input.name ?? input.settings.name ?? input.image.reference;
  const outcome = work(input, name);
  if (outcome.kind === 'launch') return outcome;
  const { by, reason, message, because } = outcome;
  return { kind: 'refusal', name, image: input.image.reference, platform: input.profile, by, reason, message, because };
}

/** Who makes the process in which order: admission and validation, kubelet, engine (user, capabilities), runtime (executable). */
function work({ image, settings, profile, host }: LaunchInput, name: string): Launch | Stopped {
  const invalid = validateSettings(settings, profile);
  if (invalid !== undefined) return invalid;
  const request = userRequest(image.config, settings, profile, name);
  if (isStopped(request)) return request;
  const network = networkOf(settings, profile, host);
  if (isStopped(network)) return network;
  const command = commandOf(image.config, settings, profile);
  if (isStopped(command)) return command;
  const identity = identityOf(request, image, settings, profile);
  if (isStopped(identity)) return identity;
  const capabilities = capabilitiesOf(settings, profile, host, identity.uid, request.spec);
  if (isStopped(capabilities)) return capabilities;
  const workdir = workdirOf(image, settings, profile);
  if (isStopped(workdir)) return workdir;
  const environment = environmentOf(image, settings, profile, identity, workdir.cwd);
  // What admission filled in (fsGroup of a constraint) counts for volumes too.
  const mounts = mountsOf(image, request.settings, profile, identity);
  const unmountable = mountRefused(image, request.settings, profile, mounts.mounts);
  if (unmountable !== undefined) return unmountable;
  const devices = devicesOf(settings, profile, host, askedIds(request.spec));

  const noNewPrivileges = settings.noNewPrivileges ?? profile.noNewPrivileges;
  const readOnlyRoot = settings.readOnly === true;
  const runtime = {
    uid: identity.uid,
    gid: identity.gid,
    groups: identity.groups,
    capabilities: capabilities.runtime,
    noNewPrivileges,
    ...userNamespaceOf(identity),
  };
  const subject = { ...identity, cwd: workdir.cwd, mounts: mounts.mounts, readOnlyRoot, platform: profile, settings };
  const tree = image.rootFs === undefined ? undefined : fileTree(subject, image.rootFs);
  const executable: Executable | UnknownExecutable | Stopped =
    tree === undefined
      ? { kind: 'unknown', because: [] }
      : executableOf(command.argv[0] as string, environment.env, workdir.cwd, tree, runtime, network.facts, profile);
  if (isStopped(executable)) return executable;
  const started = firstExecve(
    executable,
    runtime,
    tree,
    programsSeen(image.programs, mounts.mounts),
    workdir.cwd,
    network.facts,
    profile,
  );
  if (isStopped(started)) return started;

  const because: Derivation[] = [
    ...identity.because,
    { field: 'noNewPrivileges', value: String(noNewPrivileges), source: nnpSource(settings, profile) },
    ...capabilities.because,
    ...started.because,
    ...command.because,
    ...executable.because,
    ...workdir.because,
    ...environment.because,
    ...network.because,
    ...mounts.because,
    ...devices.because,
    { field: 'readOnlyRoot', value: String(readOnlyRoot), source: readOnlyRoot ? 'the settings ask for it' : 'not asked for' },
    { field: 'umask', value: '0022', source: 'runc and crun set 0022 unless the runtime spec names another' },
  ];
  return {
    kind: 'launch',
    name,
    image: image.reference,
    platform: profile,
    settings,
    ...idsOf(identity),
    ...started.ids,
    ...(started.notDumpable === true ? { notDumpable: true } : {}),
    runtimeCapabilities: capabilities.runtime,
    capabilities: started.capabilities,
    noNewPrivileges,
    argv: command.argv,
    ...(executable.kind === 'executable' ? { executable: executable.path } : {}),
    env: environment.env,
    home: environment.home,
    cwd: workdir.cwd,
    umask: 0o022,
    readOnlyRoot,
    mounts: mounts.mounts,
    ...(devices.devices.length === 0 ? {} : { devices: devices.devices }),
    sysctls: network.sysctls,
    network: network.network,
    facts: network.facts,
    because,
  };
}

/** A file of the image that something is mounted over is not what is executed. */
function programsSeen(programs: LaunchSubject['programs'], mounts: readonly LaunchMount[]): ProgramAt {
  return (path) => {
    const over = [...mounts].sort((a, b) => b.target.length - a.target.length).find(({ target }) => isWithin(path, target));
    return over === undefined || over.copiesImageContent === true ? programs?.get(path) : undefined;
  };
}

function idsOf(
  identity: Identity,
): Pick<Launch, 'uid' | 'gid' | 'groups' | 'userName' | 'hostUid' | 'uidMappings' | 'gidMappings'> {
  const { uid, gid, groups, userName, hostUid, uidMappings, gidMappings } = identity;
  return { uid, gid, groups, ...(userName === undefined ? {} : { userName }), hostUid, uidMappings, gidMappings };
}

function nnpSource(settings: ContainerSettings, profile: PlatformProfile): string {
  return settings.noNewPrivileges === undefined
    ? (profile.sources.noNewPrivileges ?? `the default of ${profile.name}`)
    : 'the settings say so';
}
