/** The CRI runtimes under a kubelet: containerd 1.x and 2.x, CRI-O, and OpenShift's default constraint over CRI-O. */
import { capabilitySet } from '../linux/capability.ts';
import { FOURTEEN, NINE } from './capability-lists.ts';
import { AS_OF, DEFAULT_PATH, LOW_PORTS_AND_PING } from './defaults.ts';
import type { PlatformProfile } from './platform.ts';
import type { ProfileVariant } from './variant.ts';

const CONTAINERD_START =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: %s: unknown';

/** `…` stands for the container's id. */
const NO_COMMAND = 'failed to generate container "…" spec: failed to generate spec: no command specified';

const containerd2: PlatformProfile = {
  name: 'containerd-2',
  versions: '2.0 and later',
  asOf: AS_OF,
  runtime: 'runc',
  userResolution: 'containerd-with-user',
  accountFileLimit: 10 * 2 ** 20,
  kubelet: true,
  explicitGroupKeepsImageGroups: true,
  skipsGroupNamedLikeUser: true,
  defaultCapabilities: FOURTEEN,
  nonRootCapabilities: 'permitted',
  inheritableCapabilities: false,
  capabilityPrefix: 'always-added',
  capabilityMerge: 'cri',
  noNewPrivileges: false,
  sysctls: LOW_PORTS_AND_PING,
  home: { emptyCountsAsUnset: true, unknownUser: '/' },
  passwdInjection: 'none',
  imageVolumes: 'copy-content',
  tmpfs: { copiesMode: true, copiesContent: false },
  deviceOwnershipFromSecurityContext: false,
  pods: {
    supplementalGroupsPolicy: true,
    userNamespaces: true,
    sandbox: 'failed to start sandbox "…": %s',
    groupWithoutUser:
      'failed to generate sandbox container spec options: failed to generate user string: user group "%s" is specified without user',
  },
  environment: { PATH: DEFAULT_PATH },
  refusals: {
    user: 'failed to create containerd container: %s',
    // Since 2.0 errors cross the shim typed, without ": unknown" behind them (observed with 2.4.2).
    start: CONTAINERD_START.replace(/: unknown$/, ''),
    noCommand: NO_COMMAND,
    noPasswd: 'lstat etc/passwd: file does not exist',
  },
  sources: {
    runtime: 'containerd config default_runtime_name = runc',
    userResolution:
      'containerd internal/cri/util GenerateUserString → pkg/oci/spec_opts.go WithUser: unknown numeric uid gets gid 0; names need an entry',
    kubelet:
      "kubernetes pkg/kubelet/kuberuntime helpers.go getImageUser: the image's group is discarded; security_context_others.go verifyRunAsNonRoot",
    accountFileLimit: 'containerd pkg/oci/spec_opts.go maxUserFileBytes (in 2.3.4 and 1.7.34, not in 2.2.1 and 1.7.30)',
    explicitGroupKeepsImageGroups: 'containerd WithAdditionalGIDs runs on the user alone, whatever runAsGroup says',
    skipsGroupNamedLikeUser: 'containerd pkg/oci/spec_opts.go WithAdditionalGIDs: a group named like the user is skipped',
    defaultCapabilities: 'containerd pkg/oci/spec.go, 14 capabilities',
    nonRootCapabilities:
      'containerd keeps bounding = permitted = effective for every uid and clears ambient (WithoutAmbientCaps, kubernetes#56374)',
    capabilityMerge:
      'containerd internal/cri/opts/spec_opts.go WithCapabilities: add ALL, drop ALL, then single adds, then single drops',
    capabilityPrefix:
      'containerd internal/cri/opts/spec_opts.go WithCapabilities: "CAP_" + upper case, always; runc then ignores the unknown name',
    noNewPrivileges: 'kubelet: only when allowPrivilegeEscalation is explicitly false',
    sysctls:
      'containerd internal/cri/config: enable_unprivileged_ports and enable_unprivileged_icmp default to true since 2.0 (commit 7b9fcfd7c)',
    home: 'containerd sets no HOME; runc libcontainer/env.go: missing or empty → /etc/passwd of the container by uid, else "/"',
    passwdInjection: 'containerd writes no passwd entry',
    imageVolumes:
      'containerd internal/cri/opts/container.go: content, owners and modes of the image path are copied; a path the image lacks is 0755 root',
    tmpfs: 'runc libcontainer/rootfs_linux.go',
    pods: 'containerd internal/cri/server/service.go, status.go: both features since 2.0; podsandbox/sandbox_run_linux.go GenerateUserString',
    deviceOwnershipFromSecurityContext:
      'containerd internal/cri/config: device_ownership_from_security_context defaults to false; when true, RunAsUser and RunAsGroup own the nodes unless they are 0',
    environment: 'containerd pkg/oci WithDefaultPathEnv; HOSTNAME by the CRI plugin',
  },
};

const containerd1: PlatformProfile = {
  ...containerd2,
  name: 'containerd-1',
  versions: '1.7.34 and later 1.7',
  runtime: 'runc-1.1',
  sysctls: {},
  pods: {
    supplementalGroupsPolicy: false,
    userNamespaces: false,
    sandbox: '%s',
    // Spelt so in 1.6 (observed with 1.6.20).
    groupWithoutUser:
      'failed to generate sanbdox container spec options: failed to generate user string: user group "%s" is specified without user',
  },
  refusals: {
    noCommand: NO_COMMAND,
    noPasswd: 'open …/etc/passwd: no such file or directory',
    // runc 1.1 does not say "error during container init" about a program it cannot find.
    start: CONTAINERD_START.replace('error during container init: ', ''),
    user: 'failed to create containerd container: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount…: %s',
  },
  sources: {
    ...containerd2.sources,
    runtime: 'containerd packages of 1.6 and 1.7 ship runc 1.1',
    pods: 'containerd pkg/cri/server/status.go of 1.6 and 1.7 reports no features; sandbox_run_linux.go generateUserString',
    sysctls: 'containerd pkg/cri/config: enable_unprivileged_ports and enable_unprivileged_icmp default to false in 1.6 and 1.7',
  },
};

const { accountFileLimit: _, sources: sources1, ...unlimited } = containerd1;
const { accountFileLimit: __, ...sourcesEarly } = sources1;
const containerd1Early: PlatformProfile = {
  ...unlimited,
  versions: '1.6 – 1.7.33',
  outOfRangeIsName: true,
  sources: {
    ...sourcesEarly,
    outOfRangeIsName:
      'containerd oci/spec_opts.go WithUser of 1.6.39 and 1.7.27: a number out of range is looked up as a name; 1.7.34 refuses it (observed with 1.6.20 of Debian)',
  },
};

const crio: PlatformProfile = {
  name: 'crio',
  versions: '1.31 and later',
  asOf: AS_OF,
  runtime: 'crun',
  userResolution: 'moby-sys-user',
  kubelet: true,
  explicitGroupKeepsImageGroups: true,
  skipsGroupNamedLikeUser: false,
  defaultCapabilities: NINE,
  nonRootCapabilities: 'permitted',
  inheritableCapabilities: false,
  capabilityPrefix: 'optional',
  capabilityMerge: 'cri',
  noNewPrivileges: false,
  sysctls: {},
  home: { emptyCountsAsUnset: false, unknownUser: 'workdir' },
  passwdInjection: 'crio',
  imageVolumes: 'mkdir-user-owned',
  tmpfs: { copiesMode: true, copiesContent: false },
  deviceOwnershipFromSecurityContext: false,
  pods: { supplementalGroupsPolicy: true, userNamespaces: true },
  unlistedDirectoriesMadeAnew: true,
  listsSetLast: true,
  environment: { PATH: DEFAULT_PATH, TERM: 'xterm' },
  refusals: {
    user: 'get exec user: %s',
    start: 'container create failed: %s',
    noCommand: 'no command specified',
    unknownCapability: { add: 'unknown capability "%s" to add', drop: 'unknown capability "%s" to drop' },
  },
  sources: {
    runtime: 'CRI-O default_runtime is crun since 1.31',
    userResolution:
      'cri-o server/container_create_linux.go → moby/sys user.GetExecUser on the username or uid the kubelet sends, never ":group"',
    kubelet: 'kubernetes pkg/kubelet/kuberuntime, as for containerd',
    explicitGroupKeepsImageGroups: 'cri-o resolves groups from the user alone; runAsGroup replaces only the primary gid',
    skipsGroupNamedLikeUser: 'moby/sys user.GetExecUser keeps it',
    defaultCapabilities: 'cri-o internal/config/capabilities/capabilities_linux.go, 9 capabilities',
    nonRootCapabilities:
      'cri-o: bounding = permitted = effective for every uid; inheritable off since 1.24 (CVE-2022-27652), ambient cleared',
    capabilityMerge: 'cri-o: defaults are left out when ALL is added or dropped; adds, then drops',
    capabilityPrefix: 'cri-o server/container_create_linux.go: CAP_ optional',
    noNewPrivileges: 'kubelet: only when allowPrivilegeEscalation is explicitly false',
    sysctls: 'crio.conf default_sysctls = []',
    home: "crun src/libcrun/container.c: only when HOME is unset, from /etc/passwd; the entry cri-o injects has the process's cwd as home",
    passwdInjection:
      'cri-o utils/utils.go GeneratePasswd: uids without entry, unless /etc/passwd is missing, empty or writable by group or others',
    imageVolumes:
      'crio.conf image_volumes = "mkdir": a missing path is made 0755, owned by the container\'s uid:gid; nothing is mounted',
    tmpfs: 'crun append_tmpfs_mode_if_missing',
    pods: 'cri-o server/runtime_status.go: both features since 1.31; a sandbox needs no user for its group',
    deviceOwnershipFromSecurityContext:
      'crio.conf device_ownership_from_security_context = false; the same meaning as in containerd',
    unlistedDirectoriesMadeAnew: 'containers/storage pkg/archive unpack, as for podman',
    listsSetLast: 'containers/storage pkg/archive extractTarFileEntry, as for podman',
    environment: 'cri-o server/container_create_linux.go',
  },
};

const openshift: PlatformProfile = {
  ...crio,
  name: 'openshift-restricted-v2',
  versions: 'OpenShift 4.11 and later',
  defaultCapabilities: [],
  noNewPrivileges: true,
  arbitraryUid: { first: 1_000_680_000, size: 10_000 },
  scc: { name: 'restricted-v2', allowedCapabilities: capabilitySet(['CAP_NET_BIND_SERVICE']), requiredDrop: 'ALL' },
  sources: {
    ...crio.sources,
    defaultCapabilities: 'SCC restricted-v2: requiredDropCapabilities [ALL]',
    noNewPrivileges: 'SCC restricted-v2: allowPrivilegeEscalation false',
    arbitraryUid:
      "SCC restricted-v2 runAsUser MustRunAsRange: the first uid of the namespace's openshift.io/sa.scc.uid-range; 1000680000/10000 stands for whatever the cluster hands out (blocks of 10000 from 1000000000)",
    scc: 'openshift/microshift assets/controllers/openshift-default-scc-manager restricted-v2: drop ALL, allow NET_BIND_SERVICE, fsGroup MustRunAs',
  },
};

export const CONTAINERD_1: readonly ProfileVariant[] = [
  { profile: containerd1, ranges: [{ from: '1.7.34', before: '2' }] },
  { profile: containerd1Early, ranges: [{ before: '1.7.34' }], observed: ['1.6.20 with runc 1.1.5'] },
];
export const CONTAINERD_2: readonly ProfileVariant[] = [
  { profile: containerd2, ranges: [{ from: '2' }], observed: ['2.4.2 with runc 1.5.2, recorded'] },
];
export const CRIO: readonly ProfileVariant[] = [{ profile: crio, ranges: [{}] }];
export const OPENSHIFT: readonly ProfileVariant[] = [{ profile: openshift, ranges: [{}] }];
