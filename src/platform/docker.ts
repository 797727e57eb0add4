/** Docker Engine, by version. */

import { CAPABILITIES, capabilityMask } from '../linux/capability.ts';
import { FOURTEEN } from './capability-lists.ts';
import { AS_OF, DEFAULT_PATH, LOW_PORTS_AND_PING, LOW_PORTS_AND_PING_SOURCE } from './defaults.ts';
import type { PlatformProfile } from './platform.ts';
import type { ProfileVariant } from './variant.ts';

const START =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: %s: unknown';
const START_20 =
  'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: %s: unknown';

const UNKNOWN_CAPABILITY = { add: 'invalid CapAdd: unknown capability: "%s"', drop: 'invalid CapDrop: unknown capability: "%s"' };

const RELATIVE_WORKDIR = "the working directory '%s' is invalid, it needs to be an absolute path";

const WORKDIR_NO_DIRECTORY = { phase: 'create', words: 'Cannot mkdir: %s is not a directory' } as const;

const UNKNOWN_GROUP_ADD = 'Unable to find group %s: no matching entries in group file';

const NOT_DIRECTORY_ADVICE =
  ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

const current: PlatformProfile = {
  name: 'docker',
  versions: '23.0.7 – 23.x, 24.0.6 and later',
  asOf: AS_OF,
  runtime: 'runc',
  userResolution: 'moby-sys-user',
  kubelet: false,
  explicitGroupKeepsImageGroups: false,
  skipsGroupNamedLikeUser: false,
  defaultCapabilities: FOURTEEN,
  nonRootCapabilities: 'permitted',
  inheritableCapabilities: false,
  rangeCheckedLate: true,
  capabilityPrefix: 'optional',
  capabilityMerge: 'docker',
  noNewPrivileges: false,
  sysctls: LOW_PORTS_AND_PING,
  home: { emptyCountsAsUnset: true, unknownUser: '/' },
  passwdInjection: 'none',
  imageVolumes: 'copy-content',
  tmpfs: { copiesMode: true, copiesContent: false },
  unlistedDirectoriesMadeAnew: true,
  environment: { PATH: DEFAULT_PATH },
  refusals: {
    start: START,
    noCommand: 'no command specified',
    relativeWorkdir: RELATIVE_WORKDIR,
    unknownCapability: UNKNOWN_CAPABILITY,
    workdirNoDirectory: WORKDIR_NO_DIRECTORY,
    notDirectoryAdvice: NOT_DIRECTORY_ADVICE,
    unknownGroupAdd: UNKNOWN_GROUP_ADD,
  },
  sources: {
    runtime: 'runc is the default of dockerd; versions of it are not tied to dockerd, its words are those of runc 1.2 and later',
    userResolution:
      'moby daemon/oci_linux.go getUser → moby/sys user.GetExecUser: number or name before ":", group after it, empty part = 0',
    explicitGroupKeepsImageGroups:
      'moby/sys user.GetExecUser: with an explicit group, /etc/group is not searched for memberships',
    defaultCapabilities: 'moby oci/caps/defaults.go, 14 capabilities',
    nonRootCapabilities:
      'moby commit 3aef732e61 (23.0.7, 24.0.6, 25.0): permitted and effective are the list for every user; ambient never set',
    inheritableCapabilities: 'moby commit 0d9a37d0c2 (20.10.14, CVE-2022-24769): inheritable is empty',
    capabilityMerge: 'moby oci/caps/utils.go TweakCapabilities: drops first, then adds; add ALL minus the drops',
    rangeCheckedLate:
      'moby/sys/user up to 0.4.0, which Docker 28.5.2 has: strconv.Atoi, and what it cannot read is a name (observed with 20.10.24)',
    capabilityPrefix: 'moby oci/caps/utils.go NormalizeLegacyCapabilities: any case, CAP_ optional',
    noNewPrivileges: 'dockerd --no-new-privileges defaults to false',
    sysctls: `moby commit dae652e2e5 (20.10.0), private network namespaces only; ${LOW_PORTS_AND_PING_SOURCE}`,
    home: 'dockerd sets no HOME; runc libcontainer/env.go: missing or empty → the uid\'s line in /etc/passwd, else "/"',
    passwdInjection: 'moby writes no passwd entry for an unknown uid',
    imageVolumes:
      "moby daemon/create_unix.go: an empty volume gets the image's content, owner and mode; a path the image lacks is 0755 root",
    tmpfs:
      "runc libcontainer/rootfs_linux.go: an existing target's mode (not owner) is copied, an explicit mode= wins, else the kernel's 1777",
    unlistedDirectoriesMadeAnew:
      'moby pkg/archive Unpack: a parent that the layer lacks is made 0755, and overlayfs shows the upper one (observed with 20.10; containerd as image store keeps it)',
    environment: 'moby daemon/container CreateDaemonEnvironment: PATH and HOSTNAME, TERM with a terminal',
  },
};

const boundingOnly: PlatformProfile = {
  ...current,
  versions: '23.0.0 – 23.0.6, 24.0.0 – 24.0.5',
  runtime: 'runc-1.1',
  nonRootCapabilities: 'bounding-only',
  refusals: {
    start: START_20,
    noCommand: 'No command specified',
    relativeWorkdir: RELATIVE_WORKDIR,
    unknownCapability: UNKNOWN_CAPABILITY,
    workdirNoDirectory: WORKDIR_NO_DIRECTORY,
    notDirectoryAdvice: NOT_DIRECTORY_ADVICE,
    unknownGroupAdd: UNKNOWN_GROUP_ADD,
  },
  sources: {
    ...current.sources,
    runtime: 'runc 1.0 and 1.1 were current with these engines',
    nonRootCapabilities:
      'moby oci/oci.go SetCapabilities: for a uid other than 0, permitted and effective are emptied "in the way execve would"',
  },
};

const v20: PlatformProfile = {
  ...boundingOnly,
  versions: '20.10.14 – 20.10.27',
  allCapabilities: CAPABILITIES.filter((name) => capabilityMask([name]) < 1n << 38n),
  sources: {
    ...boundingOnly.sources,
    allCapabilities:
      'moby oci/caps/utils.go of 20.10: every capability its library knows, up to AUDIT_READ, whether dockerd has it or not (observed with 20.10.24)',
  },
};

const inheritable: PlatformProfile = {
  ...v20,
  versions: '20.10.0 – 20.10.13',
  inheritableCapabilities: true,
  sources: {
    ...v20.sources,
    inheritableCapabilities: 'moby oci/oci.go before 0d9a37d0c2 (CVE-2022-24769): the list is inheritable too',
  },
};

const withoutSysctls: PlatformProfile = {
  ...inheritable,
  versions: '19.03',
  sysctls: {},
  sources: { ...inheritable.sources, sysctls: 'moby before dae652e2e5: none' },
};

/** Newest first. */
export const DOCKER: readonly ProfileVariant[] = [
  { profile: current, ranges: [{ from: '24.0.6' }, { from: '23.0.7', before: '24' }] },
  {
    profile: boundingOnly,
    ranges: [
      { from: '23', before: '23.0.7' },
      { from: '24', before: '24.0.6' },
    ],
  },
  { profile: v20, ranges: [{ from: '20.10.14', before: '23' }], observed: ['20.10.24 with runc 1.1.5'] },
  { profile: inheritable, ranges: [{ from: '20.10', before: '20.10.14' }] },
  { profile: withoutSysctls, ranges: [{ before: '20.10' }] },
];
