/** `unroot prove`: run it before and after, ask the same questions, show the evidence. */
import type { Command } from 'commander';
import { UnrootError } from '../../error.ts';
import { targetKind } from '../../input/target-kind.ts';
import { fixImage } from '../../unroot.ts';
import type { CommandContext } from '../command.ts';
import { addImages } from '../container-images.ts';
import { codeForVerdict } from '../exit-code.ts';
import { fixedImage } from '../fixed-image.ts';
import { addCommon, addEngine, addProfile, addUser } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { addProbes, fixOptions, logFor, withImage } from '../image-run.ts';
import { emit, parseOutputs } from '../output.ts';
import { addProjects, type ProjectFlags } from '../project-flags.ts';
import { addSettings } from '../settings.ts';
import { usageError } from '../usage-error.ts';

/** Adds what `prove` takes. */
export function prove(command: Command, context: CommandContext): Command {
  command
    .description(
      'Runs the image as it is, works out the fixes, runs the result as that user, asks both the same questions, and shows the evidence; of a compose project all of its services together. Writes nothing.',
    )
    .argument('<target...>', 'image, or the files of a compose project, or its folder')
    .usage('[flags] TARGET [-- COMMAND…]');
  addProjects(command);
  addUser(command, 'UID[:GID], NAME or arbitrary (default: 10001)');
  addProbes(addEngine(addProfile(command)));
  addSettings(addAccess(addCommon(command)));
  addImages(command);
  return command.action(async (targets: readonly string[], flags: ProjectFlags) => {
    const outputs = parseOutputs(flags.output ?? [], 'prove');
    const log = logFor(flags);
    const [target, ...more] = targets as readonly [string, ...string[]];
    if (targets.every((one) => targetKind(one) === 'manifests'))
      return (await import('../prove-compose.ts')).proveCompose(targets, flags, context, log, outputs);
    if (more.length > 0)
      throw usageError('prove takes one image at a time, or the files of one project', 'one command for each image');
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
