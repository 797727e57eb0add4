/** The flags that are about compose projects that are run as a whole. */
import { type Command, Option } from 'commander';
import type { ImageFlags } from './container-images.ts';
import type { RunFlags } from './image-run.ts';

export interface ProjectFlags extends RunFlags, ImageFlags {
  readonly allowBind?: readonly string[];
  readonly published?: boolean;
}

/** `--allow-bind`, `--published`. */
export function addProjects(command: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Compose projects:');
  return command
    .addOption(
      option(
        '--allow-bind <path>',
        'what services may mount of this machine besides the project; what is written to is a copy (repeatable)',
      ).argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]),
    )
    .addOption(option('--published', 'published ports as the file says, on 127.0.0.1 (default: whichever are free)'));
}
