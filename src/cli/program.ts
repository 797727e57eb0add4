/** The command line: finds the command, loads it, runs it, turns what happens into an exit code. */
import { Command, CommanderError } from 'commander';
import { UnrootError } from '../error.ts';
import { configStart, findConfig } from '../input/find-config.ts';
import type { CommandContext } from './command.ts';
import { COMMANDS, type CommandName } from './commands/index.ts';
import { EXIT } from './exit-code.ts';
import { failureDocument, failureText } from './failure.ts';
import { helpText, programName } from './help.ts';
import { interruptSignal } from './interrupt.ts';
import { print } from './output.ts';
import { usageError } from './usage-error.ts';
import { VERSION } from './version.ts';

/** After an interrupt the work gets this long to clean up. */
const CLEAN_UP_MS = 15_000;

/** Runs one command line and ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  ignoreClosedPipes();
  const { line, behind } = prepare(args);
  const signal = interruptSignal();
  let code: number;
  try {
    code = await run(line, behind, signal);
  } catch (error) {
    code = signal.aborted ? EXIT.interrupted : await report(error, line);
  }
  process.exit(signal.aborted ? EXIT.interrupted : code);
}

async function run(line: readonly string[], behind: readonly string[], signal: AbortSignal): Promise<number> {
  let code: number = EXIT.ok;
  const context: CommandContext = {
    signal,
    behind,
    commands: COMMANDS,
    done: (value) => {
      code = value;
    },
  };
  const program = await buildProgram(line[0], context);
  program.hook('preAction', async (_, command) => {
    const inCluster = command.args.filter((target) => target.startsWith('k8s://'));
    if (inCluster.length > 0) await (await import('../input/cluster/target.ts')).fetchClusterTargets(inCluster, context.signal);
    if (!command.options.some(({ long }) => long === '--config')) return;
    const asked: unknown = command.getOptionValue('config');
    const path = typeof asked === 'string' ? asked : asked === false ? undefined : findConfig(configStart(command.args));
    if (path !== undefined) context.config = (await import('./config.ts')).applyConfig(command, path);
  });
  const overdue = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason), CLEAN_UP_MS).unref());
  });
  try {
    await Promise.race([program.parseAsync(line, { from: 'user' }), overdue]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    // A command of commands without one, as `unroot lab`: its help, as for `unroot` alone.
    if (error.code === 'commander.help') {
      await print((program.commands.find((one) => one.name() === line[0]) ?? program).helpInformation());
      return EXIT.ok;
    }
    throw usageError(
      error.message.replace(/^error: /, ''),
      undefined,
      `${program.name()} ${isCommand(line[0]) ? `${line[0]} ` : ''}--help`,
    );
  }
  return code;
}

const isCommand = (word: string | undefined): word is CommandName => word !== undefined && Object.hasOwn(COMMANDS, word);

/** Only the command that was asked for is loaded; the others are a name and a sentence. */
async function buildProgram(wanted: string | undefined, context: CommandContext): Promise<Command> {
  const program = new Command(programName())
    .version(`unroot ${VERSION}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  program.helpInformation = helpText;
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    if (name !== wanted) program.command(name).summary(summary);
    else program.addCommand((await load())(new Command(name).summary(summary).copyInheritedSettings(program), context));
  }
  return program;
}

/** What stands behind \`--\` is the container's command. Flags before the command's name count as if they stood behind it. */
function prepare(args: readonly string[]): { readonly line: readonly string[]; readonly behind: readonly string[] } {
  const dashes = args.indexOf('--');
  const line = dashes < 0 ? args : args.slice(0, dashes);
  const behind = dashes < 0 ? [] : args.slice(dashes + 1);
  const at = line.findIndex((word) => isCommand(word));
  if (at > 0 && line[0]?.startsWith('-'))
    return { line: [line[at] as string, ...line.slice(0, at), ...line.slice(at + 1)], behind };
  return { line, behind };
}

/** Shows an error; as a document too when standard output was to hold JSON. */
async function report(error: unknown, line: readonly string[]): Promise<number> {
  const words = [...line, ...(process.env.UNROOT_OUTPUT ?? '').split(/\s+/)];
  const json = words.some(
    (word, index) =>
      /^(?:-o|--output=)?json$/.test(word) &&
      (word !== 'json' || /^(?:-o|--output)$/.test(words[index - 1] ?? '') || index >= line.length),
  );
  if (json) await print(`${JSON.stringify(failureDocument(error), null, 2)}\n`);
  process.stderr.write(failureText(error, line.includes('-v') || line.includes('--verbose')));
  return error instanceof UnrootError ? error.exitCode : EXIT.failed;
}

/** `unroot who … | head`: the reader went away, which is no error of ours. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok);
      throw error;
    });
  }
}
