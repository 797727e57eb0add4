/** `unroot explain`: the rule that lets a container's process do one thing, or stops it, step by step. Runs nothing. */
import type { Command } from 'commander';
import { hostBinds } from '../../engine/host-binds.ts';
import { explain as explainQuestion } from '../../explain/explain.ts';
import { PATH_ACTIONS } from '../../explain/path-actions.ts';
import { type Question, readQuestion } from '../../explain/question.ts';
import type { Image } from '../../image/image.ts';
import { started } from '../../launch/started.ts';
import type { PlatformProfile, ProfileName } from '../../platform/platform.ts';
import { ARBITRARY_UID } from '../../prove/recipient.ts';
import { launchOf, readSubject } from '../../prove/subject.ts';
import { explainReport } from '../../report/explain.ts';
import type { ExplainReport } from '../../report/report.ts';
import type { ContainerSettings } from '../../workload/container.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { chosenContainer, imageFor, manifestTarget, settingsAsked } from '../explain-manifest.ts';
import { addCommon, addProfile, addUser, type CommonFlags } from '../flags.ts';
import { type AccessFlags, addAccess, imageAccess } from '../image-access.ts';
import { imageLabel } from '../image-label.ts';
import { withImage } from '../image-run.ts';
import { refuseSettings } from '../manifest-settings.ts';
import { emit, parseOutputs } from '../output.ts';
import { manifestProfiles, profileFor } from '../profile.ts';
import { addSettings, type SettingsFlags, settingsFrom } from '../settings.ts';

interface ExplainFlags extends CommonFlags, SettingsFlags, ImageFlags, AccessFlags {
  readonly to?: string;
  readonly user?: string;
  readonly platformProfile?: ProfileName;
}

/** Adds what `explain` takes. */
export function explain(command: Command, context: CommandContext): Command {
  command
    .description(
      'Why a process of the container may do one thing, or may not, step by step: which class of permission bits counts on each part of a path, which layer set owner and mode, which mount covers it, which capability would change it, and what would mend it. Nothing of the image is executed. Exit code 0 whatever the answer is.',
    )
    .argument('<target>', 'image, FILE[#[WORKLOAD/]CONTAINER] of a Kubernetes manifest, or FILE[#SERVICE] of a compose file')
    .argument('<what>', 'PATH, :PORT[/udp], or a call: setuid, chroot, mknod, kill, ping, raw-socket …')
    .argument('[argument...]', 'of the call: setuid 33, mknod /dev/x c')
    .usage('[flags] TARGET PATH|:PORT[/udp]|CALL [ARGUMENT…] [-- COMMAND…]')
    .option(
      '--to <action>',
      `what is done to the path (default: what is usual for a file or folder): ${Object.values(PATH_ACTIONS)
        .map(({ usage }) => usage)
        .join(', ')}`,
    );
  addUser(command, 'ask for this user, as docker run --user; or arbitrary (default: who the container starts as)');
  addSettings(addAccess(addCommon(addImages(addProfile(command)))));
  return command.action(async (target: string, what: string, words: readonly string[], flags: ExplainFlags) => {
    const outputs = parseOutputs(flags.output ?? [], 'explain');
    const question = readQuestion([what, ...words], flags.to);
    const manifest = manifestTarget(target);
    const report =
      manifest === undefined
        ? await ofImage(target, question, flags, context)
        : await ofManifest(target, manifest, question, flags, context);
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
  });
}

async function ofImage(target: string, question: Question, flags: ExplainFlags, context: CommandContext): Promise<ExplainReport> {
  const arbitrary = flags.user === 'arbitrary';
  const settings = settingsFrom(flags, arbitrary ? `${ARBITRARY_UID}:0` : flags.user, context.behind);
  const profile = await profileFor(target, flags.platformProfile);
  return withImage(target, imageAccess(flags, context.signal), (image) =>
    answer(image, {
      target,
      question,
      settings: { ...settings, name: settings.name ?? imageLabel(target, image) },
      profile,
      arbitrary,
      hostIsHere: true,
    }),
  );
}

/** A pod runs on some node: folders of this machine say nothing about those of that one. Services run here. */
async function ofManifest(
  target: string,
  manifest: { readonly file: string; readonly container?: string },
  question: Question,
  flags: ExplainFlags,
  context: CommandContext,
): Promise<ExplainReport> {
  refuseSettings(settingsFrom(flags, undefined, context.behind), [target]);
  const chosen = chosenContainer(manifest);
  const { format } = chosen.workload;
  const profile = manifestProfiles(flags.platformProfile, [format])(format);
  const settings = settingsAsked(chosen, flags.user);
  const images = containerImages(flags, imageAccess(flags, context.signal));
  try {
    const arbitrary = flags.user === 'arbitrary';
    const report = await imageFor(chosen, profile, images, (image) =>
      answer(image, { target, question, settings, profile, arbitrary, hostIsHere: format === 'compose' }),
    );
    return { ...report, workload: chosen.in };
  } finally {
    await images.close();
  }
}

interface Request {
  readonly target: string;
  readonly question: Question;
  readonly settings: ContainerSettings;
  readonly profile: PlatformProfile;
  readonly arbitrary: boolean;
  readonly hostIsHere: boolean;
}

async function answer(image: Image, request: Request): Promise<ExplainReport> {
  const { target, question, settings, profile, arbitrary } = request;
  const subject = await readSubject(image);
  const launch = started(launchOf(subject, settings, profile));
  const binds = request.hostIsHere ? { binds: hostBinds(launch) } : {};
  return explainReport(
    target,
    launch,
    await explainQuestion({ question, launch, subject, layers: image.layers, arbitrary, ...binds }),
  );
}
