/** What a lab is: data read from `labs/NN-name/lab.md`. No lab needs code of its own. */

/** Something of the machine a lab cannot do without. `root` may be met by a user namespace with subordinate ids. */
export type LabNeed = 'root' | 'overlay' | 'runc' | 'podman' | 'loop' | 'idmap' | 'strace' | 'qemu' | 'selinux' | 'cluster';

/** One lab. Texts are Markdown. */
export interface Lab {
  /** Two digits, `09`: what `unroot lab start` takes. */
  readonly id: string;
  /** Name of the folder, `09-three-walls`. */
  readonly name: string;
  readonly title: string;
  /** One sentence. */
  readonly goal: string;
  /** How long it takes somebody who has not seen it, in minutes. */
  readonly minutes: number;
  /** Items of the tutorials it covers, `S1.22`. */
  readonly covers: readonly string[];
  readonly needs: readonly LabNeed[];
  /** Folders of `labs/images/` whose images lie in the node as `/images/NAME` (OCI layouts). */
  readonly images: readonly string[];
  /** Ids of checks (`unroot check`) that this lab explains. */
  readonly explains: readonly string[];
  /** What to read or do next: ids of labs, or links. */
  readonly next: readonly string[];
  /** Pictures the page shows first, in this order; without it, they follow from what the checks look at. */
  readonly pictures?: readonly LabPicture[];
  /** Of the picture `walk`: what to look at first, as `append /host/etc/hosts`; without it, what the checks attempt. */
  readonly paths?: readonly string[];
  /** Of the picture `walls`: what stands in the way, each fallen when its step is done. */
  readonly walls?: readonly { readonly step: string; readonly says: string }[];
  readonly story: string;
  /** Bash, run in the node as root before the learner comes: what the lab finds there (a ```setup fence before the first step). */
  readonly setup?: string;
  readonly steps: readonly LabStep[];
  readonly explanation: string;
}

/** What the page can draw from the running lab. */
export type LabPicture = 'processes' | 'capabilities' | 'walk' | 'layers' | 'walls';

/** One step: done when all its checks were green at the same moment, and its question is answered. */
export interface LabStep {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** From gentle to plain; each is shown on request and costs nothing. */
  readonly hints: readonly string[];
  readonly checks: readonly LabCheck[];
  readonly quiz?: Quiz;
  /** Bash, run in the node as the learner would; what goes on (a container) is put in the background there. */
  readonly solution: string;
  /** Bash that looks like a solution and is none: the checks must stay red after it. */
  readonly wrong: readonly string[];
}

/** A question with answers to choose from. */
export interface Quiz {
  readonly question: string;
  readonly choices: readonly { readonly text: string; readonly right: boolean; readonly because: string }[];
}

/** How to find processes of the node (by looking at /proc from outside). All given conditions must hold. */
export interface ProcessMatch {
  /**
   * Regular expression on the command line, words joined by a blank. A process may call itself what it likes, so its first word must lead to
   * the file that is executed, or be its name; unless `program` says which file that is.
   */
  readonly command?: string;
  /** Regular expression on the path of the file that is executed, as its own root has it. */
  readonly program?: string;
  /** Only processes in a container: their pid namespace is not the node's. */
  readonly container?: boolean;
  /** Environment variable and its value, as `NAME=value`. */
  readonly env?: string;
}

/** Facts of a process, compared with /proc/PID/status as seen from outside the node. Ids are decimal. */
export interface ProcessFacts {
  readonly uid?: number;
  readonly gid?: number;
  /** Supplementary groups as a set. */
  readonly groups?: readonly number[];
  readonly notUid?: number;
  /** Hexadecimal sets as /proc prints them, leading zeros optional. */
  readonly capabilities?: Readonly<Partial<Record<'inheritable' | 'permitted' | 'effective' | 'bounding' | 'ambient', string>>>;
  readonly noNewPrivileges?: boolean;
  readonly seccomp?: 0 | 2;
  /** PID in its own namespace. */
  readonly pidInside?: number;
  /** Capabilities that are among its effective ones, or not, as `CAP_SYS_ADMIN`. */
  readonly holds?: readonly string[];
  readonly lacks?: readonly string[];
  /** Whether its user namespace, mount namespace, or control group is the node's. A control group of its own is where a container was made. */
  readonly userNamespace?: 'node' | 'own';
  readonly mountNamespace?: 'node' | 'own';
  readonly controlGroup?: 'node' | 'own';
}

/** What can be looked at. Each is decided from outside the node, by the state of the world. */
export type LabCheckKind =
  | {
      readonly kind: 'process';
      readonly match: ProcessMatch;
      readonly is?: ProcessFacts;
      readonly count?: number;
      readonly every?: boolean;
    }
  | {
      readonly kind: 'file';
      /** Absolute path in the node; `container` looks below the root of a process that matches. */
      readonly path: string;
      readonly container?: ProcessMatch;
      readonly exists?: boolean;
      /** `uid:gid`, or the uid alone. */
      readonly owner?: string;
      /** Octal, as `0644`. */
      readonly mode?: string;
      /** Bits that it has none of: `"0022"` = written by its owner only. */
      readonly modeLacks?: string;
      /** Regular expressions on its text (multiline). */
      readonly matches?: string;
      readonly matchesNot?: string;
      /** How many lines match `matches`. */
      readonly lines?: number;
      /** Same bytes as when the lab began. */
      readonly unchanged?: boolean;
      /** The whole file system it lies in, as `selinuxfs`: what is mounted over it is not it, nor is a link. */
      readonly fileSystem?: string;
    }
  | {
      /** The operation is really done, with identity, capabilities and namespaces of the process. What it would change is done on no-one's behalf: see the evaluator. */
      readonly kind: 'attempt';
      readonly match: ProcessMatch;
      readonly operation: 'read' | 'append' | 'create' | 'mkdir' | 'unlink' | 'chown' | 'bind';
      /** Absolute path inside the container, or a port for `bind`. */
      readonly target: string;
      readonly gives: 'ok' | 'EACCES' | 'EPERM' | 'EROFS' | 'ENOENT' | 'EADDRINUSE';
    }
  | {
      readonly kind: 'listens';
      readonly port: number;
      readonly protocol?: 'tcp' | 'udp';
      readonly uid?: number;
      /** Who holds the socket; without it, anybody on the node. */
      readonly match?: ProcessMatch;
    }
  | {
      readonly kind: 'http';
      readonly port: number;
      readonly path?: string;
      readonly status: number;
      readonly matches?: string;
      /** Who has to be at the other end, however many hands the connection goes through: a process that matches, or one of its container. */
      readonly match?: ProcessMatch;
    }
  | {
      /** A command run in the node by the checker, as root, after a copy of the learner's folder was made; at most 30 s. */
      readonly kind: 'run';
      readonly command: string;
      readonly exit?: number;
      readonly stdout?: string;
      readonly stderr?: string;
    }
  | {
      /** An image that the learner made, read with our image reader: an OCI layout, or a name in the node's podman. */
      readonly kind: 'image';
      readonly path?: string;
      readonly name?: string;
      readonly user?: string;
      readonly files?: readonly {
        readonly path: string;
        readonly exists?: boolean;
        readonly owner?: string;
        readonly mode?: string;
        /** Number of the layer that made it what it is, from 0. */
        readonly layer?: number;
        /** How many layers hold its bytes. */
        readonly copies?: number;
        /** Whether it carries file capabilities. */
        readonly capabilities?: boolean;
      }[];
      readonly layers?: number;
      readonly maxBytes?: number;
      /** Regular expression on what the layers say they were made by, a line each. */
      readonly history?: string;
    }
  | {
      /** A number in a file of the learner's, held against what the player counts of an image itself. */
      readonly kind: 'answer';
      readonly path: string;
      readonly image: { readonly path?: string; readonly name?: string };
      readonly is: 'layers' | 'bytes' | 'wasted' | 'bytes-of-layer' | 'first-layer-of' | 'last-layer-of' | 'copies-of';
      /** A path of the image (of `wasted`: what is below it), or the number of a layer. */
      readonly of?: string;
    }
  | {
      /** What `unroot run` in the node wrote down about a start: for what is over, or never began. */
      readonly kind: 'record';
      /** Regular expression on what was named: an image, a manifest. */
      readonly target?: string;
      readonly refused?: string;
      /** Regular expression on the command that was started, words joined by a blank. */
      readonly argv?: string;
      /** Of a container of a pod at its end, as kubectl shows it: `CreateContainerConfigError`. */
      readonly status?: string;
      /** false: nothing of that start ever ran. */
      readonly started?: boolean;
      readonly exit?: number;
      readonly output?: string;
      readonly uid?: number;
    };

/** One check of a step. */
export type LabCheck = LabCheckKind & {
  /** What is so when it is green, in one short sentence. */
  readonly says: string;
};

/** How a check stands. `detail` says what was seen, in the terms of the check. */
export interface CheckState {
  readonly says: string;
  readonly green: boolean;
  readonly detail: string;
}

/** Where a learner stands in a lab. */
export interface LabProgress {
  readonly lab: string;
  /** Ids of steps that were done. */
  readonly done: readonly string[];
  /** Hints opened, step id → how many. */
  readonly hints: Readonly<Record<string, number>>;
  /** Answers given, step id → index of the choice. */
  readonly answers: Readonly<Record<string, number>>;
  /** ISO time of the first start. */
  readonly began: string;
  readonly finished?: string;
}
