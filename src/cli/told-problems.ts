/** What is wrong with the files, beside an output that only another program reads. */
import type { Diagnostic } from '../finding/finding.ts';
import type { Log } from './log.ts';

/** On standard error: what is an error even when nothing else shall be said. */
export function tellProblems(diagnostics: readonly Diagnostic[], log: Log): void {
  for (const { severity, message, where } of diagnostics) {
    if (severity === 'info') continue;
    const { file, line, column } = where;
    const place = file === undefined || line === undefined ? '' : `${file}:${line}${column === undefined ? '' : `:${column}`}: `;
    if (severity === 'error') log.problem(place + message);
    else if (severity === 'warning' && place !== '') log.note(place + message);
  }
}
