/** The flags that mean the same in every command, each with its environment variable. A command adds only those that do something there. */
import { type Command, Option } from 'commander';
import { PROFILE_NAMES } from '../platform/profiles.ts';
import { FORMATS } from '../report/formats/index.ts';
import { FAIL_ON, type FailOn } from './exit-code.ts';
import type { ColorChoice } from './output.ts';

/** What every command has. */
export interface CommonFlags {
  readonly output?: readonly string[];
  readonly color: ColorChoice;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly logFormat: 'text' | 'json';
}

export type { FailOn };

const ENGINES = ['auto', 'runc', 'crun', 'podman', 'docker', 'builtin'] as const;

const several = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  ...value.split(/\s+/).filter((one) => one !== ''),
];

const common = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Output:');

/** `-o`, `--color`, `-q`, `-v`, `--log-format`, `--config`. */
export function addCommon(command: Command): Command {
  return command
    .addOption(
      common('-o, --output <format[=file]>', `${FORMATS.join(', ')} (repeatable)`)
        .env('UNROOT_OUTPUT')
        .argParser(several),
    )
    .addOption(common('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto').env('UNROOT_COLOR'))
    .addOption(common('-q, --quiet', 'no progress and no notes on standard error').env('UNROOT_QUIET'))
    .addOption(common('-v, --verbose', 'everything there is to say').env('UNROOT_VERBOSE'))
    .addOption(
      common('--log-format <format>', 'progress and notes as text or JSON lines')
        .choices(['text', 'json'])
        .default('text')
        .env('UNROOT_LOG_FORMAT'),
    )
    .addOption(
      common('--config <file>', 'defaults and ignores (default: .unroot.yaml beside the target, or above it)').env(
        'UNROOT_CONFIG',
      ),
    )
    .addOption(common('--no-config', 'read none'));
}

/** `--platform-profile`. */
export const addProfile = (command: Command): Command =>
  command.addOption(
    new Option('--platform-profile <name>', 'whose rules decide (default: the engine at hand)')
      .choices(PROFILE_NAMES)
      .env('UNROOT_PLATFORM_PROFILE'),
  );

/** `--engine`. */
export const addEngine = (command: Command): Command =>
  command.addOption(
    new Option('--engine <name>', 'what runs containers here').choices(ENGINES).default('auto').env('UNROOT_ENGINE'),
  );

/** `--user`, with what it means in this command. */
export const addUser = (command: Command, description: string): Command =>
  command.addOption(new Option('-u, --user <user>', description).env('UNROOT_USER'));

/** `--fail-on`. */
export const addFailOn = (command: Command): Command =>
  command.addOption(
    new Option('--fail-on <severity>', 'exit 1 for findings from this severity on')
      .choices(FAIL_ON)
      .default('error')
      .env('UNROOT_FAIL_ON'),
  );
