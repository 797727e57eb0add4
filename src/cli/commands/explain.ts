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
import { addCommon, addProfile, addUser, type CommonFlags } from '../flags.ts';
import { imageLabel } from '../image-label.ts';
import { withImage } from '../image-run.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings, type SettingsFlags, settingsFrom } from '../settings.ts';

interface ExplainFlags extends CommonFlags, SettingsFlags {
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
    .argument('<target>', 'image')
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
  addSettings(addCommon(addProfile(command)));
  return command.action(async (target: string, what: string, words: readonly string[], flags: ExplainFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    const question = readQuestion([what, ...words], flags.to);
    const arbitrary = flags.user === 'arbitrary';
    const settings = settingsFrom(flags, arbitrary ? `${ARBITRARY_UID}:0` : flags.user, context.behind);
    const profile = await profileFor(target, flags.platformProfile);
    const report = await withImage(target, context.signal, (image) =>
      explainImage(target, image, { question, settings, profile, arbitrary }),
    );
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
  });
}

interface Request {
  readonly question: Question;
  readonly settings: ContainerSettings;
  readonly profile: PlatformProfile;
  readonly arbitrary: boolean;
}

async function explainImage(
  target: string,
  image: Image,
  { question, settings, profile, arbitrary }: Request,
): Promise<ExplainReport> {
  const subject = await readSubject(image);
  const launch = started(launchOf(subject, { ...settings, name: settings.name ?? imageLabel(target, image) }, profile));
  const binds = hostBinds(launch);
  return explainReport(
    target,
    launch,
    await explainQuestion({ question, launch, subject, layers: image.layers, binds, arbitrary }),
  );
}
