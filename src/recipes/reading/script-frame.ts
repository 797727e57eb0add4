/** Where a reader of a shell script stands. */
import type { CompoundList } from 'unbash';
import type { Accounts } from './accounts.ts';
import type { ImageFiles } from './image-files.ts';
import type { ReadOperation, StartedProgram } from './read-operation.ts';
import type { Scope } from './shell-words.ts';

export interface ScriptInput {
  readonly files: ImageFiles;
  readonly accounts: Accounts;
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  readonly uid: number;
  readonly userName: string | undefined;
}

export interface ReadScript {
  readonly operations: ReadOperation[];
  readonly programs: StartedProgram[];
}

/** How sure it is that a command is reached. */
export interface Branch {
  readonly unsure: boolean;
  /** When it fails, the script goes on. */
  readonly tolerated?: boolean;
  readonly onlyRoot: boolean;
}

export interface Frame {
  readonly input: ScriptInput;
  readonly result: ReadScript;
  readonly path: string;
  readonly source: string;
  readonly scope: Scope;
  readonly functions: Map<string, CompoundList>;
  readonly depth: number;
  readonly budget: { left: number };
  cwd: string;
  /** Where in the source the command begins that is being read. */
  at: number;
  /** After exec or exit, nothing more happens. */
  ended: boolean;
  /** It was so in a branch that may not have been taken. */
  mayHaveEnded: boolean;
}
