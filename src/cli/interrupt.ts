/** Ctrl-C: the first one asks the work to stop and clean up, the second one ends the program at once. */
import { UnrootError } from '../error.ts';
import { EXIT } from './exit-code.ts';

/** A signal that aborts on SIGINT, SIGTERM or SIGHUP. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      // Said now: an engine that has containers to remove may end the program itself once they are gone.
      process.stderr.write(`\nunroot: interrupted by ${name}, cleaning up\n`);
      controller.abort(new UnrootError(`Interrupted by ${name}`, { code: 'cli.interrupted', exitCode: EXIT.interrupted }));
    });
  }
  return controller.signal;
}
