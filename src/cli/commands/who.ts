/** `unroot who`: as whom an image's program would start, without starting it. */
import type { Command } from 'commander';
import { openImage } from '../../image/sources/index.ts';
import type { Launch, Refusal } from '../../launch/launch.ts';
import { launchImage } from '../../launch/launch-image.ts';
import { launchSubject } from '../../launch/subject.ts';
import type { PlatformProfile, ProfileName } from '../../platform/platform.ts';
import { whoReport } from '../../report/who.ts';
import type { CommandContext } from '../command.ts';
import { codeForOutcomes } from '../exit-code.ts';
import { addCommon, addFailOn, addProfile, addUser, type CommonFlags, type FailOn } from '../flags.ts';
import { imageLabel } from '../image-label.ts';
import { emit, parseOutputs } from '../output.ts';
import { profileFor } from '../profile.ts';
import { addSettings, type SettingsFlags, settingsFrom } from '../settings.ts';

interface WhoFlags extends CommonFlags, SettingsFlags {
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
    .argument('<target...>', 'images')
    .usage('[flags] TARGET… [-- COMMAND…]');
  addUser(command, 'start it as this user, as docker run --user');
  addFailOn(addProfile(command));
  addCommon(command);
  addSettings(command);
  return command.action(async (targets: readonly string[], flags: WhoFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    const settings = settingsFrom(flags, flags.user, context.behind);
    const launches: (Launch | Refusal)[] = [];
    for (const target of targets) {
      context.signal.throwIfAborted();
      launches.push(await launchOf(target, settings, profileFor(target, flags.platformProfile), context.signal));
    }
    const report = whoReport(launches);
    await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
    context.done(codeForOutcomes(report.containers, flags.failOn));
  });
}

/**
 * Reads the configuration and the two files that name users and groups; of an image that does not start as root also the whole tree, because
 * a set-user-ID entrypoint, file capabilities or a program that this user may not execute change the answer. Root has nothing to gain by them.
 */
async function launchOf(
  target: string,
  settings: ReturnType<typeof settingsFrom>,
  profile: Promise<PlatformProfile>,
  signal: AbortSignal,
): Promise<Launch | Refusal> {
  const image = await openImage(target, { signal });
  try {
    const input = { settings, profile: await profile, name: settings.name ?? imageLabel(target, image) };
    const launch = launchImage({ ...input, image: await launchSubject(image) });
    if (launch.kind === 'refusal' || launch.uid === 0) return launch;
    return launchImage({
      ...input,
      image: await launchSubject(image, { rootFs: true, argv0: [settings.entrypoint?.[0], settings.command?.[0]] }),
    });
  } finally {
    await image.close();
  }
}
