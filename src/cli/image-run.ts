/** What the commands that work on images share: opening and closing them, and the options of a run. */
import { type Command, Option } from 'commander';
import type { EngineKind } from '../engine/engine.ts';
import type { Image } from '../image/image.ts';
import { type OpenImageOptions, openImage } from '../image/sources/index.ts';
import { targetKind } from '../input/target-kind.ts';
import type { ProfileName } from '../platform/platform.ts';
import { profile } from '../platform/profiles.ts';
import type { ImageOptions } from '../unroot.ts';
import type { CommandContext } from './command.ts';
import type { CommonFlags } from './flags.ts';
import type { AccessFlags } from './image-access.ts';
import { createLog, type Log } from './log.ts';
import { type SettingsFlags, settingsFrom } from './settings.ts';
import { usageError } from './usage-error.ts';

/** Flags of every command that may start something. */
export interface RunFlags extends CommonFlags, SettingsFlags, AccessFlags {
  readonly user?: string;
  readonly platformProfile?: ProfileName;
  readonly engine?: EngineKind | 'auto';
  readonly probe?: string;
  readonly probeHttp?: string;
  /** An earlier name of `--probe-http`. */
  readonly probePath?: string;
}

/** Opens the image for as long as `work` takes. */
export async function withImage<T>(target: string, access: OpenImageOptions, work: (image: Image) => Promise<T>): Promise<T> {
  if (targetKind(target) === 'dockerfile')
    throw usageError(`${target} is a Dockerfile, and this needs an image`, 'an image', 'Build it, and name what was built');
  const image = await openImage(target, access);
  try {
    return await work(image);
  } finally {
    await image.close();
  }
}

/** The log behind `-q`, `-v`, `--log-format`. */
export const logFor = (flags: CommonFlags): Log =>
  createLog({ quiet: flags.quiet === true, verbose: flags.verbose === true, format: flags.logFormat });

/** The options of `unroot.ts`. `user` is whom the image shall run as; left out where `--user` is what is started. */
export function imageOptions(flags: RunFlags, context: CommandContext, log: Log, user?: string): ImageOptions {
  return {
    ...(user === undefined ? {} : { user }),
    settings: settingsFrom(flags, undefined, context.behind),
    ...(flags.platformProfile === undefined ? {} : { profile: profile(flags.platformProfile) }),
    engine: flags.engine ?? 'auto',
    signal: context.signal,
    onProgress: (message) => log.progress(message),
    ...(flags.probe === undefined ? {} : { probeCommand: ['/bin/sh', '-c', flags.probe] }),
    ...probePathOf(flags),
  };
}

/** The same for commands that change the image: `--read-only` is about the result, and what it is compared with runs as the image says. */
export function fixOptions(flags: RunFlags, context: CommandContext, log: Log): ImageOptions {
  const { readOnly, ...others } = flags;
  return { ...imageOptions(others, context, log, flags.user), readOnly: readOnly === true };
}

/** What HTTP ports are asked for, when somebody said it. */
export const probePathOf = ({
  probeHttp,
  probePath,
}: Pick<RunFlags, 'probeHttp' | 'probePath'>): { readonly probePath?: string } => {
  const path = probeHttp ?? probePath;
  return path === undefined ? {} : { probePath: path };
};

/** `--probe` and `--probe-http`. */
export const addProbes = (command: Command): Command =>
  command
    .option('--probe <line>', 'shell line run inside the container as one more probe')
    .option('--probe-http <path>', 'path that HTTP ports are asked for (default: /)')
    .addOption(new Option('--probe-path <path>').hideHelp());
