/** A program below a terminal of its own. */

export interface PtyCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cols: number;
  readonly rows: number;
}

export interface Pty {
  readonly pid: number;
  write(bytes: Uint8Array): void;
  resize(cols: number, rows: number): void;
  /** Holds its output back: the program waits when the kernel's buffer is full. */
  pause(): void;
  resume(): void;
  /** Hangs up, as closing a window does; what still runs a second later is killed. */
  end(): void;
}

export interface PtyEvents {
  readonly onData: (bytes: Uint8Array) => void;
  /** In words: `exit 0`, `killed by signal 9`. */
  readonly onEnd: (how: string) => void;
}

export interface PtyMaker {
  readonly name: string;
  start(command: PtyCommand, events: PtyEvents): Pty;
}
