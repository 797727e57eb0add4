/** The process the kernel would really start: the centre of the program. Shaped as the OCI runtime-spec process, so that an engine can start it as it is. */
import type { CapabilityState } from '../linux/capability.ts';
import type { Credentials, IdMapping } from '../linux/credentials.ts';
import type { KernelFacts } from '../linux/decision.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';

/** Why a field has its value. `source` names the rule or the place; `where` a file or layer when there is one. */
export interface Derivation {
  readonly field: string;
  readonly value: string;
  /** A sentence: `image USER is empty, so uid 0`. */
  readonly source: string;
  readonly where?: {
    readonly file?: string;
    readonly line?: number;
    readonly column?: number;
    readonly path?: string;
    readonly layer?: number;
  };
}

/** A file or folder that is known to be on a mount. */
export interface MountEntry {
  /** Below the mount's target; '' is the target itself, which a mount of a single file makes a file. */
  readonly path: string;
  readonly inode: Inode;
  /** Symlinks. */
  readonly target?: string;
}

export interface LaunchMount {
  readonly type: 'proc' | 'sysfs' | 'tmpfs' | 'devpts' | 'mqueue' | 'cgroup' | 'bind' | 'volume';
  readonly target: string;
  /** Host path for bind; engine-made folder for volume. */
  readonly source?: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
  /** Ownership and mode of the mount's root when known; absent for binds. */
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  /** The image's content at that path is copied in. */
  readonly copiesImageContent?: boolean;
  /** Written there by the platform before the start (the kubelet's secrets, configMaps, tokens). */
  readonly entries?: readonly MountEntry[];
  /** Other files may be there: nobody here knows. Without `mode`, the root's owner and mode are not known either. */
  readonly contentUnknown?: boolean;
  /** Who asked for it: the platform itself, the image's VOLUME, or the settings. */
  readonly origin: 'platform' | 'image' | 'settings';
}

/** A device node the runtime makes because the settings hand it in. */
export interface LaunchDevice {
  /** In the container. */
  readonly path: string;
  readonly source: string;
  /** Absent = nobody looked at the host's node. */
  readonly inode?: Inode;
  /** The engine is to make it inside; absent = it is only reckoned with. */
  readonly node?: DeviceNode;
}

/** What the kernel knows of a device node. */
export interface DeviceNode {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
}

export interface Launch {
  readonly kind: 'launch';
  readonly name: string;
  /** The image's reference. */
  readonly image: string;
  readonly platform: PlatformProfile;
  readonly settings: ContainerSettings;

  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups in the order the runtime passes them to setgroups(2). */
  readonly groups: readonly number[];
  readonly userName?: string;
  /** After the first execve, when the entrypoint's file is set-uid or set-gid and that takes effect; absent = uid, gid. */
  readonly effectiveUid?: number;
  readonly effectiveGid?: number;
  /** The process may not read its own program, so that it gives out no core and its files in /proc are root's. */
  readonly notDumpable?: true;
  /** The uid as the host's kernel sees it. */
  readonly hostUid: number;
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  /** What the runtime sets before it executes the entrypoint (OCI process.capabilities). */
  readonly runtimeCapabilities: CapabilityState;
  /** What the entrypoint has after that execve: what /proc/1/status shows. */
  readonly capabilities: CapabilityState;
  readonly noNewPrivileges: boolean;

  readonly argv: readonly string[];
  /** The file that execve would get, after PATH search in the image; undefined when it is not found. */
  readonly executable?: string;
  /** `KEY=value`, in order, HOME included when the runtime sets it. */
  readonly env: readonly string[];
  readonly home: string;
  readonly cwd: string;
  readonly umask: number;
  readonly readOnlyRoot: boolean;
  /** The engine is to leave it in this machine's PID namespace: only where the user of the run said so. */
  readonly hostPid?: true;
  readonly mounts: readonly LaunchMount[];
  /** Absent = none were asked for. */
  readonly devices?: readonly LaunchDevice[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly network: 'none' | 'host' | 'bridge';
  readonly facts: KernelFacts;
  readonly because: readonly Derivation[];
}

/** Who refuses to start it, in the very words the user would see. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly name: string;
  readonly image: string;
  readonly platform: PlatformProfile;
  readonly by: 'kubelet' | 'runtime' | 'api-server' | 'admission';
  /** Kubernetes waiting reason (`CreateContainerConfigError`) or the runtime's phase (`create`, `start`). */
  readonly reason: string;
  readonly message: string;
  readonly because: readonly Derivation[];
}

/** The process's credentials after its first execve. */
export function credentialsOf(launch: Launch): Credentials {
  return {
    uid: launch.effectiveUid ?? launch.uid,
    gid: launch.effectiveGid ?? launch.gid,
    groups: launch.groups,
    capabilities: launch.capabilities,
    noNewPrivileges: launch.noNewPrivileges,
    ...userNamespaceOf(launch),
  };
}

/** No mappings: the host's own user namespace. */
export function userNamespaceOf({
  uidMappings,
  gidMappings,
}: Pick<Launch, 'uidMappings' | 'gidMappings'>): Pick<Credentials, 'userNamespace'> {
  return uidMappings.length === 0 ? {} : { userNamespace: { uids: uidMappings, gids: gidMappings } };
}
