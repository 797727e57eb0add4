/** `unroot fix`: the smallest change that lets an image run as that user, proved by running it. */
import { type Command, Option } from 'commander';
import { PORT_STRATEGIES, type PortStrategy } from '../../fixes/port-strategy.ts';
import { targetKind } from '../../input/target-kind.ts';
import { requireOutDirectory, writeFix } from '../../input/write-fix.ts';
import type { FixReport } from '../../report/report.ts';
import { type FixResult, fixImage, fixImageStatically } from '../../unroot.ts';
import type { CommandContext } from '../command.ts';
import { addImages } from '../container-images.ts';
import { addDockerfile, type DockerfileFlags, dockerfilesOf, manifestsBeside } from '../dockerfiles.ts';
import { codeForFindings, codeForVerdict } from '../exit-code.ts';
import type { FileFlags } from '../file-flags.ts';
import { fixDockerfileFiles } from '../fix-dockerfile-files.ts';
import { addFiles, fixFiles, refuseFileFlags } from '../fix-files.ts';
import { type FixedImage, fixedImage } from '../fixed-image.ts';
import { addCommon, addEngine, addFailOn, addProfile, addUser } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { addProbes, fixOptions, logFor, withImage } from '../image-run.ts';
import { addCharts } from '../manifest-charts.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings } from '../settings.ts';
import { usageError } from '../usage-error.ts';

interface FixFlags extends DockerfileFlags, FileFlags {
  readonly portStrategy: PortStrategy;
}

/** Adds what `fix` takes. */
export function fix(command: Command, context: CommandContext): Command {
  command
    .description(
      'The smallest change that makes an image run as that user, proved by running it before and after; or of manifests, from what they and their images say. Shows it; --out writes the image and the files around it, --write the manifests.',
    )
    .argument('<target...>', 'image, or Kubernetes manifests, compose files, folders of them, - for standard input')
    .usage('[flags] TARGET… [-- COMMAND…]')
    .option(
      '--out <dir>',
      'write image/, Dockerfile, pod.yaml, compose.yaml and report.json there; manifests: run their images, write images/ and patches',
    )
    .option(
      '--tag <name>',
      'what pod.yaml and compose.yaml call the result (default: localhost/NAME-unroot:latest); manifests: a rule such as registry.example/{name}:{tag}-nonroot',
    )
    .option('--prove', 'manifests: run their images; what is not proved stays as it is')
    .option('--no-prove', 'do not run it once more to prove the result')
    .option('--static', 'run nothing at all, and say what could not be known')
    .addOption(
      new Option('--port-strategy <way>', 'what becomes of ports below the first unprivileged one')
        .choices(PORT_STRATEGIES)
        .default('auto')
        .env('UNROOT_PORT_STRATEGY'),
    );
  addCharts(addImages(addFiles(addDockerfile(command))));
  addUser(command, 'UID[:GID], NAME or arbitrary (default: 10001)');
  addProbes(addFailOn(addEngine(addProfile(command))));
  addSettings(addAccess(addCommon(command)));
  return command.action(async (targets: readonly string[], flags: FixFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    const [target, ...more] = targets as readonly [string, ...string[]];
    const dockerfiles = dockerfilesOf(targets);
    const manifests = manifestsBeside(
      targets.filter((one) => targetKind(one) === 'manifests'),
      dockerfiles,
    );
    if (dockerfiles.length > 0 && manifests.length === 0 && !targets.some((one) => targetKind(one) === 'image'))
      return fixDockerfileFiles(dockerfiles, flags, context, logFor(flags), outputs);
    if (targets.some((one) => targetKind(one) === 'image') && (manifests.length > 0 || dockerfiles.length > 0))
      throw usageError('fix takes files or an image, not both at once', 'one command for each');
    if (manifests.length > 0) return fixFiles(manifests, flags, context, logFor(flags), outputs, dockerfiles);
    if (more.length > 0) throw usageError('fix takes one image at a time', 'one command for each image');
    refuseFileFlags(flags);
    if (flags.static === true && (flags.probe ?? flags.probeHttp ?? flags.probePath) !== undefined)
      throw usageError('--static runs nothing, so --probe has nothing to ask');
    if (flags.out !== undefined) requireOutDirectory(flags.out);
    const log = logFor(flags);
    const options = { ...fixOptions(flags, context, log), portStrategy: flags.portStrategy };
    await withImage(
      target,
      imageAccess(flags, context.signal, (message) => log.progress(message)),
      async (image) => {
        const result: FixResult = flags.static
          ? await fixImageStatically(image, { ...options, profile: await profileFor(target, flags.platformProfile) })
          : await fixImage(image, { ...options, prove: flags.prove !== false });
        const fixed = fixedImage(target, image, result, flags.tag);
        const report = flags.out === undefined ? fixed.report : await written(flags.out, fixed);
        log.clear();
        await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
        context.done(codeForVerdict(report.verdict) || codeForFindings(report.unresolved, flags.failOn));
      },
    );
  });
}

/** Writes the folder, and gives back the report that went into it. */
async function written(directory: string, fixed: FixedImage): Promise<FixReport> {
  let report = fixed.report;
  await writeFix(directory, fixed.result.image, fixed.artifacts, (files) => {
    report = { ...fixed.report, written: { directory, files } };
    return `${JSON.stringify(report, null, 2)}\n`;
  });
  return report;
}
