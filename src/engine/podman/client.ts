/** Calls of the podman program, always with the same global flags and an environment that keeps it local. */
import { UnrootError } from '../../error.ts';
import { type CommandOptions, type CommandResult, runCommand } from '../command.ts';

export interface PodmanClient {
  /** `podman FLAGS…`, to be followed by a subcommand: for the clean-up list, which runs without us. */
  readonly argv: readonly string[];
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Throws `engine.failed` with podman's words when it fails. */
  need(args: readonly string[], options?: CommandOptions): Promise<string>;
}

/** Without these podman could talk to another machine, or tell our own service manager that it is ready. */
const REMOVED = ['CONTAINER_HOST', 'CONTAINER_CONNECTION', 'NOTIFY_SOCKET'];

export function podmanClient(globalFlags: readonly string[] = []): PodmanClient {
  const argv = ['podman', ...globalFlags];
  const env = { ...process.env };
  for (const name of REMOVED) delete env[name];
  const run = (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
    runCommand([...argv, ...args], { ...options, env: { ...env, ...options.env } });
  return {
    argv,
    run,
    async need(args, options) {
      const result = await run(args, options);
      if (result.code === 0) return result.stdout;
      if (result.aborted) throw interrupted();
      throw new UnrootError(`podman ${args[0] ?? ''} failed: ${podmanWords(result)}`, { code: 'engine.failed' });
    },
  };
}

/** The abort of the caller, as an error of ours. */
export function interrupted(): UnrootError {
  return new UnrootError('Interrupted', { code: 'engine.interrupted', exitCode: 130 });
}

/** Podman's own error line, without its logger's lines. */
export function podmanWords(result: CommandResult): string {
  if (result.timedOut) return 'it did not answer in time';
  const lines = result.stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('time='));
  const last = lines.findLastIndex((line) => line.startsWith('Error: '));
  // A list of errors goes on in lines of its own, each with a star (hashicorp/go-multierror format.go).
  const list = last < 0 ? [] : lines.slice(last + 1).filter((line) => /^\s+\*/.test(line));
  const line = lines[last] ?? lines.at(-1) ?? `exit code ${result.code}`;
  return [line.replace(/^Error: /, ''), ...list.map((one) => one.trim().replace(/^\*\s*/, ''))].join(' ');
}
