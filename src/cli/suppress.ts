/** What becomes of findings that somebody has decided about: ignores of comments, annotations and `.unroot.yaml`, and baselines. */
import { type Command, Option } from 'commander';
import { checkIds } from '../checks/ids.ts';
import { applyBaseline, baselineOf } from '../finding/baseline.ts';
import type { Diagnostic, Finding } from '../finding/finding.ts';
import { applyIgnores, type Ignore } from '../finding/ignore.ts';
import { type IgnoresOfFiles, ignoresIn } from '../finding/ignores-in.ts';
import { readBaseline, writeBaseline } from '../input/baseline-file.ts';
import { belowFolder, type ConfigFile } from '../input/config-file.ts';
import { readManifestFiles } from '../input/manifest-files.ts';
import { codeForFindings, EXIT, type FailOn } from './exit-code.ts';
import { usageError } from './usage-error.ts';

export interface SuppressFlags {
  readonly baseline?: string;
  readonly writeBaseline?: string;
  readonly failOnNew?: boolean;
}

/** `--baseline`, `--write-baseline`, `--fail-on-new`. */
export function addSuppress(command: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Known findings:');
  return command
    .addOption(option('--baseline <file>', 'findings that are in it are known and count no more').env('UNROOT_BASELINE'))
    .addOption(option('--write-baseline <file>', 'write what is found now, for --baseline'))
    .addOption(
      option('--fail-on-new', 'exit 1 for any finding that is not in the baseline, however small').env('UNROOT_FAIL_ON_NEW'),
    );
}

interface WithFindings {
  readonly target?: string;
  readonly findings: readonly Finding[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The report with its findings marked, and with what there is to say of the ignores. `read`: those of the files that were read. */
export function suppressed<T extends WithFindings>(
  report: T,
  flags: SuppressFlags,
  config: ConfigFile | undefined,
  read: readonly IgnoresOfFiles[],
): T {
  if (flags.failOnNew === true && (flags.baseline ?? flags.writeBaseline) === undefined)
    throw usageError('--fail-on-new has nothing to compare with', '--baseline FILE');
  const looked = [...read, ignoresIn(unreadFiles(report.findings, read))];
  const ignores: readonly Ignore[] = [...looked.flatMap((one) => one.ignores), ...(config?.ignores ?? [])];
  const marked = applyIgnores(report.findings, ignores, {
    today: new Date().toISOString().slice(0, 10),
    ids: ignores.length === 0 ? [] : checkIds(),
    target: report.target ?? '',
    ...(config === undefined ? {} : { below: (file: string) => belowFolder(config.folder, file) }),
  });
  const known = withBaseline(marked.findings, flags);
  return {
    ...report,
    findings: known.findings,
    diagnostics: [...report.diagnostics, ...looked.flatMap((one) => one.problems), ...marked.problems, ...known.problems],
  };
}

function withBaseline(
  findings: readonly Finding[],
  { baseline, writeBaseline: path }: SuppressFlags,
): { readonly findings: readonly Finding[]; readonly problems: readonly Diagnostic[] } {
  const old = baseline === undefined ? undefined : readBaseline(baseline);
  if (path !== undefined) {
    const made = baselineOf(findings);
    writeBaseline(path, made);
    return { findings: applyBaseline(findings, made, path).findings, problems: [] };
  }
  if (old === undefined || baseline === undefined) return { findings, problems: [] };
  const { findings: marked, gone } = applyBaseline(findings, old, baseline);
  const message = `${gone} ${gone === 1 ? 'finding' : 'findings'} of ${baseline} ${gone === 1 ? 'is' : 'are'} gone: --write-baseline writes it anew`;
  return { findings: marked, problems: gone === 0 ? [] : [{ severity: 'info', message, where: { file: baseline } }] };
}

/** Files that findings stand in and nobody has looked into for ignores. */
function unreadFiles(
  findings: readonly Finding[],
  read: readonly IgnoresOfFiles[],
): ReturnType<typeof readManifestFiles>['files'] {
  const known = new Set(read.flatMap(({ files }) => files));
  const files = new Set(
    findings.flatMap(({ where: { file } }) => (file === undefined || file === '-' || known.has(file) ? [] : [file])),
  );
  return readManifestFiles([...files].filter((file) => !file.includes('://'))).files;
}

/** 2 when something could not be read, else 1 when a finding counts. */
export function codeForReport({ findings, diagnostics }: WithFindings, failOn: FailOn, flags: SuppressFlags): number {
  if (diagnostics.some(({ severity }) => severity === 'error')) return EXIT.failed;
  return codeForFindings(findings, flags.failOnNew === true ? 'info' : failOn);
}
