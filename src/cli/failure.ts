/** How an error is shown: what was read, where, what was expected, what to do now. */
import { UnrootError, type Where } from '../error.ts';
import { harmless } from '../report/formats/harmless.ts';

/** The error as text for people. The stack only for errors nobody meant to throw, and only when asked. */
export function failureText(error: unknown, verbose: boolean): string {
  if (!(error instanceof UnrootError)) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const stack = verbose && error instanceof Error && error.stack !== undefined ? `${error.stack}\n` : '';
    return `unroot: this should not have happened: ${harmless(said)}\n${stack}  try       the same with -v, and report what it prints\n`;
  }
  const lines = [`unroot: ${harmless(error.message)}`];
  const where = whereText(error.where);
  if (where !== '') lines.push(`  where     ${harmless(where)}`);
  if (error.expected !== undefined) lines.push(`  expected  ${harmless(error.expected)}`);
  if (error.hint !== undefined) lines.push(`  try       ${harmless(error.hint)}`);
  for (const cause of causes(error)) lines.push(`  because   ${harmless(cause)}`);
  if (verbose && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join('\n')}\n`;
}

/** The error as a document: what `-o json` prints instead of a report. */
export function failureDocument(error: unknown): object {
  const known = error instanceof UnrootError ? error : undefined;
  return {
    schemaVersion: 1,
    kind: 'error',
    error: {
      code: known?.code ?? 'internal',
      message: error instanceof Error ? error.message : String(error),
      ...(known?.where === undefined ? {} : { where: known.where }),
      ...(known?.expected === undefined ? {} : { expected: known.expected }),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
    },
  };
}

function whereText(where: Where | undefined): string {
  if (where === undefined) return '';
  const file =
    where.file === undefined ? '' : [where.file, where.line, where.column].filter((part) => part !== undefined).join(':');
  const layer = where.layer === undefined ? '' : `layer ${where.layer}`;
  const entry = where.entry === undefined ? '' : `entry ${where.entry}`;
  return [file, where.image ?? '', layer, entry].filter((part) => part !== '').join(', ');
}

/** Messages of the causes that say something new. */
function causes(error: UnrootError): readonly string[] {
  const out: string[] = [];
  let cause: unknown = error.cause;
  while (cause instanceof Error && out.length < 3) {
    const { message } = cause;
    if (message !== '' && !error.message.includes(message)) out.push(message);
    cause = cause.cause;
  }
  return out;
}
