/** `unroot completion SHELL`: a script for the shell, made from the commands themselves. */
import { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { completionScript, type DescribedCommand, SHELLS, type Shell } from '../completion-script.ts';
import { print } from '../output.ts';
import { usageError } from '../usage-error.ts';

/** Adds what `completion` takes. */
export function completion(command: Command, context: CommandContext): Command {
  command
    .description(
      'Prints a completion script: source <(unroot completion bash), or put it where your shell looks for such scripts.',
    )
    .argument('<shell>', SHELLS.join(', '));
  return command.action(async (shell: string) => {
    const known = SHELLS.find((one) => one === shell);
    if (known === undefined) throw usageError(`There is no completion for ${shell}`, `one of ${SHELLS.join(', ')}`);
    await print(completionScript(known satisfies Shell, await described(context)));
    context.done(0);
  });
}

/** All of them are loaded, once and for this alone. */
async function described(context: CommandContext): Promise<readonly DescribedCommand[]> {
  return Promise.all(
    Object.entries(context.commands).map(async ([name, { summary, load }]) => {
      const { options } = (await load())(new Command(name), context);
      return {
        name,
        summary,
        flags: options.map(({ short, long, description, required, optional, argChoices }) => ({
          names: [long, short].filter((one) => one !== undefined),
          description,
          takesValue: required || optional,
          choices: argChoices ?? [],
        })),
      };
    }),
  );
}
