/** Flags from `.unroot.yaml`: the command line outranks the environment, the environment the file, the file what is built in. */

import { join } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { UnrootError } from '../error.ts';
import { type ConfigFile, type ConfigValue, readConfig } from '../input/config-file.ts';

/** Flags that a file may set, by their long names. None that writes a file or trusts anybody: the file may be a stranger's. */
export const CONFIG_KEYS: readonly string[] = [
  ...['user', 'platform-profile', 'fail-on', 'baseline', 'fail-on-new'],
  ...['pod-security', 'pod-security-config', 'namespace'],
  ...['engine', 'platform', 'offline'],
  ...['output', 'color', 'quiet', 'verbose', 'log-format'],
];

/** Paths in the file are meant from its folder. */
const PATHS = ['baseline', 'pod-security-config'];
/** There it is whom to start the program as, not whom it shall become. */
const NOT_IN: Readonly<Record<string, readonly string[]>> = { user: ['who', 'run', 'trace', 'explain'] };

/** Reads the file and sets what nobody has said otherwise. */
export function applyConfig(command: Command, path: string): ConfigFile {
  const config = readConfig(path, CONFIG_KEYS);
  for (const one of config.values) applyValue(command, one, config);
  return config;
}

function applyValue(command: Command, one: ConfigValue, { folder }: ConfigFile): void {
  const option = command.options.find(({ long }) => long === `--${one.key}`);
  if (option === undefined || NOT_IN[one.key]?.includes(command.name()) === true) return;
  const name = option.attributeName();
  const source = command.getOptionValueSource(name);
  // What is wrong in the file is told even where something outranks it.
  const value = parsed(option, one, folder);
  if (source === 'cli' || source === 'env' || value === undefined) return;
  command.setOptionValueWithSource(name, value, 'config');
}

function parsed(option: Option, one: ConfigValue, folder: string): unknown {
  const { key, value } = one;
  if (!option.required && !option.optional) {
    if (typeof value !== 'boolean') throw invalid(one, `${key} is no switch`, 'true or false');
    return value ? true : undefined;
  }
  if (typeof value === 'boolean') throw invalid(one, `${key} is no switch`, 'a text');
  const texts = Array.isArray(value) ? (value as readonly string[]) : [String(value)];
  if (key === 'output' && texts.some((text) => text.includes('=')))
    throw invalid(one, 'a file cannot say where to write', 'formats without =FILE');
  if (texts.length !== 1 && option.parseArg === undefined) throw invalid(one, `${key} has one value`, 'a text');
  let result: unknown;
  for (const text of texts) {
    const full = PATHS.includes(key) ? join(folder, text) : text;
    try {
      result = option.parseArg === undefined ? full : option.parseArg(full, result as never);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw invalid(one, `${key}: ${JSON.stringify(text)}`, error.message.replace(/^Allowed choices are (.*)\.$/, 'one of $1'));
    }
  }
  return result;
}

const invalid = ({ where: { file = '', line, column } }: ConfigValue, message: string, expected: string): UnrootError =>
  new UnrootError(`${file}: ${message}`, {
    code: 'config.invalid',
    where: { file, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) },
    expected,
  });
