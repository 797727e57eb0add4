/** What differs between the systems that start containers, as data. Facts carry their source; code never asks for a profile by name. */
import type { CapabilitySet } from '../linux/capability.ts';

export type ProfileName = 'docker' | 'podman' | 'containerd-1' | 'containerd-2' | 'crio' | 'openshift-restricted-v2';

/** The program that makes the process: runc up to 1.1 and later differ in words, crun also in when it looks for the executable. */
export type RuntimeKind = 'runc-1.1' | 'runc' | 'crun';

/** How a platform wraps the words of a refusal; `%s` stands for them. Absent = shown bare. */
export interface RefusalShapes {
  /** The user or group cannot be resolved. */
  readonly user?: string;
  /** The runtime could not execute the entrypoint. */
  readonly start?: string;
  /** Podman: the low-level runtime's own prefix, and what it makes of an error by its text: missing, denied, anything else. */
  readonly startByText?: {
    readonly prefix: { readonly runc: string; readonly crun: string };
    readonly notFound: string;
    readonly denied: string;
    readonly other: string;
  };
  /** Neither the image nor the settings name a program. Whole message. */
  readonly noCommand: string;
  /** A group of `--group-add` that is neither a number nor known, `%s` the name; absent = the words of the resolution. */
  readonly unknownGroupAdd?: string;
  /** No /etc/passwd to look a name up in; absent = `open /etc/passwd: no such file or directory`. */
  readonly noPasswd?: string;
  /** The working directory is no directory, `%s` the path; absent = the low-level runtime says so. */
  readonly workdirNoDirectory?: { readonly phase: 'create' | 'start'; readonly words: string };
  /** A sysctl of the network in the host's network, `%s` its `name=value`; absent = the low-level runtime says so. */
  readonly hostNetworkSysctl?: string;
  /** Advice put behind the words of the low-level runtime when they say "not a directory" (Docker). */
  readonly notDirectoryAdvice?: string;
  /** A working directory from the settings that is not absolute, `%s` the path; absent = not looked at. */
  readonly relativeWorkdir?: string;
  /** A capability name nobody knows, `%s` the name as the platform spells it; absent = accepted and lost in silence (containerd). */
  readonly unknownCapability?: { readonly add: string; readonly drop: string };
}

/** What OpenShift's security context constraint allows and forces. */
export interface SecurityContextConstraint {
  readonly name: string;
  readonly allowedCapabilities: CapabilitySet;
  readonly requiredDrop: 'ALL';
}

export interface PlatformProfile {
  readonly name: ProfileName;
  /** Day this data was last compared with its sources, ISO 8601. */
  readonly asOf?: string;
  /** The low-level runtime it uses unless told otherwise. */
  readonly runtime?: RuntimeKind;
  /** With no user at all, the primary gid is not among the supplementary groups (Podman). */
  readonly emptyUserLacksPrimaryGroup?: boolean;
  /** The capability list is also put into the inheritable set (Docker up to 20.10.13). */
  readonly inheritableCapabilities?: boolean;
  /** What wins when a capability is both added and dropped, and in which order ALL is applied. */
  readonly capabilityMerge?: 'docker' | 'podman' | 'cri';
  /** `CAP_` is put in front even of names that already have it, so `CAP_NET_ADMIN` is lost (containerd). */
  readonly capabilityPrefix?: 'optional' | 'always-added';
  /** Variables it adds when neither the image nor the user sets them. HOSTNAME is left to the engine. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Paths that become tmpfs when the root is read-only and nothing else is mounted there. */
  readonly readOnlyTmpfs?: readonly string[];
  /** Who owns a working directory that the image lacks and the engine makes (0755); the folders above it are root's. Default root. */
  readonly madeWorkdirOwner?: 'root' | 'user';
  /** A working directory from the settings (not the image) that the image lacks is refused instead of made. */
  readonly settingsWorkdirMustExist?: boolean;
  readonly refusals?: RefusalShapes;
  readonly scc?: SecurityContextConstraint;
  /** The versions this data is true for, in words: `20.10.14 – 24.0.5`. */
  readonly versions: string;
  /** Which algorithm turns the user string into ids. */
  readonly userResolution: 'moby-sys-user' | 'containerd-with-user';
  /** moby/sys/user up to 0.4.0: ids out of range are refused only when the account file does not list them. */
  readonly rangeCheckedLate?: boolean;
  /** More of an account file than this many bytes is an error; absent = it is read to its end, however long. */
  readonly accountFileLimit?: number;
  /** Kubernetes: the `:group` of the image's USER never reaches the runtime, and the kubelet's checks apply. */
  readonly kubelet: boolean;
  /** Whether `user:group` keeps the user's groups from /etc/group. */
  readonly explicitGroupKeepsImageGroups: boolean;
  /** A group whose name equals the user's is left out of the scan (containerd). */
  readonly skipsGroupNamedLikeUser: boolean;
  readonly defaultCapabilities: CapabilitySet;
  /** What a non-root process gets: the list in P and E as well, nothing but bounding, or (podman) only explicitly added ones, as ambient. */
  readonly nonRootCapabilities: 'permitted' | 'bounding-only' | 'added-as-ambient';
  readonly noNewPrivileges: boolean;
  /** Sysctls set in a private network namespace. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** HOME when unset: who sets it and what an unknown uid gets. */
  readonly home: {
    readonly emptyCountsAsUnset: boolean;
    readonly unknownUser: '/' | 'workdir';
    /** Whose home: the first passwd line with that uid (a runtime that sees only the uid, the default), or the very user that was named. */
    readonly by?: 'uid' | 'user';
  };
  /** passwd entry for a uid the image does not know. */
  readonly passwdInjection: 'none' | 'podman' | 'crio';
  /** Dockerfile VOLUME: how the mount starts out. */
  readonly imageVolumes: 'copy-content' | 'copy-content-or-user-owned' | 'mkdir-user-owned';
  /** tmpfs over an existing directory: copies its mode; and its content (podman tmpcopyup). */
  readonly tmpfs: {
    readonly copiesMode: boolean;
    readonly copiesContent: boolean;
    /** A mode that is asked for gives way to that of the directory it covers (runc before 1.1.8). */
    readonly explicitModeLost?: boolean;
  };
  /** Flags of /dev beyond nosuid. */
  readonly devOptions?: readonly string[];
  /** Flags that its volumes are mounted with. Default: none. */
  readonly volumeOptions?: readonly string[];
  /** A layer that has something in a directory without listing it hides the owner and mode that layers below gave it: it is root's, 0755. */
  readonly unlistedDirectoriesMadeAnew?: boolean;
  /** Access control lists of a layer are set after the mode, which follows them. Default: the mode is set last, and the list follows. */
  readonly listsSetLast?: boolean;
  /** The container's own mode of `/`, whatever the image says. Default: the image's. */
  readonly rootDirectoryMode?: number;
  /** Without a network /etc/resolv.conf is the image's, or missing. */
  readonly resolvConfNeedsNetwork?: boolean;
  /** A number that is no valid id is looked up as a name (containerd before it refused it). */
  readonly outOfRangeIsName?: boolean;
  /** `user:` with nothing behind the colon counts as an explicit group (Podman). */
  readonly emptyGroupIsExplicit?: boolean;
  /** What ALL and privileged ask for, even where the engine has less itself. Default: what the engine has. */
  readonly allCapabilities?: CapabilitySet;
  /** Device nodes belong to the user and group the pod asks for, not to the host's owner (an option of containerd and CRI-O). */
  readonly deviceOwnershipFromSecurityContext?: boolean;
  /** Under a kubelet: what the runtime tells it that it can do (CRI RuntimeHandlerFeatures). */
  readonly pods?: {
    readonly supplementalGroupsPolicy: boolean;
    readonly userNamespaces: boolean;
    /** The sandbox has a process that runs as the pod's user; `%s` stands for why it does not start. Absent = it has none. */
    readonly sandbox?: string;
    /** A group without a user, in the runtime's words; `%s` stands for the group. */
    readonly groupWithoutUser?: string;
  };
  /** Uid a platform assigns when nobody asks: OpenShift's namespace range. */
  readonly arbitraryUid?: { readonly first: number; readonly size: number };
  readonly sources: Readonly<Record<string, string>>;
}
