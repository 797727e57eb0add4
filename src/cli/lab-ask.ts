/** `unroot lab check|hint|…`: asks the player of a lab that runs in another terminal or page. */
import { UnrootError } from '../error.ts';
import { ask, playerNode, playerSocket } from '../lab/desk.ts';
import { findLab, labsFolder, readLabs } from '../lab/find-labs.ts';
import type { Lab } from '../lab/lab.ts';
import { labStateFolder } from '../lab/progress.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { runShell, shellEntry } from './lab-terminal.ts';
import { print, wantsColor } from './output.ts';

/** The exit code is the player's: 0 when all is green. */
export async function askPlayer(
  what: string,
  which: string | undefined,
  words: readonly string[],
  flags: LabFlags,
  context: CommandContext,
): Promise<void> {
  const lab = running(what, which, flags);
  const socket = playerSocket(labStateFolder(), lab) ?? notRunning(lab);
  const answer = await ask(socket, what, words, { columns: process.stdout.columns ?? 80, color: wantsColor(flags.color) });
  await print(answer.text);
  context.done(answer.exit);
}

/** Another shell in the node of a lab that runs already. */
export async function anotherShell(which: string | undefined, flags: LabFlags, context: CommandContext): Promise<void> {
  const lab = running('shell', which, flags);
  const node = playerNode(labStateFolder(), lab) ?? notRunning(lab);
  await runShell(shellEntry(node, false, process.stdin.isTTY), (shell) => {
    context.signal.addEventListener('abort', () => shell.kill('SIGHUP'), { once: true });
  });
  context.done(0);
}

/** The lab that is meant. */
function running(what: string, which: string | undefined, flags: LabFlags): Lab {
  const folder = labsFolder(flags.labs);
  if (which !== undefined) return findLab(folder, which).lab;
  const state = labStateFolder();
  const [only, ...more] = readLabs(folder).labs.filter(({ lab }) => playerSocket(state, lab) !== undefined);
  if (only !== undefined && more.length === 0) return only.lab;
  if (only === undefined) throw new UnrootError('no lab runs', { code: 'lab.not-running', hint: 'unroot lab list' });
  throw new UnrootError(`several labs run: ${[only, ...more].map(({ lab }) => lab.id).join(', ')}`, {
    code: 'lab.not-running',
    hint: `say which: unroot lab ${what} ${only.lab.id}`,
  });
}

function notRunning({ id }: Lab): never {
  throw new UnrootError(`lab ${id} does not run`, { code: 'lab.not-running', hint: `unroot lab start ${id}` });
}
