/** What a Launch is worked out from, and how the parts say that nothing will start. */
import type { ImageConfig, RootFs } from '../image/image.ts';
import type { CapabilitySet } from '../linux/capability.ts';
import type { KernelFacts } from '../linux/decision.ts';
import type { Inode } from '../linux/inode.ts';
import type { Program } from '../linux/program.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Derivation, Refusal } from './launch.ts';

/** How much of an account file is read: as much as containerd does (pkg/oci/spec_opts.go, maxUserFileBytes), and 50 times what any image needs. */
export const ACCOUNT_FILE_BYTES: number = 10 * 2 ** 20;

/** Of an image, what decides who starts. Without `rootFs` the executable, volumes and file capabilities stay unknown; identity does not need it. */
export interface LaunchSubject {
  readonly reference: string;
  readonly config: ImageConfig;
  /** Text of /etc/passwd and /etc/group; undefined = the image has none. */
  readonly passwd?: string | undefined;
  readonly group?: string | undefined;
  /** The files that are larger than what was read of them: their texts are the first {@link ACCOUNT_FILE_BYTES}. */
  readonly partial?: readonly ('/etc/passwd' | '/etc/group')[];
  readonly rootFs?: RootFs | undefined;
  /** What the files are that may be started, by path, with the interpreters of scripts. A file that is not among them was not looked into. */
  readonly programs?: ReadonlyMap<string, Program> | undefined;
  /** GOARCH, as the image names it. */
  readonly architecture?: string;
}

/** What the machine at hand limits or sets differently from a usual host. */
export interface HostFacts {
  /** What `ALL` and `--privileged` can give at most: the engine's own bounding set. */
  readonly bounding?: CapabilitySet;
  /** Host-wide fs.protected_* and, with host networking, the port and ping sysctls. */
  readonly kernel?: Partial<KernelFacts>;
  /** The host's device nodes by path, for those that are handed in. */
  readonly devices?: Readonly<Record<string, Inode>>;
}

export interface LaunchInput {
  readonly image: LaunchSubject;
  readonly settings: ContainerSettings;
  readonly profile: PlatformProfile;
  /** Default: the settings' name, else the image's reference. */
  readonly name?: string;
  readonly host?: HostFacts;
}

/** A part found that nothing will start. */
export interface Stopped {
  readonly kind: 'stopped';
  readonly by: Refusal['by'];
  readonly reason: string;
  readonly message: string;
  readonly because: readonly Derivation[];
}

/** The runtime stops in its phase; `shape` is the profile's wrapping, `%s` for the words. */
export function stopped(
  by: Refusal['by'],
  reason: string,
  words: string,
  because: readonly Derivation[],
  shape: string | undefined = undefined,
): Stopped {
  return { kind: 'stopped', by, reason, message: shape === undefined ? words : shape.replace('%s', () => words), because };
}

export function isStopped(value: object): value is Stopped {
  return 'kind' in value && value.kind === 'stopped';
}

/** Where a failure of a phase shows: Kubernetes has its waiting reasons, engines say `create` or `start`. See semantics of startContainer. */
export function phaseReason(profile: PlatformProfile, phase: 'create' | 'start' | 'execve'): string {
  if (!profile.kubelet) return phase === 'execve' ? 'start' : phase;
  // The runtime has reported success by then, so the container ran and ended: the words are in its log.
  if (phase === 'execve') return 'CrashLoopBackOff';
  // CRI-O runs `runc create` inside CRI CreateContainer, containerd inside StartContainer.
  return phase === 'create' || profile.passwdInjection === 'crio' ? 'CreateContainerError' : 'RunContainerError';
}
