/** The `podman create` flags that make podman start exactly a Launch, and what no flag can say. Pure: no process is started here. */
import type { Launch, LaunchMount } from '../../launch/launch.ts';
import type { CapabilitySet, CapabilityState } from '../../linux/capability.ts';
import { capabilityDifferences, minus } from '../capability-flags.ts';
import { deviceOwnerDifferences, entryDifferences } from '../handed-in.ts';
import { sysctlsOf } from '../sysctls.ts';

/** What of the machine's podman decides the flags. */
export interface PodmanFacts {
  /** The list it gives when nothing is asked for (`podman info`): distributions change it in containers.conf. */
  readonly defaultCapabilities: CapabilitySet;
  readonly limits: { readonly nofile: number; readonly nproc: number };
  /** `create` knows `--passwd=false` (not yet in 4.3: see `ownAccounts`). */
  readonly passwdFlag: boolean;
}

/** An ownership podman has no flag for: set from outside between create and start. */
export interface Ownership {
  readonly target: string;
  readonly kind: 'volume' | 'tmpfs';
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

export interface PodmanArguments {
  /** All flags, without `create`, the name, the log and the image. */
  readonly flags: readonly string[];
  /** Volumes to be made under a temporary name and removed afterwards: `--volume NAME:TARGET:OPTIONS`. */
  readonly volumes: readonly { readonly target: string; readonly options: readonly string[] }[];
  /** Set as containers.conf for the one `create` call, because only there a bounding set without the other sets can be given. */
  readonly defaultCapabilities?: CapabilitySet;
  readonly ownerships: readonly Ownership[];
  readonly differences: readonly string[];
}

/** Mount options that `--tmpfs` knows; uid and gid are not among them before podman 5. */
const TMPFS_OPTIONS = /^(?:ro|rw|(?:no)?(?:exec|suid|dev|tmpcopyup)|(?:size|mode|nr_inodes)=.*)$/;

/** What the image says itself is left unsaid: podman treats it better than the same given as flags. */
export function podmanArguments(
  launch: Launch,
  facts: PodmanFacts,
  image: { readonly user: string; readonly workdir: string; readonly volumes: readonly string[] } = {
    user: '',
    workdir: '',
    volumes: [],
  },
): PodmanArguments {
  const own = launch.platform.name === 'podman';
  const { settings } = launch;
  const capabilities = capabilityFlags(launch, facts);
  const mounts = mountFlags(launch, own, image.volumes);
  const foreignPasswd = launch.platform.passwdInjection !== 'podman';
  const { nofile, nproc } = facts.limits;
  // With no user at all podman starts root without supplementary groups and writes no line for it; `--user 0:0` would bring both.
  const unsaidUser =
    image.user === '' && capabilities.user === '0:0' && settings.user === undefined && !launch.groups.includes(0);
  const flags = [
    '--pull=never',
    '--http-proxy=false',
    '--no-healthcheck',
    `--ulimit=nofile=${nofile}:${nofile}`,
    `--ulimit=nproc=${nproc}:${nproc}`,
    `--network=${launch.network}`,
    ...(settings.hostname === undefined ? [] : [`--hostname=${settings.hostname}`]),
    ...(unsaidUser ? [] : [`--user=${capabilities.user}`]),
    ...launch.groups.filter((group) => group !== launch.gid).map((group) => `--group-add=${group}`),
    ...capabilities.flags,
    ...launch.uidMappings.map(({ container, host, size }) => `--uidmap=${container}:${host}:${size}`),
    ...launch.gidMappings.map(({ container, host, size }) => `--gidmap=${container}:${host}:${size}`),
    ...(settings.privileged ? ['--privileged'] : []),
    ...(launch.noNewPrivileges ? ['--security-opt=no-new-privileges'] : []),
    // The Launch names every tmpfs itself, those of a read-only root too.
    ...(launch.readOnlyRoot ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...(foreignPasswd && facts.passwdFlag ? ['--passwd=false'] : []),
    `--umask=${launch.umask.toString(8).padStart(4, '0')}`,
    ...Object.entries(sysctlsOf(launch)).map(([key, value]) => `--sysctl=${key}=${value}`),
    '--unsetenv-all',
    ...launch.env.map((line) => `--env=${line}`),
    // podman refuses a --workdir that the image lacks, but makes the image's own.
    ...(samePath(launch.cwd, image.workdir) ? [] : [`--workdir=${launch.cwd}`]),
    ...mounts.flags,
    ...(launch.devices ?? []).map(({ source, path }) => `--device=${source}:${path}`),
    `--entrypoint=${JSON.stringify(launch.argv)}`,
  ];
  const differences = [
    ...capabilities.differences,
    ...(unsaidUser || launch.groups.includes(launch.gid)
      ? []
      : [`podman also puts the primary group ${launch.gid} among the supplementary groups`]),
    ...deviceOwnerDifferences('podman', launch),
    ...entryDifferences('podman', launch),
  ];
  return {
    flags,
    volumes: mounts.volumes,
    ...(capabilities.defaults === undefined ? {} : { defaultCapabilities: capabilities.defaults }),
    ownerships: mounts.ownerships,
    differences,
  };
}

/**
 * Podman decides by the text of the user: `0` and `root` get the list in P and E, everyone else only what was added, in all five sets
 * (pkg/specgen/generate/security_linux.go). `00` is uid 0 and yet "everyone else".
 */
function capabilityFlags(
  launch: Launch,
  facts: PodmanFacts,
): { user: string; flags: string[]; defaults?: CapabilitySet; differences: readonly string[] } {
  const wanted = launch.runtimeCapabilities;
  const like0: CapabilityState = {
    bounding: wanted.bounding,
    permitted: wanted.bounding,
    effective: wanted.bounding,
    inheritable: [],
    ambient: [],
  };
  const likeOthers: CapabilityState = {
    bounding: wanted.bounding,
    permitted: wanted.ambient,
    effective: wanted.ambient,
    inheritable: wanted.ambient,
    ambient: wanted.ambient,
  };
  const asRoot =
    launch.uid === 0 && capabilityDifferences('', wanted, like0).length <= capabilityDifferences('', wanted, likeOthers).length;
  const user = `${launch.uid === 0 && !asRoot ? '00' : launch.uid}:${launch.gid}`;
  const added = asRoot ? minus(wanted.bounding, facts.defaultCapabilities) : wanted.ambient;
  // In the bounding set only: neither default nor to be added.
  const extra = minus(minus(wanted.bounding, facts.defaultCapabilities), added);
  const base = extra.length > 0 ? wanted.bounding : facts.defaultCapabilities;
  const dropped = minus(base, wanted.bounding);
  return {
    user,
    flags: launch.settings.privileged
      ? []
      : [
          ...(dropped.length > 0 && dropped.length === base.length
            ? ['--cap-drop=ALL']
            : dropped.map((name) => `--cap-drop=${name}`)),
          ...added.map((name) => `--cap-add=${name}`),
        ],
    ...(extra.length > 0 ? { defaults: wanted.bounding } : {}),
    differences: launch.settings.privileged ? [] : capabilityDifferences('podman', wanted, asRoot ? like0 : likeOthers),
  };
}

function mountFlags(
  launch: Launch,
  own: boolean,
  imageVolumes: readonly string[],
): { flags: string[]; volumes: { target: string; options: string[] }[]; ownerships: Ownership[] } {
  const flags: string[] = [];
  const volumes: { target: string; options: string[] }[] = [];
  const ownerships: Ownership[] = [];
  const byImage = new Set(imageVolumes.map(normal));
  for (const mount of launch.mounts) {
    if (mount.type === 'bind') flags.push(bindFlag(mount));
    else if (mount.type === 'tmpfs' && !isRuntimesOwn(mount)) {
      flags.push(`--tmpfs=${mount.target}:${tmpfsOptions(mount).join(',')}`);
      const owner = ownershipOf(mount, 'tmpfs');
      if (owner.uid !== undefined || owner.gid !== undefined) ownerships.push(owner);
    } else if (mount.type === 'volume') {
      if (mount.origin !== 'image' || !byImage.has(normal(mount.target))) {
        volumes.push({
          target: mount.target,
          options: [...(mount.readOnly ? ['ro'] : []), ...(mount.copiesImageContent === false ? ['nocopy'] : [])],
        });
      }
      // On its own profile podman's real choice is the truth; elsewhere, and when somebody asked for it, the Launch is.
      if (!own || asked(launch, mount)) {
        const owner = ownershipOf(mount, 'volume');
        if (owner.uid !== undefined || owner.gid !== undefined || owner.mode !== undefined) ownerships.push(owner);
      }
    }
  }
  return { flags, volumes, ownerships };
}

function asked(launch: Launch, mount: LaunchMount): boolean {
  const volume = launch.settings.volumes?.find(({ target }) => normal(target) === normal(mount.target));
  return volume !== undefined && (volume.uid !== undefined || volume.gid !== undefined || volume.mode !== undefined);
}

function ownershipOf(mount: LaunchMount, kind: 'volume' | 'tmpfs'): Ownership {
  const nonzero = (id: number | undefined): number | undefined => (kind === 'tmpfs' && id === 0 ? undefined : id);
  const uid = nonzero(mount.uid);
  const gid = nonzero(mount.gid);
  return {
    target: mount.target,
    kind,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mount.mode === undefined ? {} : { mode: mount.mode }),
  };
}

/** /dev, /dev/shm and what masks /proc and /sys come from every runtime by itself. */
export function isRuntimesOwn(mount: LaunchMount): boolean {
  return mount.origin === 'platform' && /^\/(?:dev|proc|sys)(?:\/|$)/.test(mount.target);
}

function tmpfsOptions(mount: LaunchMount): string[] {
  const options = mount.options.filter((option) => TMPFS_OPTIONS.test(option) && !option.endsWith('tmpcopyup'));
  if (mount.mode !== undefined && !options.some((option) => option.startsWith('mode='))) {
    options.push(`mode=${mount.mode.toString(8).padStart(4, '0')}`);
  }
  return [
    mount.readOnly ? 'ro' : 'rw',
    ...options.filter((option) => option !== 'ro' && option !== 'rw'),
    mount.copiesImageContent ? 'tmpcopyup' : 'notmpcopyup',
  ];
}

/** `--volume` splits at colons and `--mount` at commas; a path with both cannot be said, and podman's refusal then says so. */
function bindFlag(mount: LaunchMount): string {
  const source = mount.source ?? mount.target;
  const readOnly = mount.readOnly;
  if (source.includes(':') || mount.target.includes(':')) {
    return `--mount=type=bind,source=${source},target=${mount.target}${readOnly ? ',readonly=true' : ''}`;
  }
  return `--volume=${source}:${mount.target}:${readOnly ? 'ro' : 'rw'}`;
}

const normal = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;
const samePath = (a: string, b: string): boolean => normal(a) === normal(b);
