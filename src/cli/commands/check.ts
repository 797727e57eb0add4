/** `unroot check`: what will not work as that user. Changes nothing, and runs nothing without `--trace`. */
import type { Command } from 'commander';
import type { IgnoresOfFiles } from '../../finding/ignores-in.ts';
import type { LoadedManifests } from '../../input/manifests.ts';
import { targetKind } from '../../input/target-kind.ts';
import { checkReport, mergeChecks } from '../../report/documents.ts';
import type { CheckReport } from '../../report/report.ts';
import { checkImage } from '../../unroot.ts';
import { imagesBuiltBeside, imagesOnly } from '../build-links.ts';
import { checkDockerfiles, withoutUsed } from '../check-dockerfiles.ts';
import { type CheckedManifests, checkManifests } from '../check-manifests.ts';
import { offersForDockerfiles, offersForManifests } from '../check-offers.ts';
import { addPodSecurity, checkPodSecurity, type PodSecurityFlags } from '../check-pod-security.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { addDockerfile, type DockerfileFlags, dockerfilesOf, manifestsBeside } from '../dockerfiles.ts';
import { addCommon, addEngine, addFailOn, addProfile, addUser, type FailOn } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { imageOptions, logFor, type RunFlags, withImage } from '../image-run.ts';
import type { Log } from '../log.ts';
import { addCharts, type ChartFlags, groupOptions } from '../manifest-charts.ts';
import { refuseSettings } from '../manifest-settings.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings, settingsFrom } from '../settings.ts';
import { addSuppress, codeForReport, type SuppressFlags, suppressed } from '../suppress.ts';
import { usageError } from '../usage-error.ts';

interface CheckFlags extends ChartFlags, DockerfileFlags, RunFlags, PodSecurityFlags, ImageFlags, SuppressFlags {
  readonly trace?: boolean;
  readonly failOn: FailOn;
}

/** Adds what `check` takes. */
export function check(command: Command, context: CommandContext): Command {
  command
    .description(
      'What will not work when the image runs as that user. Changes nothing. Without --trace nothing of the image is executed.',
    )
    .argument('<target...>', 'images, Kubernetes manifests, compose files, Dockerfiles, folders of them, - for standard input')
    .usage('[flags] TARGET… [-- COMMAND…]')
    .option('--trace', 'run the image once as it is, and check everything it did');
  addCharts(addImages(addPodSecurity(addDockerfile(command))));
  addUser(command, 'UID[:GID], NAME or arbitrary (default: 10001)');
  addFailOn(addEngine(addProfile(command)));
  addSettings(addAccess(addCommon(addSuppress(command))));
  return command.action(async (targets: readonly string[], flags: CheckFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    if (flags.podSecurity !== undefined) {
      if (flags.trace === true)
        throw usageError('--pod-security looks at manifests and runs nothing: --trace has no meaning there');
      const checked = checkPodSecurity(targets, flags.podSecurity, flags);
      const report = suppressed(checked.report, flags, context.config, [checked.ignores]);
      await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
      context.done(codeForReport(report, flags.failOn, flags));
      return;
    }
    const log = logFor(flags);
    const access = imageAccess(flags, context.signal, (message) => log.progress(message));
    const reports: CheckReport[] = [];
    const dockerfiles = dockerfilesOf(targets);
    const manifests = manifestsBeside(
      targets.filter((target) => targetKind(target) === 'manifests'),
      dockerfiles,
    );
    const ignores: IgnoresOfFiles[] = [];
    const offers = outputs.some(({ format }) => format === 'sarif');
    if (manifests.length > 0) {
      const checked = await checkFiles(manifests, dockerfiles, flags, context, log, offers);
      reports.push(checked.report);
      ignores.push(checked.ignores);
    }
    const built = await checkDockerfiles(
      dockerfiles,
      imagesOnly(flags),
      containerImages(imagesOnly(flags), access),
      context.signal,
    );
    reports.push(...built.reports);
    for (const target of targets.filter((one) => targetKind(one) === 'image')) {
      context.signal.throwIfAborted();
      const profile = await profileFor(target, flags.platformProfile);
      const options = {
        ...imageOptions(flags, context, log, flags.user),
        profile,
        ...(flags.trace === true ? { trace: true } : {}),
      };
      const result = await withImage(target, access, (image) => checkImage(image, options));
      const user = result.recipient.arbitrary ? 'arbitrary' : `${result.recipient.uid}:${result.recipient.gid}`;
      const { findings, fixes, unknown } = result;
      reports.push(checkReport({ target, platform: profile.name, user, traced: flags.trace === true, findings, fixes, unknown }));
    }
    const offered = offers ? await offersForDockerfiles(dockerfiles, imagesOnly(flags), context, log) : [];
    log.clear();
    const report = suppressed(withoutUsed(mergeChecks(reports, targets, offered), built), flags, context.config, ignores);
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
    context.done(codeForReport(report, flags.failOn, flags));
  });
}

async function checkFiles(
  targets: readonly string[],
  dockerfiles: readonly string[],
  flags: CheckFlags,
  { signal, behind }: CommandContext,
  log: Log,
  /** Whether the changes that answer the findings are wanted beside them: it takes as long as the checks again. */
  offers: boolean,
): Promise<CheckedManifests> {
  refuseSettings(settingsFrom(flags, undefined, behind), targets);
  if (flags.trace === true)
    throw usageError('--trace runs an image, not a manifest', 'an image', 'Name the image, or leave --trace out');
  const plain = containerImages(
    imagesOnly(flags),
    imageAccess(flags, signal, (message) => log.progress(message)),
  );
  const images = imagesBuiltBeside(plain, flags, dockerfiles, targets);
  try {
    const asked = {
      ...(flags.platformProfile === undefined ? {} : { asked: flags.platformProfile }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      images,
      signal,
    };
    const checked = await checkManifests({
      targets,
      ...asked,
      groups: groupOptions(flags),
      ...(offers ? { offers: (loaded: LoadedManifests) => offersForManifests(loaded, asked) } : {}),
    });
    if (flags.verbose === true && checked.skipped !== '') log.note(checked.skipped);
    return checked;
  } finally {
    await images.close();
  }
}
