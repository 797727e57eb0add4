/** `unroot lab check|hint|…`: asks the player of a lab that runs in another terminal or page. */
import { UnrootError } from '../error.ts';
import { ask, playerSocket } from '../lab/desk.ts';
import { findLab, findLabs, labsFolder } from '../lab/find-labs.ts';
import { labStateFolder } from '../lab/progress.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print, wantsColor } from './output.ts';

/** The exit code is the player's: 0 when all is green. */
export async function askPlayer(
  what: string,
  which: string | undefined,
  words: readonly string[],
  flags: LabFlags,
  context: CommandContext,
): Promise<void> {
  const folder = labsFolder(flags.labs);
  const state = labStateFolder();
  const running = findLabs(folder).filter(({ lab }) => playerSocket(state, lab) !== undefined);
  const { lab } =
    which === undefined && running.length === 1 ? running[0]! : findLab(folder, which ?? none(running.map((one) => one.lab.id)));
  const socket = playerSocket(state, lab);
  if (socket === undefined)
    throw new UnrootError(`lab ${lab.id} does not run`, { code: 'lab.not-running', hint: `unroot lab start ${lab.id}` });
  const answer = await ask(socket, what, words, { columns: process.stdout.columns ?? 80, color: wantsColor(flags.color) });
  await print(answer.text);
  context.done(answer.exit);
}

function none(running: readonly string[]): never {
  throw new UnrootError(running.length === 0 ? 'no lab runs' : `several labs run: ${running.join(', ')}`, {
    code: 'lab.not-running',
    hint: running.length === 0 ? 'unroot lab list' : 'say which',
  });
}
