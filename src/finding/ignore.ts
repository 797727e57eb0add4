/** Decisions to live with a finding, from comments, annotations and `.unroot.yaml`, and which findings they cover. */
import { type Parts, partsMatch } from '../text/glob.ts';
import type { Diagnostic, Finding, FindingWhere, Suppression } from './finding.ts';

/** Lines of a file, both ends included. */
export interface Lines {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** Patterns of `.unroot.yaml`; a finding must fit one of each kind that is given. */
export interface IgnorePatterns {
  /** Of the file as it was named, and of its path below the folder of `.unroot.yaml`. */
  readonly files?: readonly string[];
  /** `Deployment/web`. */
  readonly objects?: readonly string[];
  readonly containers?: readonly string[];
  /** Inside the container. */
  readonly paths?: readonly string[];
  /** Images and other targets, as they were named. */
  readonly targets?: readonly string[];
}

export interface Ignore {
  readonly by: 'comment' | 'annotation' | 'file';
  /** Ids of checks; `*` stands for any number of characters. */
  readonly ids: readonly string[];
  readonly reason: string;
  /** The last day it holds. */
  readonly until?: string;
  /** Where it was written. */
  readonly where: FindingWhere;
  /** Of a comment and an annotation. */
  readonly lines?: Lines;
  /** Of an annotation for one container. */
  readonly container?: string;
  readonly patterns?: IgnorePatterns;
}

/** What was read, and what is wrong with it. */
export interface IgnoresRead {
  readonly ignores: readonly Ignore[];
  readonly problems: readonly Diagnostic[];
}

export interface IgnoreContext {
  /** `2026-11-21`, in UTC. */
  readonly today: string;
  /** The ids that a finding can have. */
  readonly ids: readonly string[];
  /** What findings without a file are about. */
  readonly target: string;
  /** A file's path below the folder of `.unroot.yaml`; undefined when it lies elsewhere. */
  readonly below?: (file: string) => string | undefined;
}

/** Marks the findings that an ignore covers; tells of ignores that are over, that name no check, and that cover nothing. */
export function applyIgnores<T extends Finding>(
  findings: readonly T[],
  ignores: readonly Ignore[],
  context: IgnoreContext,
): { readonly findings: readonly T[]; readonly problems: readonly Diagnostic[] } {
  if (ignores.length === 0) return { findings, problems: [] };
  const problems: Diagnostic[] = [];
  const tell = (severity: Diagnostic['severity'], { where }: Ignore, message: string): void => {
    problems.push({ severity, message, where });
  };
  const used = new Set<Ignore>();
  const marked = findings.map((finding) => {
    const fitting = ignores.filter((one) => covers(one, finding, context));
    for (const one of fitting) used.add(one);
    const holding = fitting.find((one) => !isOver(one, context.today));
    return holding === undefined || finding.suppressed !== undefined ? finding : { ...finding, suppressed: suppression(holding) };
  });
  for (const one of ignores) {
    const strange = one.ids.filter((id) => !context.ids.some((known) => partsMatch([id], known)));
    for (const id of strange) tell('warning', one, `There is no check ${JSON.stringify(id)}: what it was to ignore is told`);
    if (strange.length === one.ids.length) continue;
    if (!used.has(one)) tell('info', one, `This ignore of ${one.ids.join(', ')} covers no finding: it can go`);
    else if (isOver(one, context.today))
      tell(
        'warning',
        one,
        `This ignore of ${one.ids.join(', ')} was for the time until ${one.until} and holds no more: ${one.reason}`,
      );
  }
  return { findings: marked, problems };
}

/** It holds to the end of its last day. */
const isOver = ({ until }: Ignore, today: string): boolean => until !== undefined && until < today;

const suppression = ({ by, reason, until, where }: Ignore): Suppression => ({
  by,
  reason,
  ...(until === undefined ? {} : { until }),
  where,
});

function covers({ ids, lines, container, patterns }: Ignore, finding: Finding, context: IgnoreContext): boolean {
  const { where } = finding;
  if (lines !== undefined) {
    const { file, line } = where;
    if (file !== lines.file || line === undefined || line < lines.from || line > lines.to) return false;
  }
  if (!partsMatch(ids, finding.id)) return false;
  if (container !== undefined && finding.container !== container) return false;
  return patterns === undefined || fitsPatterns(patterns, finding, context);
}

function fitsPatterns(
  { files, objects, containers, paths, targets }: IgnorePatterns,
  finding: Finding,
  context: IgnoreContext,
): boolean {
  const { file, path } = finding.where;
  const fits = (wanted: Parts | undefined, ...names: readonly (string | undefined)[]): boolean =>
    wanted === undefined || names.some((name) => name !== undefined && partsMatch(wanted, name));
  const plain = file?.replace(/^(?:\.\/+)+/, '');
  return (
    fits(files, plain, file === undefined ? undefined : context.below?.(file)) &&
    fits(objects, finding.object) &&
    fits(containers, finding.container) &&
    fits(paths, path) &&
    fits(
      targets,
      file === undefined ? (finding.container ?? context.target) : undefined,
      file === undefined ? context.target : undefined,
    )
  );
}
