/** Something that a program will do, known from a script or a configuration that was read, not from a run. */
import type { Operation } from '../../linux/operation.ts';

export interface ReadOperation {
  readonly operation: Operation;
  /** Path or name of the program that will do it. */
  readonly program: string;
  /** Where it says so. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** medium: said plainly. low: in a branch that may not be taken, or a habit of the program. */
  readonly confidence: 'medium' | 'low';
  /** Only done by root: in the branch of a script that asks `id -u`. */
  readonly onlyRoot?: boolean;
}

/** A program that is started in the end, as far as its words are known. */
export interface StartedProgram {
  readonly argv: readonly string[];
  readonly cwd: string;
}
