/** Runs a Launch for real. One interface for all engines; `test/conformance/engine.ts` is its specification. */
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import type { CapabilityState } from '../linux/capability.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Scheduling } from './scheduling.ts';

export type EngineKind = 'runc' | 'crun' | 'podman' | 'docker' | 'builtin';

/** What `detect` found out about one engine on this machine. */
export interface EngineStatus {
  readonly kind: EngineKind;
  readonly available: boolean;
  readonly version?: string;
  /** What is missing, when not available: `runc is not installed`, `the Docker daemon does not answer at …`. */
  readonly reason?: string;
  /** One command that brings it, when there is one: `apt-get install -y runc`. */
  readonly install?: string;
  /** Things a user should know: `built in, over util-linux: no seccomp, no cgroup limits`. */
  readonly notes: readonly string[];
}

export interface EngineOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

export interface Engine {
  readonly kind: EngineKind;
  readonly version: string;
  /** How this very engine, at this version, decides identity: the default profile for images. */
  readonly profile: PlatformProfile;
  readonly notes: readonly string[];
  /** Can a tracer attach before the first instruction of the image's program runs? */
  readonly stopsBeforeStart: boolean;
  /** What of this launch the engine cannot realise, in words; empty = exact. Never silently different. */
  differences(launch: Launch): readonly string[];
  /** Makes an image ready to be run many times (unpacked, or loaded into the engine's store). */
  prepare(image: Image, options?: EngineOptions): Promise<PreparedImage>;
  /** A volume for several containers, empty until the first one of them fills it; given to them by `CreateOptions.volumes`. Absent = cannot be shared. */
  makeVolume?(): Promise<SharedVolume>;
  /** Its containers can join the namespaces of `CreateOptions.sandbox`. */
  readonly joinsSandboxes?: boolean;
  /** Removes everything this engine object made. Safe to call twice. */
  close(): Promise<void>;
}

/** What it is called for the engine that made it: a folder, or a name. */
export interface SharedVolume {
  readonly id: string;
  remove(): Promise<void>;
}

/** How a container finds others by name. */
export interface ContainerNames {
  /** Its own address on the network it joins. */
  readonly address: string;
  readonly nameserver: string;
  /** More lines of /etc/hosts: `198.51.100.7 db.example`. */
  readonly hosts: readonly string[];
}

export interface PreparedImage {
  readonly image: Image;
  /** What could not be unpacked as the layers say it, in words. */
  readonly notes?: readonly string[];
  create(launch: Launch, options?: CreateOptions): Promise<Container>;
  remove(): Promise<void>;
}

export interface CreateOptions extends EngineOptions {
  /** Bytes of stdout and of stderr kept; older ones are dropped. Default 1 MiB. */
  readonly logLimit?: number;
  /** What the program's standard streams are: `input` = our own standard input, `terminal` = all three are our terminal, through one of its own where the engine makes one. Nothing is kept of a terminal. Only engines that `stopsBeforeStart`. */
  readonly attach?: 'input' | 'terminal';
  /** Everything the container says, as it comes. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** Pid of a process whose network and IPC namespaces the container joins (`openSandbox`). Only engines that `joinsSandboxes` do; podman joins the network. */
  readonly sandbox?: number;
  /** For a network with others on it; absent = nobody but itself has a name. */
  readonly names?: ContainerNames;
  /** Mount target → a volume of `Engine.makeVolume`, instead of a new one. */
  readonly volumes?: ReadonlyMap<string, string>;
  /** Host ports to publish on 127.0.0.1: container port → host port. Engines with their own network namespace forward them. */
  readonly publish?: ReadonlyMap<number, number>;
}

export interface ExitStatus {
  /** 0–255; 128+n when killed by signal n. */
  readonly code: number;
  readonly signal?: string;
}

export interface ProcessStatus {
  /** In the host's pid namespace. */
  readonly pid: number;
  readonly ppid: number;
  readonly command: string;
  readonly argv: readonly string[];
  /** real, effective, saved, file-system — as the host sees them. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly capabilities: CapabilityState;
  readonly noNewPrivileges: boolean;
  readonly seccomp: number;
  /** Those with a handler, and those held back (a program that waits for them with sigwait or signalfd does that); absent = not known. */
  readonly signals?: { readonly caught: readonly string[]; readonly blocked: readonly string[] };
  /** CPU time used so far, in clock ticks of 10 ms: tells a busy start from an idle wait. */
  readonly cpuTicks?: number;
  /** Whether it has work, done or not: on a busy machine it may get hardly any CPU time. Absent = not looked at. */
  readonly scheduling?: Scheduling;
}

export interface ExecOptions {
  readonly timeoutMs?: number;
  readonly env?: readonly string[];
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** One path that differs from the image, seen from outside: for machines where no tracer attaches. */
export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted';
  readonly type: import('../linux/inode.ts').FileType;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly size: number;
}

export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly port: number;
  readonly inode: number;
}

/** Created, not yet started. */
export interface Container {
  readonly id: string;
  /** Host pid of the process that will become the image's program; known before start only when the engine `stopsBeforeStart`. */
  readonly pid: number | undefined;
  /** Starts it. A refusal of the runtime (no such file, not executable) is thrown as UnrootError `engine.start-refused` with its words; `engine.start-stuck`: nothing of the image ran, and will not. */
  start(): Promise<void>;
  /** Resolves when the main process has ended. */
  readonly exited: Promise<ExitStatus>;
  running(): boolean;
  stdout(): string;
  stderr(): string;
  /** Both streams, in order of arrival as far as it can be told. */
  log(): string;
  signal(name: NodeJS.Signals): Promise<void>;
  /** The image's STOPSIGNAL (or SIGTERM), then SIGKILL after `graceMs` (default 5000). */
  stop(graceMs?: number): Promise<ExitStatus>;
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** All processes of the container, read from the host's /proc. */
  processes(): Promise<readonly ProcessStatus[]>;
  /** Listening TCP and bound UDP sockets of its network namespace. */
  listening(): Promise<readonly ListeningSocket[]>;
  /** Runs a host program inside the container's network namespace (probes). */
  inNetwork(argv: readonly string[], options?: { readonly timeoutMs?: number; readonly input?: string }): Promise<ExecResult>;
  /** What the run changed in the root file system and in the volumes it was given. */
  changes(): Promise<readonly FileChange[]>;
  /** Host folders behind its writable volumes and binds, by mount target, there to be read until `remove`; absent = they are out of reach. */
  volumes?(): ReadonlyMap<string, string>;
  /** Stops and removes everything of it. Safe to call twice. */
  remove(): Promise<void>;
}
