/** From an Observation to the record a report holds: shorter, in words, without the trace. */
import type { Observation, ProbeResult } from '../prove/observation.ts';
import type { ProbeRecord, RunRecord } from './records.ts';

/** Lines of the log that are kept. */
const LOG_LINES = 40;

/** The record of one run; `denials` are the words for what the kernel denied in it. */
export function runRecord(observation: Observation, user: string, denials: readonly string[]): RunRecord {
  const { outcome, exit, refusal, readyMs, ports, processes, stdout, stderr } = observation;
  return {
    user,
    outcome,
    ...(exit === undefined ? {} : { exit }),
    ...(refusal === undefined ? {} : { refusal }),
    readyMs,
    ports,
    probes: probeRecords(observation),
    processes,
    log: [...stdout.split('\n'), ...stderr.split('\n')].filter((line) => line.trim() !== '').slice(-LOG_LINES),
    denials,
  };
}

function probeRecords({ probes, healthcheck, command }: Observation): readonly ProbeRecord[] {
  const ended = (kind: 'healthcheck' | 'command', run: { code: number } | undefined): readonly ProbeRecord[] =>
    run === undefined ? [] : [{ kind, ok: run.code === 0, answer: `exit ${run.code}` }];
  return [
    ...probes.map(
      (probe): ProbeRecord => ({
        kind: 'tcp',
        port: probe.port,
        ok: probe.outcome !== 'refused' && probe.outcome !== 'silent',
        answer: answerOf(probe),
      }),
    ),
    ...ended('healthcheck', healthcheck),
    ...ended('command', command),
  ];
}

function answerOf(probe: ProbeResult): string {
  if (probe.outcome === 'http')
    return `HTTP ${probe.status ?? '?'}${probe.contentType === undefined ? '' : ` ${probe.contentType}`}, ${probe.bodyLength ?? 0} bytes`;
  if (probe.outcome === 'refused') return 'refused';
  return probe.text === undefined ? 'accepts, says nothing' : `says "${probe.text}"`;
}
