/** What a command gets, and what it is. */
import type { Command } from 'commander';
import type { ConfigFile } from '../input/config-file.ts';

export interface CommandContext {
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
  /** What stood behind `--`. */
  readonly behind: readonly string[];
  /** Sets the exit code. */
  readonly done: (code: number) => void;
  /** All of them by name, for whoever describes them. */
  readonly commands: Readonly<Record<string, CommandEntry>>;
  /** `.unroot.yaml`, once the command runs. */
  config?: ConfigFile;
}

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandSetup>;
}

/** Adds arguments, flags and action to the empty command it is given. */
export type CommandSetup = (command: Command, context: CommandContext) => Command;
