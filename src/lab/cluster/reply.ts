/** Where an answer of the cluster goes. */
export interface Reply {
  out(text: string): void;
  error(text: string): void;
  /** Whoever asked is to run this in a container, at his own terminal, when the answer is over. */
  enter(what: EnterContainer): void;
  /** Whoever asked is gone. */
  readonly signal: AbortSignal;
}

/** A command in the namespaces of a process and as its user. */
export interface EnterContainer {
  readonly pid: number;
  readonly command: readonly string[];
  /** Whether the command reads what is typed. */
  readonly stdin: boolean;
  readonly tty: boolean;
}
