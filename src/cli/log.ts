/** What goes to standard error besides failures: progress while it works (on a terminal only) and notes. */
import { harmless } from '../report/formats/harmless.ts';

export interface LogOptions {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly format: 'text' | 'json';
}

export interface Log {
  /** What it is doing now; each message replaces the last one on the screen. */
  progress(message: string): void;
  /** Something the user should know although it is no result. */
  note(message: string): void;
  /** Something that could not be done, told however quiet it shall be. */
  problem(message: string): void;
  /** Removes the progress line, before anything else is printed. */
  clear(): void;
}

const CLEAR_LINE = '\r\u001b[K';

/** CI has no use for lines that overwrite each other, whatever kind of terminal it claims to be. */
export function createLog(options: LogOptions, stream: NodeJS.WriteStream = process.stderr): Log {
  if (options.format === 'json') {
    const write = (level: string, message: string): void => {
      stream.write(`${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`);
    };
    const line = (level: string, message: string): void => {
      if (!options.quiet) write(level, message);
    };
    return {
      progress: (message) => line('progress', message),
      note: (message) => line('note', message),
      problem: (message) => write('error', message),
      clear: () => undefined,
    };
  }
  const live = stream.isTTY === true && !options.quiet && (process.env.CI ?? '') === '';
  let shown = false;
  const clear = (): void => {
    if (shown) stream.write(CLEAR_LINE);
    shown = false;
  };
  return {
    clear,
    progress(message) {
      if (!live) {
        if (options.verbose && !options.quiet) stream.write(`${harmless(message)}\n`);
        return;
      }
      stream.write(`${CLEAR_LINE}${harmless(message).slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
      shown = true;
    },
    note(message) {
      clear();
      if (!options.quiet) stream.write(`note: ${harmless(message)}\n`);
    },
    problem(message) {
      clear();
      stream.write(`error: ${harmless(message)}\n`);
    },
  };
}
