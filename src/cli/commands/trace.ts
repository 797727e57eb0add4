/** `unroot trace`: run an image once as it is, and list what it did that needs an identity. */
import type { Command } from 'commander';
import { UnrootError } from '../../error.ts';
import { traceReport } from '../../report/documents.ts';
import { traceImage } from '../../unroot.ts';
import type { CommandContext } from '../command.ts';
import { addCommon, addEngine, addProfile, addUser } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { imageOptions, logFor, type RunFlags, withImage } from '../image-run.ts';
import { emit, parseOutputs } from '../output.ts';
import { addSettings } from '../settings.ts';

/** Adds what `trace` takes. */
export function trace(command: Command, context: CommandContext): Command {
  command
    .description('Runs the image once, isolated, and lists what it did that needs an identity.')
    .argument('<target>', 'image')
    .usage('[flags] TARGET [-- COMMAND…]');
  addUser(command, 'run it as this user, as docker run --user');
  addEngine(addProfile(command));
  addSettings(addAccess(addCommon(command)));
  return command.action(async (target: string, flags: RunFlags) => {
    const outputs = parseOutputs(flags.output ?? [], 'trace');
    const log = logFor(flags);
    const options = imageOptions(flags, context, log);
    const settings = { ...options.settings, ...(flags.user === undefined ? {} : { user: flags.user }) };
    const { engine, observation } = await withImage(
      target,
      imageAccess(flags, context.signal, (message) => log.progress(message)),
      (image) => traceImage(image, { ...options, settings }),
    );
    log.clear();
    const { trace: seen } = observation;
    if (seen === undefined) {
      throw new UnrootError(`${target} did not start: ${observation.refusal ?? 'nothing was traced'}`, {
        code: 'cli.not-traced',
        where: { image: target },
      });
    }
    await emit(traceReport(seen, { target, engine }), outputs, { color: flags.color, verbose: flags.verbose === true });
  });
}
