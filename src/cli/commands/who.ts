/** `unroot who`: as whom an image's program, or every container of a manifest, would start, without starting it. */
import type { Command } from 'commander';
import { targetKind } from '../../input/target-kind.ts';
import { whoIn } from '../../launch/who-in.ts';
import type { ProfileName } from '../../platform/platform.ts';
import type { WhoContainer } from '../../report/report.ts';
import { whoContainer, whoReport } from '../../report/who.ts';
import { buildLinks, imagesOnly } from '../build-links.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { addDockerfile, type DockerfileFlags, dockerfilesOf, manifestsBeside } from '../dockerfiles.ts';
import { codeForOutcomes, EXIT } from '../exit-code.ts';
import { addCommon, addFailOn, addProfile, addUser, type CommonFlags, type FailOn } from '../flags.ts';
import { type AccessFlags, addAccess, imageAccess } from '../image-access.ts';
import { imageLabel } from '../image-label.ts';
import { logFor, withImage } from '../image-run.ts';
import { addCharts, type ChartFlags, groupOptions } from '../manifest-charts.ts';
import { unusedImages } from '../manifest-containers.ts';
import { refuseSettings } from '../manifest-settings.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings, type SettingsFlags, settingsFrom } from '../settings.ts';
import { whoInDockerfiles } from '../who-dockerfiles.ts';
import { whoInManifests } from '../who-manifests.ts';

interface WhoFlags extends ChartFlags, DockerfileFlags, CommonFlags, SettingsFlags, ImageFlags, AccessFlags {
  readonly user?: string;
  readonly platformProfile?: ProfileName;
  readonly failOn: FailOn;
}

/** Adds what `who` takes. */
export function who(command: Command, context: CommandContext): Command {
  command
    .description(
      'Who each container really runs as, and why; or who would refuse to start it, and in which words. Nothing of the image is executed.',
    )
    .argument('<target...>', 'images, Kubernetes manifests, compose files, Dockerfiles, folders of them, - for standard input')
    .usage('[flags] TARGET… [-- COMMAND…]');
  addUser(command, 'start it as this user, as docker run --user');
  addCharts(addImages(addFailOn(addProfile(addDockerfile(command)))));
  addAccess(addCommon(command));
  addSettings(command);
  return command.action(async (targets: readonly string[], flags: WhoFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    const settings = settingsFrom(flags, flags.user, context.behind);
    const dockerfiles = dockerfilesOf(targets);
    const manifests = manifestsBeside(
      targets.filter((target) => targetKind(target) === 'manifests'),
      dockerfiles,
    );
    const containers: WhoContainer[] = [];
    const access = imageAccess(flags, context.signal);
    for (const target of targets) {
      if (targetKind(target) !== 'image') continue;
      context.signal.throwIfAborted();
      const profile = await profileFor(target, flags.platformProfile);
      const launch = await withImage(target, access, (image) =>
        whoIn(image, settings, profile, settings.name ?? imageLabel(target, image)),
      );
      containers.push(whoContainer(launch));
    }
    const inManifests =
      manifests.length === 0 ? undefined : await readManifests(manifests, settings, flags, { ...context, access, dockerfiles });
    const built = await whoInDockerfiles(
      dockerfiles,
      imagesOnly(flags),
      settings,
      containerImages(imagesOnly(flags), access),
      context.signal,
    );
    const diagnostics = [...(inManifests?.diagnostics ?? []), ...built.diagnostics].filter((one) => !built.usedImage(one));
    const report = whoReport([...containers, ...(inManifests?.containers ?? []), ...built.containers], diagnostics);
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
    const unread = report.diagnostics?.some(({ severity }) => severity === 'error');
    context.done(unread ? EXIT.failed : codeForOutcomes(report.containers, flags.failOn));
  });
}

interface ReadWith {
  readonly access: ReturnType<typeof imageAccess>;
  /** Beside the manifests. */
  readonly dockerfiles: readonly string[];
}

async function readManifests(
  targets: readonly string[],
  settings: ReturnType<typeof settingsFrom>,
  flags: WhoFlags,
  { signal, access, dockerfiles }: CommandContext & ReadWith,
): ReturnType<typeof whoInManifests> {
  refuseSettings(settings, targets);
  const images = containerImages(imagesOnly(flags), access);
  try {
    const links = (services: Parameters<typeof buildLinks>[2]): ReturnType<typeof buildLinks> =>
      buildLinks(flags, dockerfiles, services);
    const read = await whoInManifests(targets, flags.platformProfile, images, signal, groupOptions(flags), links);
    if (flags.verbose === true && read.skipped !== '') logFor(flags).note(read.skipped);
    return { ...read, diagnostics: [...read.diagnostics, ...unusedImages(images)] };
  } finally {
    await images.close();
  }
}
