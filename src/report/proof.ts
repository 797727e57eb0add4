/** From observations and verdicts to the documents that are handed out. */
import type { ReportedFinding, ProveReport, RunRecord, Verdict } from './report.ts';
import { SCHEMA_VERSION } from './report.ts';
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { findingKey } from '../fixes/need.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Observation } from '../prove/observation.ts';
import type { Proof } from '../prove/prove.ts';
import { errorLines } from '../prove/log-lines.ts';
import type { Reason } from '../prove/verdict.ts';

/** Findings with the ids of the fixes that answer them. */
export const reported = (findings: readonly Finding[], fixes: readonly Fix[]): ReportedFinding[] =>
  findings.map((finding) => {
    const key = findingKey(finding);
    return { ...finding, fixes: [...new Set(fixes.filter((fix) => fix.answers.includes(key)).map((fix) => fix.id))] };
  });

export interface ProofContext {
  readonly target: string;
  readonly platform: string;
  readonly engine: string;
  readonly user: string;
  readonly rounds: number;
  /** Denials that a watched run met, in words. */
  readonly denials: { readonly before: readonly string[]; readonly after: readonly string[] };
}

export function proveReport(proof: Proof, before: Launch, context: ProofContext): ProveReport {
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'prove',
    target: context.target,
    platform: context.platform,
    user: context.user,
    verdict: proof.verdict,
    before: record(proof.before, before, context.engine, context.denials.before),
    after: record(proof.after, proof.afterLaunch, context.engine, context.denials.after),
    rounds: context.rounds,
    reasons: proof.reasons.map(reasonText),
  };
}

const MARK: Readonly<Record<Reason['kind'], string>> = { ok: 'ok', bad: 'lost', unsure: 'unsure', note: 'note' };

const reasonText = (reason: Reason): string => `${MARK[reason.kind]}: ${reason.text}`;

function record(observation: Observation, launch: Launch | Refusal, engine: string, denials: readonly string[]): RunRecord {
  return {
    user: launch.kind === 'launch' ? `${launch.uid}:${launch.gid}` : '',
    engine,
    outcome: observation.outcome,
    ...(observation.exit === undefined ? {} : { exitCode: observation.exit.code }),
    ...(observation.refusal === undefined ? {} : { message: observation.refusal }),
    ports: [...new Set(observation.ports.map((port) => port.port))].sort((a, b) => a - b),
    probes: probesOf(observation),
    processes: observation.processes.map((process) => ({
      command: process.command,
      uid: launch.kind === 'launch' ? (process.uids[1] ?? 0) - (launch.hostUid - launch.uid) : (process.uids[1] ?? 0),
      gid: process.gid,
      hostUid: process.uids[1] ?? 0,
    })),
    errors: errorLines(observation),
    denials,
  };
}

function probesOf(observation: Observation): RunRecord['probes'] {
  const network = observation.probes.map((probe) => ({
    kind: probe.outcome === 'http' ? 'http' : 'tcp',
    subject: probe.outcome === 'http' ? `GET :${probe.port}/` : `:${probe.port}`,
    ok: probe.outcome !== 'refused' && (probe.status === undefined || probe.status < 500),
    answer: probe.outcome === 'http' ? `${probe.status} ${probe.contentType ?? ''} ${probe.bodyLength ?? 0} bytes`.replace(/\s+/g, ' ') : (probe.text ?? probe.outcome),
  }));
  const commands = [
    ['healthcheck', 'HEALTHCHECK', observation.healthcheck],
    ['command', '--probe', observation.command],
  ] as const;
  return [
    ...network,
    ...commands.flatMap(([kind, subject, result]) => (result ? [{ kind, subject, ok: result.code === 0, answer: `exit ${result.code}` }] : [])),
  ];
}

/** The exit code asked for by a verdict (the CLI contract): 4 when the proof failed. */
export const proofFailed = (verdict: Verdict | undefined): boolean => verdict === 'failed';
