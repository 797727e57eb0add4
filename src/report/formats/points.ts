/** A report as single points, each with one outcome: what test pages and annotations are made of. */
import type { Diagnostic, Finding, FindingWhere } from '../../finding/finding.ts';
import { suppressedText } from '../../finding/suppressed-text.ts';
import type { Reason } from '../../prove/reason.ts';
import type { VerdictName } from '../../prove/verdict.ts';
import type { InWorkload, PodSecurityReport, ProjectProveReport, Report, TextFixReport, WhoContainer } from '../report.ts';

/** failure: as a finding at error or warning; error: it could not be looked at; skipped: nobody knows. */
export type Outcome = 'pass' | 'failure' | 'error' | 'skipped';

export interface Point {
  /** What it is about: a container, with file and object where there are any. */
  readonly subject: string;
  /** The check, or what was asked. */
  readonly check: string;
  readonly outcome: Outcome;
  /** How loud it is told beside the code; absent: not at all. */
  readonly notice?: 'error' | 'warning' | 'notice';
  readonly message: string;
  readonly where: FindingWhere;
  readonly details: readonly string[];
}

/** Everything the report says, in its order. */
export function pointsOf(report: Report): readonly Point[] {
  switch (report.kind) {
    case 'who':
      return [...report.containers.map(fromContainer), ...(report.diagnostics ?? []).map((one) => fromDiagnostic(one, 'input'))];
    case 'check': {
      const { target, findings, diagnostics, unknown } = report;
      const seen = [
        ...findings.map((one) => fromFinding(one, target)),
        ...('podSecurity' in report ? fromObjects(report) : []),
        ...diagnostics.map((one) => fromDiagnostic(one, target)),
      ];
      // Only what was looked at to the end has passed.
      const none = seen.length === 0 ? [plain(target, 'findings', 'pass', 'no findings')] : [];
      return [...seen, ...none, ...unknown.map((text) => notSeen(text, target))];
    }
    case 'scan':
      return [
        ...report.findings.map((one) => fromFinding(one, report.target)),
        ...report.workloads
          .filter(({ findings }) => findings.length === 0)
          .map(({ target, kind, name }) => plain(joined(target, `${kind}/${name}`), 'findings', 'pass', 'no findings')),
        ...report.diagnostics.map((one) => fromDiagnostic(one, report.target)),
        ...report.unknown.map((text) => notSeen(text, report.target)),
      ];
    case 'fix':
      if ('files' in report) return fromTextFix(report);
      return [
        ...report.fixes.map((fix) => plain(report.target, `${fix.id} ${fix.subject}`.trim(), 'pass', fix.title)),
        ...report.unresolved.map((one) => fromFinding(one, report.target, [`left: ${one.reason}`])),
        ...(report.verdict === undefined
          ? [plain(report.target, 'proof', 'skipped', 'nothing was run, so nothing is proved')]
          : [proof(report.target, report.user, report.verdict, report.proof?.reasons ?? [])]),
        ...report.diagnostics.map((one) => fromDiagnostic(one, report.target)),
        ...report.unknown.map((text) => notSeen(text, report.target)),
      ];
    case 'prove':
      if ('services' in report) return fromProject(report);
      return [
        proof(report.target, report.user, report.verdict, report.reasons),
        ...report.unknown.map((text) => notSeen(text, report.target)),
      ];
    case 'trace': {
      const denied = report.events.filter(({ errno }) => errno !== undefined);
      const count = `${report.events.length} operations ask for an identity, ${denied.length} were denied`;
      return [
        {
          ...plain(report.target, 'trace', 'pass', count),
          details: denied.map(({ program, uid, what, errno }) => `${program} as uid ${uid} ${what}: ${errno}`),
        },
        ...report.unknown.map((text) => notSeen(text, report.target)),
      ];
    }
    case 'explain': {
      const subject = report.workload === undefined ? report.target : inWorkload(report.workload, report.container);
      return [
        ...report.answers.map((one): Point => {
          const said = !one.known ? 'unknown' : one.allowed ? 'allowed' : `denied, ${one.errno ?? 'no'}`;
          return {
            // A denial is an answer to a question here, not a fault of anything.
            ...plain(subject, one.what, one.known ? 'pass' : 'skipped', `${one.what}: ${said}`),
            notice: 'notice',
            where: report.workload === undefined ? {} : placed(report.workload),
            details: one.reason === undefined ? [] : [one.reason],
          };
        }),
        ...report.notes.map((text) => notSeen(text, subject)),
      ];
    }
  }
}

/** Each service, and what is about none of them. */
const fromProject = ({ target, services, reasons, unknown }: ProjectProveReport): readonly Point[] => [
  ...services.map(({ name, user, verdict, reasons: own }) => proof(joined(target, name), user, verdict, own)),
  ...reasons.map(({ kind, text }) =>
    plain(target, 'proof', kind === 'bad' ? 'failure' : kind === 'unsure' ? 'skipped' : 'pass', text),
  ),
  ...unknown.map((text) => notSeen(text, target)),
];

/** What a fix of manifests does, and what it leaves. */
const fromTextFix = ({ target, containers, unresolved, diagnostics, unknown }: TextFixReport): readonly Point[] => [
  ...containers.map(({ object, container, outcome, message, verdict }): Point => {
    const said = `${outcome}${verdict === undefined ? '' : `, ${verdict}`}${message === undefined ? '' : `: ${message}`}`;
    return plain(
      joined(target, object, container),
      'fix',
      outcome === 'changed' || outcome === 'as wanted' ? 'pass' : 'skipped',
      said,
    );
  }),
  ...unresolved.map((one) => fromFinding(one, target, [`left: ${one.reason}`])),
  ...diagnostics.map((one) => fromDiagnostic(one, target)),
  ...unknown.map((text) => notSeen(text, target)),
];

/** With the level that annotations give such an outcome. */
function plain(subject: string, check: string, outcome: Outcome, message: string): Point {
  const notice = { pass: undefined, failure: 'error', error: 'error', skipped: 'notice' } as const;
  const level = notice[outcome];
  return { subject, check, outcome, ...(level === undefined ? {} : { notice: level }), message, where: {}, details: [] };
}

const notSeen = (text: string, subject: string): Point => plain(subject, `not looked at: ${text}`, 'skipped', text);

const placed = ({ file, line, column }: InWorkload): FindingWhere => ({ file, line, column });

const inWorkload = ({ file, kind, name, namespace }: InWorkload, container: string): string =>
  joined(file, `${kind}/${namespace === undefined ? '' : `${namespace}/`}${name}`, container);

const joined = (...parts: readonly (string | undefined)[]): string =>
  [...new Set(parts.filter((part) => part !== undefined && part !== ''))].join(' ');

function fromContainer(one: WhoContainer): Point {
  const subject = one.workload === undefined ? one.name : inWorkload(one.workload, one.name);
  const where = one.workload === undefined ? {} : placed(one.workload);
  const details = one.because.map(({ field, value, source }) => `${field} ${value}: ${source}`);
  const base = { where, details };
  if (one.outcome === 'refused')
    return { ...plain(subject, 'start-refused', 'failure', `does not start: ${one.message ?? one.reason ?? ''}`), ...base };
  const who = `uid ${one.uid ?? '?'}, gid ${one.gid ?? '?'}`;
  if (one.isRoot === true)
    return {
      ...plain(subject, 'runs-as-root', 'failure', one.uid === 0 ? `runs as ${who}` : `runs as ${who}, but ends up as root`),
      notice: 'warning',
      ...base,
    };
  if (one.outcome === 'unknown') return { ...plain(subject, 'runs-as-root', 'skipped', one.message ?? 'unknown'), ...base };
  return { ...plain(subject, 'runs-as-root', 'pass', `runs as ${who}`), ...base };
}

const LOUD = { error: 'error', warning: 'warning', info: 'notice' } as const;

function fromFinding(one: Finding, target: string, more: readonly string[] = []): Point {
  const { file, path } = one.where;
  return {
    subject: joined(file ?? (one.container === undefined ? target : undefined), one.object, one.container),
    check: one.id,
    outcome: one.suppressed !== undefined ? 'skipped' : one.severity === 'info' ? 'pass' : 'failure',
    ...(one.suppressed === undefined ? { notice: LOUD[one.severity] } : {}),
    message: one.suppressed === undefined ? one.message : `${one.message} (${suppressedText(one.suppressed)})`,
    where: one.where,
    details: [
      ...(path === undefined ? [] : [`path: ${path}`]),
      ...(one.confidence === 'high' ? [] : [`${one.confidence} confidence`]),
      ...one.evidence.map(({ kind, text }) => `${kind}: ${text}`),
      ...more,
    ],
  };
}

function fromDiagnostic({ severity, message, where }: Diagnostic, target: string): Point {
  const outcome = severity === 'error' ? 'error' : severity === 'warning' ? 'skipped' : 'pass';
  return { ...plain(where.file ?? target, 'readable', outcome, message), notice: LOUD[severity], where };
}

/** Pods without violations; the others are there by their findings, or by their diagnostics when they cannot be decoded. */
function fromObjects({ podSecurity: { policy, objects } }: PodSecurityReport): readonly Point[] {
  return objects.flatMap(({ file, line, column, kind, name, namespace, outcome, exempt }) => {
    if (outcome === 'violates') return [];
    const subject = joined(file, `${kind}/${namespace === undefined ? '' : `${namespace}/`}${name}`);
    const check = `pod-security ${policy}`;
    const point =
      outcome === 'allowed'
        ? plain(subject, check, 'pass', 'allowed')
        : outcome === 'exempt'
          ? plain(subject, check, 'skipped', `exempt by its ${exempt ?? 'namespace'}`)
          : plain(subject, check, 'error', 'cannot be decoded as the API server does it');
    return [{ ...point, where: { file, line, column } }];
  });
}

function proof(target: string, user: string, verdict: VerdictName, reasons: readonly Reason[]): Point {
  const outcome = verdict === 'proved' ? 'pass' : verdict === 'failed' ? 'failure' : 'skipped';
  const first = reasons.find(({ kind }) => kind === (verdict === 'failed' ? 'bad' : 'unsure'));
  return {
    ...plain(target, 'proof', outcome, `as ${user}: ${verdict}${first === undefined ? '' : `: ${first.text}`}`),
    ...(verdict === 'inconclusive' ? { notice: 'warning' } : {}),
    details: reasons.map(({ kind, text }) => `${kind}: ${text}`),
  };
}
