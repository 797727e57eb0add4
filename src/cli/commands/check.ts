/** `unroot check`: what will not work as that user. Changes nothing, and runs nothing without `--trace`. */
import type { Command } from 'commander';
import { targetKind } from '../../input/target-kind.ts';
import { checkReport, mergeChecks } from '../../report/documents.ts';
import type { CheckReport } from '../../report/report.ts';
import { checkImage } from '../../unroot.ts';
import { checkManifests } from '../check-manifests.ts';
import { addPodSecurity, checkPodSecurity, type PodSecurityFlags } from '../check-pod-security.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { codeForFindings, EXIT } from '../exit-code.ts';
import { addCommon, addEngine, addFailOn, addProfile, addUser, type FailOn } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { imageOptions, logFor, type RunFlags, withImage } from '../image-run.ts';
import type { Log } from '../log.ts';
import { refuseSettings } from '../manifest-settings.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings, settingsFrom } from '../settings.ts';
import { usageError } from '../usage-error.ts';

interface CheckFlags extends RunFlags, PodSecurityFlags, ImageFlags {
  readonly trace?: boolean;
  readonly failOn: FailOn;
}

/** Adds what `check` takes. */
export function check(command: Command, context: CommandContext): Command {
  command
    .description(
      'What will not work when the image runs as that user. Changes nothing. Without --trace nothing of the image is executed.',
    )
    .argument('<target...>', 'images, Kubernetes manifests, compose files, folders of them, - for standard input')
    .usage('[flags] TARGET… [-- COMMAND…]')
    .option('--trace', 'run the image once as it is, and check everything it did');
  addImages(addPodSecurity(command));
  addUser(command, 'UID[:GID], NAME or arbitrary (default: 10001)');
  addFailOn(addEngine(addProfile(command)));
  addSettings(addAccess(addCommon(command)));
  return command.action(async (targets: readonly string[], flags: CheckFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    if (flags.podSecurity !== undefined) {
      if (flags.trace === true)
        throw usageError('--pod-security looks at manifests and runs nothing: --trace has no meaning there');
      const report = checkPodSecurity(targets, flags.podSecurity, flags);
      await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
      const unread = report.diagnostics.some(({ severity }) => severity === 'error');
      context.done(unread ? EXIT.failed : codeForFindings(report.findings, flags.failOn));
      return;
    }
    const log = logFor(flags);
    const access = imageAccess(flags, context.signal, (message) => log.progress(message));
    const reports: CheckReport[] = [];
    const manifests = targets.filter((target) => targetKind(target) === 'manifests');
    if (manifests.length > 0) reports.push(await checkFiles(manifests, flags, context, log));
    for (const target of targets.filter((one) => !manifests.includes(one))) {
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
    log.clear();
    const report = mergeChecks(reports);
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
    const unread = report.diagnostics.some(({ severity }) => severity === 'error');
    context.done(unread ? EXIT.failed : codeForFindings(report.findings, flags.failOn));
  });
}

async function checkFiles(
  targets: readonly string[],
  flags: CheckFlags,
  { signal, behind }: CommandContext,
  log: Log,
): Promise<CheckReport> {
  refuseSettings(settingsFrom(flags, undefined, behind), targets);
  if (flags.trace === true)
    throw usageError('--trace runs an image, not a manifest', 'an image', 'Name the image, or leave --trace out');
  const images = containerImages(
    flags,
    imageAccess(flags, signal, (message) => log.progress(message)),
  );
  try {
    const { report, skipped } = await checkManifests({
      targets,
      ...(flags.platformProfile === undefined ? {} : { asked: flags.platformProfile }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      images,
      signal,
    });
    if (flags.verbose === true && skipped !== '') log.note(skipped);
    return report;
  } finally {
    await images.close();
  }
}
