/** `unroot prove`: run it before and after, ask the same questions, show the evidence. */
import type { Command } from 'commander';
import { UnrootError } from '../../error.ts';
import { targetKind } from '../../input/target-kind.ts';
import { fixImage } from '../../unroot.ts';
import type { CommandContext } from '../command.ts';
import { codeForVerdict } from '../exit-code.ts';
import { fixedImage } from '../fixed-image.ts';
import { addCommon, addEngine, addProfile, addUser } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { addProbes, fixOptions, logFor, type RunFlags, withImage } from '../image-run.ts';
import { emit, parseOutputs } from '../output.ts';
import { addSettings } from '../settings.ts';
import { usageError } from '../usage-error.ts';

/** Adds what `prove` takes. */
export function prove(command: Command, context: CommandContext): Command {
  command
    .description(
      'Runs the image as it is, works out the fixes, runs the result as that user, asks both the same questions, and shows the evidence. Writes nothing.',
    )
    .argument('<target>', 'image')
    .usage('[flags] TARGET [-- COMMAND…]');
  addUser(command, 'UID[:GID], NAME or arbitrary (default: 10001)');
  addProbes(addEngine(addProfile(command)));
  addSettings(addAccess(addCommon(command)));
  return command.action(async (target: string, flags: RunFlags) => {
    const outputs = parseOutputs(flags.output ?? [], 'prove');
    const log = logFor(flags);
    if (targetKind(target) === 'manifests')
      throw usageError(
        `${target} is no image, and what it describes is not run as a whole`,
        'an image',
        `unroot fix ${target} --prove runs the image of each container or service by itself, before and after`,
      );
    await withImage(
      target,
      imageAccess(flags, context.signal, (message) => log.progress(message)),
      async (image) => {
        const result = await fixImage(image, { ...fixOptions(flags, context, log), prove: true });
        const { proof } = fixedImage(target, image, result).report;
        log.clear();
        if (proof === undefined)
          throw new UnrootError(`${target} was not proved`, { code: 'cli.no-proof', where: { image: target } });
        await emit(proof, outputs, { color: flags.color, verbose: flags.verbose === true });
        context.done(codeForVerdict(proof.verdict));
      },
    );
  });
}
