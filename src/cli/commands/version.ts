/** `unroot version`: what this is and what it runs on. */
import type { Command } from 'commander';
import { print } from '../output.ts';
import { VERSION } from '../version.ts';

/** Takes nothing. */
export function version(command: Command): Command {
  return command.description('The version, and what it runs on.').action(async () => {
    await print(`unroot ${VERSION}\nnode ${process.versions.node}, ${process.platform} ${process.arch}\n`);
  });
}
