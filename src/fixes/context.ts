/** What remedies may look at. */
import type { FileChange } from '../engine/engine.ts';
import type { RootFs } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { FileTree } from '../linux/decision.ts';
import type { Program } from '../linux/program.ts';
import type { Trace } from '../trace/event.ts';
import type { PortStrategy } from './port-strategy.ts';

/** Whom the image shall be prepared for. `arbitrary`: any uid, gid 0 (OpenShift), so that only the group can be used. */
export interface Recipient {
  readonly uid: number;
  readonly gid: number;
  readonly arbitrary: boolean;
}

export interface FixContext {
  readonly rootFs: RootFs;
  /** As the image says it: who wrote the files until now. */
  readonly asIs: Launch;
  /** As the recipient. */
  readonly target: Launch;
  readonly recipient: Recipient;
  readonly knowledge: Knowledge;
  /** Text files of the image that the program read, by their real path. */
  readonly configs: ReadonlyMap<string, string>;
  /** Folders of the host by mount target, for their owners and modes. */
  readonly binds?: ReadonlyMap<string, FileTree>;
  /** The image's account files, as text; undefined when it has none. */
  readonly accounts: { readonly passwd: string | undefined; readonly group: string | undefined };
  /** What becomes of a port below the first unprivileged one; absent = `auto`. */
  readonly portStrategy?: PortStrategy;
  /** The recipient's Launch with other privileges: how remedies ask the model whether a capability becomes effective. */
  readonly launchWith?: (privileges: {
    readonly capAdd: readonly string[];
    readonly noNewPrivileges: boolean;
  }) => Launch | Refusal;
  /** What the programs are that ran, by their real path: of a script it is the interpreter that the kernel executes. */
  readonly programs?: ReadonlyMap<string, Program>;
  /** The run as the image says, when there was one: what it did, and what it left behind. */
  readonly trace?: Trace;
  readonly left?: readonly FileChange[];
  /** HOME of the processes that served in that run, when all of them had the same. */
  readonly servedHome?: string;
  /** The name of this file, which the image lacks, stands in what the image says; absent = nobody has looked. */
  readonly says?: (path: string) => boolean;
}

/** What is known of programs, as far as remedies ask; filled from `recipes/`. */
export interface Knowledge {
  /** The argv that a privilege-dropping wrapper would start; undefined when argv is no such wrapper. */
  unwrap(argv: readonly string[]): readonly string[] | undefined;
  /** What a line of configuration makes a program do. */
  directive(line: string): 'chroot' | 'identity' | undefined;
  /** A script to put in place of such a wrapper; undefined when the program is none. */
  standIn(program: string): string | undefined;
}

/** Where a path is, for a remedy: in the image, on something mounted over it, or on a file system the kernel makes. */
export type Place =
  | { readonly kind: 'image' }
  | {
      readonly kind: 'volume';
      readonly target: string;
      readonly origin: 'platform' | 'image' | 'settings';
      readonly bind: boolean;
      /** Nobody in the container changes owners there. */
      readonly readOnly: boolean;
      /** A fresh volume starts as a copy of the image's content. */
      readonly copies: boolean;
    }
  | { readonly kind: 'kernel'; readonly target: string };

const KERNEL_MOUNTS = new Set(['proc', 'sysfs', 'devpts', 'mqueue', 'cgroup']);

/** The mount that covers a path, innermost first; the image when none does. */
export function placeOf(path: string, launch: Launch): Place {
  let best: Launch['mounts'][number] | undefined;
  for (const mount of launch.mounts) {
    const under = mount.target === '/' || path === mount.target || path.startsWith(`${mount.target}/`);
    if (under && (best === undefined || mount.target.length >= best.target.length)) best = mount;
  }
  if (best === undefined) return { kind: 'image' };
  if (KERNEL_MOUNTS.has(best.type) || best.target === '/dev' || best.target.startsWith('/dev/'))
    return { kind: 'kernel', target: best.target };
  return {
    kind: 'volume',
    target: best.target,
    origin: best.origin,
    bind: best.type === 'bind',
    readOnly: best.readOnly,
    copies: best.copiesImageContent === true,
  };
}
