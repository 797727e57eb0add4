/** The body of `POST /containers/create` that makes Docker start exactly a Launch, and what it cannot do. Pure: nothing is sent here. */
import type { Launch, LaunchMount } from '../../launch/launch.ts';
import type { CapabilityState } from '../../linux/capability.ts';
import type { PlatformProfile } from '../../platform/platform.ts';
import { capabilityDifferences } from '../capability-flags.ts';
import { deviceOwnerDifferences, entryDifferences } from '../handed-in.ts';
import { sysctlsOf } from '../sysctls.ts';

/** What of the daemon decides the request. */
export interface DockerFacts {
  readonly profile: PlatformProfile;
  readonly limits: { readonly nofile: number; readonly nproc: number };
}

/** An ownership the API has no field for: set from outside between create and start. */
export interface VolumeOwnership {
  readonly target: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

export interface CreateRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly ownerships: readonly VolumeOwnership[];
  /** Volumes that do not go with the container, to be removed after it. */
  readonly namedVolumes: readonly string[];
  readonly differences: readonly string[];
}

/** Mount options moby's tmpfs parser knows (docker run --tmpfs); defaults are noexec, nosuid, nodev. */
const TMPFS_OPTIONS = /^(?:ro|rw|(?:no)?(?:exec|suid|dev)|(?:size|mode|uid|gid|nr_inodes)=.*)$/;

/** `name` is the container's; `imageEnv` the image's own list: what the Launch does not have of it must be taken away. */
export function createRequest(
  launch: Launch,
  facts: DockerFacts,
  name: string,
  image: string,
  imageEnv: readonly string[] = [],
): CreateRequest {
  const { settings } = launch;
  const { bounding } = launch.runtimeCapabilities;
  const given = new Set(launch.env.map(keyOf));
  const unset = imageEnv.map(keyOf).filter((key) => !given.has(key));
  const mounts = mountRequests(launch, facts.profile, name);
  const body = {
    Image: image,
    User: `${launch.uid}:${launch.gid}`,
    // A name without a value removes the image's variable (daemon/container_unix.go ReplaceOrAppendEnvValues).
    Env: [...launch.env, ...unset],
    Entrypoint: launch.argv,
    Cmd: [],
    WorkingDir: launch.cwd,
    ...(settings.hostname === undefined ? {} : { Hostname: settings.hostname }),
    Healthcheck: { Test: ['NONE'] },
    AttachStdout: true,
    AttachStderr: true,
    Volumes: mounts.anonymous,
    HostConfig: {
      NetworkMode: launch.network,
      GroupAdd: launch.groups.filter((group) => group !== launch.gid).map(String),
      // With ALL dropped the list is what is added, whatever the daemon's default.
      ...(settings.privileged ? { Privileged: true } : { CapDrop: ['ALL'], CapAdd: bounding }),
      SecurityOpt: [`no-new-privileges=${launch.noNewPrivileges}`],
      ReadonlyRootfs: launch.readOnlyRoot,
      Sysctls: sysctlsOf(launch),
      Ulimits: [
        { Name: 'nofile', Soft: facts.limits.nofile, Hard: facts.limits.nofile },
        { Name: 'nproc', Soft: facts.limits.nproc, Hard: facts.limits.nproc },
      ],
      Devices: (launch.devices ?? []).map(({ source, path }) => ({
        PathOnHost: source,
        PathInContainer: path,
        CgroupPermissions: 'rwm',
      })),
      Tmpfs: mounts.tmpfs,
      Mounts: mounts.mounts,
      // We read the streams as they come; a file beside them would only grow.
      LogConfig: { Type: 'none' },
    },
  };
  return {
    body,
    ownerships: mounts.ownerships,
    namedVolumes: mounts.named,
    differences: [
      ...(settings.privileged ? [] : capabilityDifferences('Docker', launch.runtimeCapabilities, made(launch, facts.profile))),
      ...(launch.groups.includes(launch.gid)
        ? []
        : [`Docker also puts the primary group ${launch.gid} among the supplementary groups`]),
      ...(launch.platform.passwdInjection === 'none' || launch.userName !== undefined
        ? []
        : [`Docker adds no line for uid ${launch.uid} to /etc/passwd`]),
      ...(launch.umask === 0o022 ? [] : [`Docker starts it with umask 0022, not ${launch.umask.toString(8).padStart(4, '0')}`]),
      ...(launch.uidMappings.length + launch.gidMappings.length > 0
        ? ['Docker runs this without the user namespace the launch asks for']
        : []),
      ...launch.mounts
        .filter((mount) => mount.type === 'tmpfs' && mount.copiesImageContent)
        .map(({ target }) => `Docker leaves the tmpfs at ${target} empty instead of copying the image's content into it`),
      ...deviceOwnerDifferences('Docker', launch),
      ...entryDifferences('Docker', launch),
    ],
  };
}

/** What the daemon makes of a list: P and E for everyone, or for uid 0 only; inheritable up to 20.10.13; never ambient. */
function made(launch: Launch, profile: PlatformProfile): CapabilityState {
  const { bounding } = launch.runtimeCapabilities;
  const permitted = launch.uid === 0 || profile.nonRootCapabilities === 'permitted' ? bounding : [];
  return { bounding, permitted, effective: permitted, inheritable: profile.inheritableCapabilities ? bounding : [], ambient: [] };
}

function mountRequests(
  launch: Launch,
  profile: PlatformProfile,
  name: string,
): {
  named: string[];
  tmpfs: Record<string, string>;
  mounts: Record<string, unknown>[];
  anonymous: Record<string, object>;
  ownerships: VolumeOwnership[];
} {
  const tmpfs: Record<string, string> = {};
  const mounts: Record<string, unknown>[] = [];
  const anonymous: Record<string, object> = {};
  const ownerships: VolumeOwnership[] = [];
  const named: string[] = [];
  for (const mount of launch.mounts) {
    if (mount.type === 'bind') {
      mounts.push({ Type: 'bind', Source: mount.source ?? mount.target, Target: mount.target, ReadOnly: mount.readOnly });
    } else if (mount.type === 'tmpfs' && !(mount.origin === 'platform' && /^\/(?:dev|proc|sys)(?:\/|$)/.test(mount.target))) {
      tmpfs[mount.target] = tmpfsOptions(mount).join(',');
    } else if (mount.type === 'volume') {
      // Without a source it is anonymous, and goes with the container; a read-only one must have a name.
      const noCopy = mount.copiesImageContent !== true;
      if (mount.origin === 'image') anonymous[mount.target] = {};
      else {
        if (mount.readOnly) named.push(`${name}-${named.length}`);
        mounts.push({
          Type: 'volume',
          ...(mount.readOnly ? { Source: named.at(-1) } : {}),
          Target: mount.target,
          ReadOnly: mount.readOnly,
          VolumeOptions: { NoCopy: noCopy },
        });
      }
      const asked = launch.settings.volumes?.some(
        (volume) =>
          volume.target === mount.target && (volume.uid !== undefined || volume.gid !== undefined || volume.mode !== undefined),
      );
      // On its own platform Docker's real choice is the truth; elsewhere, and when somebody asked for it, the Launch is.
      if (asked || launch.platform.name !== profile.name) {
        const { uid, gid, mode } = mount;
        ownerships.push({
          target: mount.target,
          ...(uid === undefined ? {} : { uid }),
          ...(gid === undefined ? {} : { gid }),
          ...(mode === undefined ? {} : { mode }),
        });
      }
    }
  }
  return { named, tmpfs, mounts, anonymous, ownerships };
}

function tmpfsOptions(mount: LaunchMount): string[] {
  const options = mount.options.filter((option) => TMPFS_OPTIONS.test(option) && !/^(?:mode|uid|gid)=/.test(option));
  // Docker adds noexec unless exec is said.
  if (!options.includes('noexec') && !options.includes('exec')) options.push('exec');
  if (mount.readOnly && !options.includes('ro')) options.push('ro');
  if (mount.mode !== undefined) options.push(`mode=${mount.mode.toString(8).padStart(4, '0')}`);
  if (mount.uid) options.push(`uid=${mount.uid}`);
  if (mount.gid) options.push(`gid=${mount.gid}`);
  return options;
}

const keyOf = (line: string): string => line.slice(0, line.includes('=') ? line.indexOf('=') : undefined);
