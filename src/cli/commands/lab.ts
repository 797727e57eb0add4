/** `unroot lab`: the workshop. Each of its commands is loaded when it is asked for. */
import { Argument, type Command, Option } from 'commander';
import type { CommandContext } from '../command.ts';
import type { LabFlags } from '../lab-flags.ts';

const LABS = '--labs <dir>';

/** Adds what `lab` takes. */
export function lab(command: Command, context: CommandContext): Command {
  command
    .description(
      'The workshop: exercises on a small Linux of its own that plays the host, made for you and thrown away afterwards. What is done is decided by looking at it from outside: processes, files, sockets, attempts.',
    )
    .usage('COMMAND');
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .addOption(new Option(LABS, 'folder of labs (default: those that come with unroot)').env('UNROOT_LABS'))
      .addOption(new Option('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto').env('UNROOT_COLOR'))
      .option('-q, --quiet', 'no progress and no notes on standard error')
      .option('-v, --verbose', 'everything there is to say');
  const asJson = (one: Command): Command =>
    one.addOption(new Option('-o, --output <format>', 'table or json').choices(['table', 'json']).default('table'));

  asJson(add('list', 'The labs, how far you are, and what this machine lacks for them.')).action(
    async (flags: LabFlags & { output: string }) => (await import('../lab-list.ts')).listLabs(flags, context),
  );
  add(
    'start',
    'Starts a lab here: its text, and a shell in its node. `check`, `hint`, `step`, `answer`, `solve` and `reset` are typed there.',
  )
    .argument('<lab>', 'number or name')
    .option('--again', 'from the first step, whatever was done before')
    .action(async (name: string, flags: LabFlags & { again?: boolean }) =>
      (await import('../lab-start.ts')).startInTerminal(name, flags, context),
    );
  add(
    'serve',
    'The workshop in the browser: prints an address of this machine only, with a secret in it, and serves until Ctrl-C.',
  )
    .option('-p, --port <number>', 'port on 127.0.0.1; 0 is any that is free', '0')
    .action(async (flags: LabFlags & { port: string }) => (await import('../lab-serve.ts')).serveInBrowser(flags, context));
  for (const [name, description] of [
    ['check', 'How the current step stands (or STEP).'],
    ['step', 'The text of the current step.'],
    ['hint', 'The next hint; each costs nothing.'],
    ['answer', 'Answers the question of a step: the number of a choice.'],
    ['solve', 'Does the current step for you.'],
    ['reset', 'Makes the node anew.'],
    ['stop', 'Ends the lab; nothing of it stays.'],
  ] as const) {
    add(name, `${description} Asks the player of a lab that runs in another terminal.`)
      .argument('[lab]', 'number or name; may be left out when one lab runs')
      .argument('[words...]', name === 'answer' ? 'step and number of the choice' : 'step')
      .action(async (which: string | undefined, words: readonly string[], flags: LabFlags) =>
        (await import('../lab-ask.ts')).askPlayer(name, which, words, flags, context),
      );
  }
  add('shell', 'Another shell in the node of a lab that runs in another terminal or in the browser.')
    .argument('[lab]', 'number or name; may be left out when one lab runs')
    .action(async (which: string | undefined, flags: LabFlags) =>
      (await import('../lab-ask.ts')).anotherShell(which, flags, context),
    );
  asJson(
    add(
      'test',
      'Plays labs by their own solutions: red before, red after what only looks right, green after the solution, nothing left behind.',
    ),
  )
    .argument('[lab...]', 'numbers or names')
    .option('--all', 'every lab')
    .action(async (names: readonly string[], flags: LabFlags & { all?: boolean; output: string }) =>
      (await import('../lab-test.ts')).testLabs(names, flags, context),
    );
  // `kubectl` of the nodes.
  command
    .command('cluster', { hidden: true })
    .description('Asks the cluster that stands in for one in a lab.')
    .usage('-- WORDS as after kubectl')
    .addArgument(new Argument('[what]', 'the cluster itself').choices(['serve']))
    .action(async (what: string | undefined) => (await import('../lab-cluster.ts')).askCluster(what === 'serve', context));
  // Nodes with a kernel of their own: the program in the guest, and the way to it.
  command
    .command('guest', { hidden: true })
    .description('The two ends of a program in a guest.')
    .usage('agent | enter SOCKET -- PROGRAM')
    .addArgument(new Argument('<what>', 'which end').choices(['agent', 'enter']))
    .argument('[socket]', 'of the player')
    .action(async (what: string, door: string | undefined) => (await import('../lab-guest.ts')).inGuest(what, door, context));
  add('export', 'Copies the labs to a folder, as a start for your own set (use it with --labs).')
    .argument('<dir>', 'a new folder')
    .action(async (dir: string, flags: LabFlags) => (await import('../lab-export.ts')).exportLabs(dir, flags, context));
  add('lint', 'What is wrong with labs, without starting any.').action(async (flags: LabFlags) =>
    (await import('../lab-lint.ts')).lintLabs(flags, context),
  );
  return command;
}
