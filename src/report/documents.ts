/** From the results of a run to the documents of `check`, `prove`, `fix` and `trace`. */
import { describeOperation } from '../finding/denied.ts';
import type { Finding } from '../finding/finding.ts';
import type { Fix, Run } from '../finding/fix.ts';
import type { Unresolved } from '../fixes/plan.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Measured } from '../prove/measured.ts';
import type { Proof } from '../prove/prove.ts';
import type { SmallerRoot } from '../prove/smaller-root.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';
import { type CheckReport, type FixReport, type ProveReport, SCHEMA_VERSION, type TraceReport } from './report.ts';
import { reported } from './reported-finding.ts';
import { runRecord } from './run-record.ts';

/** What was analysed, for whom, by whose rules. */
export interface Subject {
  readonly target: string;
  readonly platform: string;
  readonly user: string;
}

export interface CheckParts extends Subject {
  readonly traced: boolean;
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly unknown: readonly string[];
}

/** The document of `check` for one image. */
export const checkReport = ({ target, platform, user, traced, findings, fixes, unknown }: CheckParts): CheckReport => ({
  schemaVersion: SCHEMA_VERSION,
  kind: 'check',
  target,
  platform,
  user,
  traced,
  findings: reported(findings, fixes),
  ...withEdits(fixes),
  diagnostics: [],
  unknown,
});

/** Those that change a text; a report has none rather than an empty list. */
function withEdits(all: readonly Fix[]): Pick<CheckReport, 'fixes'> {
  const fixes = all.filter(({ edits = [] }) => edits.length > 0);
  return fixes.length === 0 ? {} : { fixes };
}

/** Several images in one document: the findings say which container they are about. */
export function mergeChecks(
  reports: readonly CheckReport[],
  targets: readonly string[],
  offered: readonly Fix[] = [],
): CheckReport {
  const [first, ...rest] = reports as readonly [CheckReport, ...CheckReport[]];
  const fixes = withEdits([...reports.flatMap((one) => one.fixes ?? []), ...offered]);
  if (rest.length === 0) return { ...first, ...fixes };
  return {
    ...first,
    // As they were named: what lies in a folder is not named once more.
    target: targets.map((target) => (target === '-' ? 'standard input' : target)).join(', '),
    findings: reports.flatMap((one) =>
      one.findings.map((finding) => ({ ...finding, container: finding.container ?? one.target })),
    ),
    ...fixes,
    diagnostics: reports.flatMap((one) => one.diagnostics),
    unknown: [...new Set(reports.flatMap((one) => one.unknown))],
  };
}

export interface ProofParts extends Subject {
  readonly engine: string;
  readonly rounds: number;
  readonly moved: Run['ports'];
  readonly denials: { readonly before: readonly string[]; readonly after: readonly string[] };
  readonly unknown: readonly string[];
}

/** The document of `prove`. */
export function proveReport(proof: Proof, asIs: Launch, parts: ProofParts): ProveReport {
  const { target, platform, engine, user, moved, rounds, denials, unknown } = parts;
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'prove',
    target,
    platform,
    engine,
    user,
    verdict: proof.verdict,
    before: runRecord(proof.before, idsOf(asIs, user), denials.before),
    after: runRecord(proof.after, idsOf(proof.afterLaunch, user), denials.after),
    moved: moved.filter(({ from, to }) => from !== to).map(({ from, to }) => ({ from, to })),
    rounds,
    reasons: proof.reasons,
    unknown,
  };
}

const idsOf = (launch: Launch | Refusal, otherwise: string): string =>
  launch.kind === 'launch' ? `${launch.uid}:${launch.gid}` : otherwise;

export interface FixParts extends Subject {
  readonly findings: readonly Finding[];
  readonly fixes: readonly Fix[];
  readonly unresolved: readonly Unresolved[];
  readonly run: Run;
  readonly addedBytes: number;
  readonly measured?: Measured;
  readonly smallerRoot?: SmallerRoot;
  readonly proof?: ProveReport;
  readonly dockerfile: string;
  readonly written?: FixReport['written'];
  readonly unknown: readonly string[];
}

/** The document of `fix`, and `report.json`. */
export function fixReport(parts: FixParts): FixReport {
  const {
    target,
    platform,
    user,
    fixes,
    unresolved,
    run,
    addedBytes,
    measured,
    smallerRoot,
    proof,
    dockerfile,
    written,
    unknown,
  } = parts;
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'fix',
    target,
    platform,
    user,
    fixes,
    unresolved: unresolved.map(({ finding, reason }) => ({ ...finding, fixes: [], reason })),
    run,
    ...(proof === undefined ? {} : { verdict: proof.verdict, proof }),
    ...(written === undefined ? {} : { written }),
    addedBytes,
    ...(measured === undefined ? {} : { measured }),
    ...(smallerRoot === undefined ? {} : { outcome: 'needs-root', smallerRoot }),
    dockerfile,
    diagnostics: [],
    unknown,
  };
}

/** Reading what everybody may read needs no identity; it is left out unless it failed for permission. */
const HARMLESS = new Set(['stat', 'access', 'readlink', 'chdir', 'exec', 'kill', 'priority', 'rlimit', 'setsockopt']);

function needsIdentity({ operation, errno }: TraceEvent): boolean {
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS') return true;
  if (operation.kind === 'open')
    return (
      operation.access !== 'read' &&
      operation.access !== 'path' &&
      !/^\/(?:dev\/(?:null|zero|full|tty)|proc)(?:\/|$)/.test(operation.path)
    );
  return !HARMLESS.has(operation.kind);
}

/** The document of `trace`: the same thing done again by the same program as the same user is one entry with a count. */
export function traceReport(trace: Trace, parts: { readonly target: string; readonly engine: string }): TraceReport {
  const entries = new Map<string, TraceReport['events'][number]>();
  for (const event of trace.events) {
    if (!needsIdentity(event)) continue;
    const what = describeOperation(event.operation);
    const key = JSON.stringify([event.program, event.uid, what, event.errno]);
    const known = entries.get(key);
    const { program, pid, uid, syscall, errno } = event;
    entries.set(key, {
      ...(known ?? { program, pid, uid, syscall, what, ...(errno === undefined ? {} : { errno }) }),
      count: (known?.count ?? 0) + (event.count ?? 1),
    });
  }
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'trace',
    target: parts.target,
    engine: parts.engine,
    tracer: trace.tracer,
    events: [...entries.values()],
    unknown: trace.blindSpots,
  };
}
