/** `-o FORMAT[=FILE]`, and getting a report to where it was asked for. */
import { UnrootError } from '../error.ts';
import { writeWhole } from '../input/write-whole.ts';
import { FORMATS, type Format, render } from '../report/formats/index.ts';
import type { Report } from '../report/report.ts';
import { usageError } from './usage-error.ts';
import { withLabs } from './with-labs.ts';

/** One `-o`. */
export interface Output {
  readonly format: Format;
  /** Absent = standard output. */
  readonly file?: string;
}

export type ColorChoice = 'auto' | 'always' | 'never';

/** Reads one `-o` value; throws `cli.usage` for an unknown format. */
export function parseOutput(text: string): Output {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const file = at < 0 ? undefined : text.slice(at + 1);
  const format = FORMATS.find((one) => one === name);
  if (format === undefined)
    throw usageError(`There is no output format "${name}"`, `one of ${FORMATS.join(', ')}, or FORMAT=FILE`);
  if (file === '') throw usageError(`-o ${text} names no file`, `${format}=FILE`);
  return file === undefined || file === '-' ? { format } : { format, file };
}

/** All of them; standard output can only hold one. None = a table. `command`: one that finds nothing, so that a list of findings would be empty whatever it says. */
export function parseOutputs(texts: readonly string[], command?: string): readonly Output[] {
  const outputs = texts.map(parseOutput);
  if (command !== undefined && outputs.some(({ format }) => format === 'sarif')) {
    throw usageError(
      `${command} has no findings, and SARIF holds nothing else`,
      `one of ${FORMATS.filter((one) => one !== 'sarif').join(', ')}; sarif is for check, fix and who`,
    );
  }
  if (outputs.filter((one) => one.file === undefined).length > 1) {
    throw usageError(
      'Two formats cannot both go to standard output',
      'at most one -o without =FILE',
      `-o ${texts.join(' -o ')}=FILE`,
    );
  }
  return outputs.length === 0 ? [{ format: 'table' }] : outputs;
}

/** Colour: `--color`, then NO_COLOR (no-color.org), then CI and the kind of terminal. */
export function wantsColor(choice: ColorChoice, stream: { readonly isTTY?: boolean } = process.stdout): boolean {
  if (choice !== 'auto') return choice === 'always';
  const { NO_COLOR, CI, TERM } = process.env;
  return stream.isTTY === true && (NO_COLOR ?? '') === '' && (CI ?? '') === '' && TERM !== 'dumb';
}

/** 80 columns, unless a terminal says what it has. */
const columns = (): number => (process.stdout.isTTY ? Math.min(Math.max(process.stdout.columns ?? 80, 60), 120) : 80);

/** Renders everything first, then writes: a format that fails leaves no half of the others behind. */
export async function emit(
  report: Report,
  outputs: readonly Output[],
  options: { color: ColorChoice; verbose: boolean },
): Promise<void> {
  const told = await withLabs(report);
  const texts = await Promise.all(
    outputs.map((output) =>
      render(told, output.format, {
        color: output.file === undefined ? wantsColor(options.color) : options.color === 'always',
        width: output.file === undefined ? columns() : 80,
        verbose: options.verbose,
      }),
    ),
  );
  for (const [index, output] of outputs.entries()) {
    if (output.file === undefined) await print(texts[index]!);
    else writeOutput(output.file, texts[index]!);
  }
}

/** To standard output, waiting until it is taken. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

function writeOutput(file: string, text: string): void {
  try {
    writeWhole(file, text);
  } catch (error) {
    throw new UnrootError(`Cannot write ${file}`, {
      code: 'cli.output',
      where: { file },
      expected: 'a path in an existing, writable folder',
      cause: error,
    });
  }
}
