/** The one way the tool says it could not do its work (exit code 2 unless stated). Findings and diagnostics are values, not errors. */

/** Where the trouble is: a file, an image, an entry inside a layer. Only what is known is set. */
export interface Where {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly image?: string;
  readonly layer?: number;
  readonly entry?: string;
}

export interface UnrootErrorOptions {
  /** Closed set per layer, dotted: `image.truncated`, `engine.none`. Tests and programs branch on it, never on the wording. */
  readonly code: string;
  readonly where?: Where;
  /** What would have been right. */
  readonly expected?: string;
  /** What the user can do now. One sentence; may name a command. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** 2 = could not finish (default), 3 = nothing to analyse, 130 = interrupted. */
  readonly exitCode?: 2 | 3 | 130;
}

/** Base of every error the tool throws on purpose. The message says what was read and what is wrong with it. */
export class UnrootError extends Error {
  readonly code: string;
  readonly where: Where | undefined;
  readonly expected: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: 2 | 3 | 130;

  constructor(message: string, options: UnrootErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'UnrootError';
    this.code = options.code;
    this.where = options.where;
    this.expected = options.expected;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 2;
  }
}
