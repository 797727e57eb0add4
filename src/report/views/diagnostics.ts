/** What is wrong with the user's files, as a list. */
import type { Diagnostic } from '../../finding/finding.ts';
import { type Block, bad, dim, unknown } from '../block.ts';

/** How bad, where, what: as compilers say it. */
export const diagnosticList = (diagnostics: readonly Diagnostic[]): Block => ({
  kind: 'list',
  items: diagnostics.map(({ severity, message, where }) => ({
    line: [
      severity === 'error' ? bad('error') : severity === 'warning' ? unknown('warning') : dim('info'),
      where.line === undefined ? ' ' : dim(` ${where.file}:${where.line}:${where.column}: `),
      message,
    ],
  })),
});
