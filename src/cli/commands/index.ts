/** The commands by name. Each is a chunk of its own in the bundle, loaded when it is asked for. */
import type { CommandSetup } from '../command.ts';

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandSetup>;
}

/** In the order of the help. */
export type CommandName = 'who' | 'version';

export const COMMANDS: Readonly<Record<CommandName, CommandEntry>> = {
  who: {
    summary: 'who each container really runs as, and why',
    load: async () => (await import('./who.ts')).who,
  },
  version: {
    summary: 'the version, and what it runs on',
    load: async () => (await import('./version.ts')).version,
  },
};
