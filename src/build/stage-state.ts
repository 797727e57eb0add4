/** A stage of a Dockerfile while its instructions are carried out one by one, in the mind only. */
import type { Healthcheck } from '../image/image.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import type { Span } from '../text/span.ts';
import type { BuildTree } from './build-tree.ts';

/** The run settings so far. `undefined` of a missing base: nobody knows. */
export interface ConfigDraft {
  /** Undefined: the base's, which is not known. */
  user: string | undefined;
  env: Map<string, string | null>;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  workingDir: string | undefined;
  volumes: string[];
  exposedPorts: string[];
  labels: Record<string, string>;
  stopSignal: string | undefined;
  healthcheck: Healthcheck | undefined;
  shell: readonly string[] | undefined;
  onbuild: readonly string[];
}

/** What an instruction did that somebody wants to know of. */
export type BuildFact =
  | {
      readonly kind: 'needs-root';
      readonly span: Span;
      readonly instruction: Instruction;
      /** `apt-get install curl`. */
      readonly command: string;
      /** As whom it runs: `app (uid 1000)`. */
      readonly user: string;
      /** The same as USER says it, here or in the base. */
      readonly spec: string;
      readonly why: string;
      /** False: the command may still be able to do it. */
      readonly sure: boolean;
    }
  | {
      readonly kind: 'world-writable';
      readonly span: Span;
      readonly instruction: Instruction;
      readonly path: string;
      readonly mode: number;
    }
  | {
      readonly kind: 'copied-by-chown';
      readonly span: Span;
      readonly instruction: Instruction;
      readonly command: string;
      /** `chown` alone could have been said by COPY. */
      readonly by: 'chown' | 'chgrp' | 'chmod';
      readonly path: string;
      readonly files: number;
      readonly bytes: number;
      /** The layers that had them before. */
      readonly layers: readonly number[];
      readonly owner?: string;
    }
  | {
      readonly kind: 'capability-lost';
      readonly span: Span;
      readonly instruction: Instruction;
      readonly path: string;
      readonly by: string;
    }
  | { readonly kind: 'privilege-tool'; readonly span: Span; readonly instruction: Instruction; readonly tool: string };

/** Something that was not understood: whatever it may have changed is unknown. */
export interface OpaqueStep {
  readonly span: Span;
  readonly instruction: Instruction;
  /** In words: `make install`. */
  readonly text: string;
  /** packages: files and accounts anywhere; program: what its user may change; content: one place only. */
  readonly kind: 'packages' | 'program' | 'content';
  /** Of `content`: the place. */
  readonly path?: string;
  /** Whether root did it, so that it may have changed anything. */
  readonly asRoot: boolean;
  readonly layer: number;
}

export interface StageState {
  readonly tree: BuildTree;
  readonly config: ConfigDraft;
  /** Arguments in force; null = nobody knows the value. */
  readonly args: Map<string, string | null>;
  /** Layers so far: the base's, and one for each instruction. */
  layer: number;
  /** The instruction behind each layer that this file makes. */
  readonly layers: Map<number, Instruction>;
  readonly facts: BuildFact[];
  readonly opaque: OpaqueStep[];
  /** Where the last USER, ENTRYPOINT … of the stages that count stands. */
  readonly set: Map<string, Instruction>;
  /** Ports and volumes with the instruction that names them. */
  readonly named: Map<string, Instruction>;
  /** Why the base is not known; what hangs on it is not known either. */
  baseMissing: string | undefined;
  /** USER as the base has it; undefined = not known. */
  startUser: string | undefined;
  /** Accounts that the file itself makes. */
  readonly madeUsers: Map<string, Instruction>;
}

/** Whoever works in a RUN line, or will in the end. */
export interface Worker {
  readonly text: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly groups: readonly number[];
  /** Why it cannot be: `no user app in /etc/passwd`. */
  readonly missing?: string;
}

export const isRoot = ({ uid }: Worker): boolean => uid === 0;
