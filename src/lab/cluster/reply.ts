/** Where an answer of the cluster goes. */
export interface Reply {
  out(text: string): void;
  error(text: string): void;
  /** Whoever asked is gone. */
  readonly signal: AbortSignal;
}
