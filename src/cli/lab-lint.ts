/** `unroot lab lint`. */
import { labsFolder } from '../lab/find-labs.ts';
import { lintFolder } from '../lab/lint-lab.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print } from './output.ts';

/** Exit code 1 when there is something. */
export async function lintLabs(flags: LabFlags, context: CommandContext): Promise<void> {
  const { labs, problems } = lintFolder(labsFolder(flags.labs));
  for (const { file, line, message } of problems) await print(`${file}${line === undefined ? '' : `:${line}`}: ${message}\n`);
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
  await print(`${count(labs, 'lab')}, ${count(problems.length, 'problem')}\n`);
  context.done(problems.length > 0 ? 1 : 0);
}
