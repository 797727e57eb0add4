/** Podman, by version. Distributions change the list and the sysctls in containers.conf: see containers-conf.ts. */
import { ELEVEN, FOURTEEN, TEN } from './capability-lists.ts';
import { AS_OF, DEFAULT_PATH } from './defaults.ts';
import type { PlatformProfile } from './platform.ts';
import type { ProfileVariant } from './variant.ts';

const current: PlatformProfile = {
  name: 'podman',
  versions: '4.5.0 and later',
  asOf: AS_OF,
  runtime: 'crun',
  userResolution: 'moby-sys-user',
  kubelet: false,
  explicitGroupKeepsImageGroups: false,
  emptyUserLacksPrimaryGroup: true,
  skipsGroupNamedLikeUser: false,
  defaultCapabilities: ELEVEN,
  nonRootCapabilities: 'added-as-ambient',
  inheritableCapabilities: false,
  capabilityPrefix: 'optional',
  capabilityMerge: 'podman',
  settingsWorkdirMustExist: true,
  madeWorkdirOwner: 'user',
  noNewPrivileges: false,
  sysctls: {},
  home: { emptyCountsAsUnset: false, unknownUser: 'workdir', by: 'user' },
  passwdInjection: 'podman',
  imageVolumes: 'copy-content-or-user-owned',
  devOptions: ['noexec'],
  volumeOptions: ['nosuid', 'nodev'],
  tmpfs: { copiesMode: true, copiesContent: true },
  environment: { PATH: DEFAULT_PATH, container: 'podman', TERM: 'xterm' },
  readOnlyTmpfs: ['/run', '/tmp', '/var/tmp'],
  emptyGroupIsExplicit: true,
  rangeCheckedLate: true,
  rootDirectoryMode: 0o555,
  unlistedDirectoriesMadeAnew: true,
  listsSetLast: true,
  resolvConfNeedsNetwork: true,
  refusals: {
    startByText: {
      prefix: { runc: 'runc: runc create failed: unable to start container process: ', crun: 'crun: ' },
      notFound: '%s: OCI runtime attempted to invoke a command that was not found',
      denied: '%s: OCI permission denied',
      other: 'OCI runtime error: %s',
    },
    unknownGroupAdd: 'looking up supplemental groups for container …: Unable to find group %s: no matching entries in group file',
    workdirNoDirectory: { phase: 'start', words: 'workdir "%s" exists on container …, but is not a directory' },
    hostNetworkSysctl: "sysctl %s can't be set since Network Namespace set to host: invalid argument",
    noCommand: 'no command or entrypoint provided, and no CMD or ENTRYPOINT from image',
    unknownCapability: { add: '"%s": unknown capability', drop: '"%s": unknown capability' },
  },
  sources: {
    runtime: 'containers/common pkg/config/default.go: crun first, then runc; `--runtime` and containers.conf change it',
    userResolution: 'podman pkg/lookup → moby/sys user.GetExecUser',
    explicitGroupKeepsImageGroups:
      'podman libpod/container_internal_common.go: groups of /etc/group are added only when the user string has no ":"',
    emptyUserLacksPrimaryGroup: 'podman libpod generateSpec adds the primary gid only when a user is set (observed with 4.3.1)',
    defaultCapabilities:
      'containers/common pkg/config/default.go since 4.5.0: 11 capabilities (containers.conf default_capabilities overrides)',
    nonRootCapabilities:
      'podman pkg/specgen/generate/security_linux.go: for a user other than "", "root", "0" only --cap-add capabilities are permitted, effective, inheritable and ambient',
    capabilityMerge: 'containers/common pkg/capabilities MergeCapabilities: the same name added and dropped is an error',
    madeWorkdirOwner: "podman libpod resolveWorkDir gives it to the container's user (observed with 4.3.1)",
    settingsWorkdirMustExist: 'podman libpod resolveWorkDir: only the WORKDIR of an image is made (observed with 4.3.1)',
    capabilityPrefix: 'containers/common pkg/capabilities NormalizeCapabilities: any case, CAP_ optional',
    noNewPrivileges: 'containers.conf no_new_privileges defaults to false',
    sysctls: 'containers.conf default_sysctls is empty in code; distributions ship "net.ipv4.ping_group_range=0 0"',
    home: "podman libpod: HOME unless set (even empty) = the user's home; for a uid without entry the entry it injects, whose home is the WORKDIR",
    passwdInjection:
      'podman libpod/container_internal_common.go generateUserPasswdEntry: numeric uids the image does not know, unless --passwd=false',
    imageVolumes:
      "podman libpod/container_internal_linux.go fixVolumePermissions: the image path's owner and mode, else the container's uid:gid",
    devOptions: 'podman mounts /dev with noexec (observed with 4.3.1)',
    volumeOptions: 'podman pkg/util/mountOpts.go ProcessOptions: nosuid and nodev unless asked otherwise (observed with 4.3.1)',
    tmpfs: 'podman --tmpfs options rw,rprivate,nosuid,nodev,tmpcopyup: content and mode of the image directory are copied up',
    environment: 'containers/common default env PATH and TERM; podman adds container=podman',
    readOnlyTmpfs: 'podman --read-only-tmpfs (default true)',
    rangeCheckedLate:
      'moby/sys/user up to 0.4.0, which podman 5.8.2 has: strconv.Atoi, and what it cannot read is a name (observed with 4.3.1)',
    emptyGroupIsExplicit: 'podman libpod looks whether the user string has a ":" (observed with 4.3.1)',
    unlistedDirectoriesMadeAnew:
      'containers/storage pkg/archive unpack: a parent that the layer lacks is made 0755, and overlayfs shows the upper one (observed with 4.3.1)',
    listsSetLast: 'containers/storage pkg/archive extractTarFileEntry: attributes after handleLChmod (observed with 4.3.1)',
    rootDirectoryMode: 'containers/storage drivers/overlay: the topmost layer is made with 0555 (observed with 4.3.1)',
    resolvConfNeedsNetwork: 'podman libpod makes /etc/resolv.conf together with the network (observed with 4.3.1)',
  },
};

const v44: PlatformProfile = {
  ...current,
  versions: '4.4',
  defaultCapabilities: TEN,
  sources: {
    ...current.sources,
    defaultCapabilities: 'containers/common pkg/config/default.go of 4.4.0: 10 capabilities, without SYS_CHROOT',
  },
};

const v43: PlatformProfile = {
  ...current,
  versions: '4.3.1 and earlier',
  defaultCapabilities: FOURTEEN,
  sources: {
    ...current.sources,
    defaultCapabilities:
      "containers/common pkg/config/default.go of 4.3.1: Docker's 14 (Debian 12 ships a containers.conf with 11)",
  },
};

/** Newest first. */
export const PODMAN: readonly ProfileVariant[] = [
  { profile: current, ranges: [{ from: '4.5' }] },
  { profile: v44, ranges: [{ from: '4.4', before: '4.5' }] },
  { profile: v43, ranges: [{ before: '4.4' }], observed: ['4.3.1 with runc 1.1.5'] },
];
