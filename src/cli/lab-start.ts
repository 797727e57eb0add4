/** `unroot lab start`: the text of a step, and a shell in the node below it, until the shell ends. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../error.ts';
import { currentStep, openDesk, playerSocket, renderEnd } from '../lab/desk.ts';
import { findLab, labsFolder } from '../lab/find-labs.ts';
import { forgetProgress, labStateFolder } from '../lab/progress.ts';
import { paint, type RenderOptions, renderMarkdown, renderStep, wrapText } from '../lab/render.ts';
import { type LabSession, startLab } from '../lab/session.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { runShell, shellEntry } from './lab-terminal.ts';
import { createLog } from './log.ts';
import { print, wantsColor } from './output.ts';

const RULE = '─'.repeat(78);

/** Starts it, and goes on where the learner was. */
export async function startInTerminal(
  name: string,
  flags: LabFlags & { readonly again?: boolean },
  context: CommandContext,
): Promise<void> {
  const found = findLab(labsFolder(flags.labs), name);
  const { lab } = found;
  const state = labStateFolder();
  const options: RenderOptions = { columns: process.stdout.columns ?? 80, color: wantsColor(flags.color) };
  if (playerSocket(state, lab) !== undefined)
    throw new UnrootError(`lab ${lab.id} runs already, in another terminal`, {
      code: 'lab.running',
      hint: `unroot lab shell ${lab.id} is another shell in its node, unroot lab stop ${lab.id} ends it`,
    });
  if (flags.again === true) forgetProgress(state, lab);
  const log = createLog({ quiet: flags.quiet === true, verbose: flags.verbose === true, format: 'text' });
  let session: LabSession | undefined;
  let shell: ChildProcess | undefined;
  let stopped = false;
  const desk = openDesk(lab, state, () => {
    stopped = true;
    shell?.kill('SIGHUP');
  });
  try {
    session = await startLab(found, {
      stateFolder: state,
      signal: context.signal,
      onProgress: (message) => log.progress(message),
      onNode: (node) => desk.listen(node),
    });
    desk.serve(session);
    for (const note of session.notes) log.note(note);
    const { done } = session.progress();
    if (done.length > 0 && done.length < lab.steps.length) {
      log.progress('Bringing the node to where you were');
      await session.resume();
      // Started by nobody's shell: no list of jobs has them.
      if ((await session.node().run("pgrep -f 'unroot.js [r]un '")).code === 0)
        log.note("what ran when you left runs again; where a text ends it with fg, here pkill -INT -f 'unroot.js run' does");
    }
    log.clear();
    await print(`${opening(session, options)}\n`);
    for (;;) {
      const node = await session.ready();
      await runShell(shellEntry(node, true, process.stdin.isTTY), (one) => {
        shell = one;
      });
      // A reset ends the shell with its node, a moment after it was asked for; the learner goes on in the new one.
      await sleep(300);
      if (context.signal.aborted || stopped || (await session.ready()) === node) break;
    }
    await print(`${closing(session)}\n`);
    context.done(0);
  } finally {
    desk.close();
    await session?.stop();
  }
}

function opening(session: LabSession, options: RenderOptions): string {
  const { lab } = session;
  const { done } = session.progress();
  const head = [
    RULE,
    paint(`Lab ${lab.id}: ${lab.title}`, 'bold', options),
    wrapText(`${lab.goal} About ${lab.minutes} minutes.`, '', options),
    RULE,
    '',
  ];
  const all = done.length === lab.steps.length;
  return [
    ...head,
    ...(done.length === 0
      ? [renderMarkdown(lab.story, options), '']
      : [`Done so far: ${done.length} of ${lab.steps.length} steps.`, '']),
    all ? renderEnd(lab, options) : renderStep(lab, currentStep(session), options),
    '',
    paint('check: how it stands · hint · step: this text · enter: into a container · reset · help · exit', 'dim', options),
    '',
  ].join('\n');
}

function closing(session: LabSession): string {
  const { done, finished } = session.progress();
  const { lab } = session;
  if (finished !== undefined || done.length === lab.steps.length)
    return `Lab ${lab.id} is done. The node is gone; nothing of it stays.`;
  return `The node is gone. ${done.length} of ${lab.steps.length} steps are done; unroot lab start ${lab.id} goes on there.`;
}
