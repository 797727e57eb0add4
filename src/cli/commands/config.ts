/** `unroot config`: what holds here, and who said it: the command line, the environment, a file, or nobody. */
import type { Command, Option } from 'commander';
import type { Block } from '../../report/block.ts';
import { dim, plural } from '../../report/block.ts';
import { addPodSecurity } from '../check-pod-security.ts';
import type { CommandContext } from '../command.ts';
import { CONFIG_KEYS } from '../config.ts';
import { addCommon, addEngine, addFailOn, addProfile, addUser, type CommonFlags } from '../flags.ts';
import { addAccess } from '../image-access.ts';
import { parseOutputs, print, wantsColor } from '../output.ts';
import { addSuppress } from '../suppress.ts';
import { usageError } from '../usage-error.ts';

interface Setting {
  readonly name: string;
  readonly value?: unknown;
  readonly from: 'flag' | 'environment' | 'file' | 'default';
  /** The variable, or the place in the file. */
  readonly where?: string;
}

/** Adds what `config` takes: every flag that a file may set, to see what comes out. */
export function config(command: Command, context: CommandContext): Command {
  command
    .description(
      'What holds for a target, and where each value comes from: flags, then UNROOT_… variables, then .unroot.yaml, then what is built in.',
    )
    .argument('[target]', 'what it is asked for (default: this folder)');
  addPodSecurity(addSuppress(addFailOn(addEngine(addProfile(addUser(command, 'UID[:GID], NAME or arbitrary'))))));
  addAccess(addCommon(command));
  return command.action(async (_: string | undefined, flags: CommonFlags) => {
    const [output, ...more] = parseOutputs(command.getOptionValueSource('output') === 'config' ? [] : (flags.output ?? []));
    if (
      output === undefined ||
      more.length > 0 ||
      output.file !== undefined ||
      !['table', 'json', 'yaml'].includes(output.format)
    )
      throw usageError('config has one output', '-o table, -o json or -o yaml');
    const settings = CONFIG_KEYS.flatMap((key) => {
      const option = command.options.find(({ long }) => long === `--${key}`);
      return option === undefined ? [] : [settingOf(command, context, option, key)];
    });
    const ignores = context.config?.ignores ?? [];
    const document = {
      schemaVersion: 1,
      kind: 'config',
      ...(context.config === undefined ? {} : { file: context.config.path }),
      settings,
      ignores: ignores.map(({ by: _by, ...one }) => one),
    };
    if (output.format === 'json') await print(`${JSON.stringify(document, null, 2)}\n`);
    else if (output.format === 'yaml') await print((await import('yaml')).stringify(document));
    else {
      const { renderTable } = await import('../../report/formats/table.ts');
      await print(renderTable(view(document), { color: wantsColor(flags.color), width: 80 }));
    }
    context.done(0);
  });
}

function settingOf(command: Command, { config: file }: CommandContext, option: Option, key: string): Setting {
  const name = option.attributeName();
  const value: unknown = command.getOptionValue(name);
  const common = { name: key, ...(value === undefined ? {} : { value }) };
  switch (command.getOptionValueSource(name)) {
    case 'cli':
      return { ...common, from: 'flag' };
    case 'env':
      return { ...common, from: 'environment', ...(option.envVar === undefined ? {} : { where: option.envVar }) };
    case 'config': {
      const at = file?.values.find((one) => one.key === key)?.where;
      return { ...common, from: 'file', where: [at?.file, at?.line, at?.column].filter((part) => part !== undefined).join(':') };
    }
    default:
      return { ...common, from: 'default' };
  }
}

function view(document: {
  readonly file?: string;
  readonly settings: readonly Setting[];
  readonly ignores: readonly unknown[];
}): readonly Block[] {
  return [
    { kind: 'heading', line: [document.file === undefined ? 'no .unroot.yaml here or above' : document.file] },
    {
      kind: 'table',
      head: ['setting', 'value', 'from'],
      rows: document.settings.map(({ name, value, from, where }) => [
        [name],
        [value === undefined ? dim('not set') : Array.isArray(value) ? value.join(', ') : String(value)],
        [from, dim(where === undefined ? '' : ` ${where}`)],
      ]),
    },
    ...(document.ignores.length === 0
      ? []
      : [{ kind: 'paragraph', line: [`${plural(document.ignores.length, 'ignore')} besides`] } as const]),
  ];
}
