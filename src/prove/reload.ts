/** What happens when a running program is told to read its configuration again: it opens log files, pid files and sockets anew, as whoever it is by then. */
import type { Container, ProcessStatus } from '../engine/engine.ts';
import type { Observation, ObservedPort, ProbeResult } from './observation.ts';
import { comparePorts } from './ports.ts';
import { compareProbes } from './probe-reasons.ts';
import { probePorts } from './probes.ts';
import type { Reason } from './reason.ts';
import { type SettleOptions, settle } from './settle.ts';

/** SIGHUP means "reload" to daemons (signal(7) gives it no such meaning, daemon(7) does); to others it is the end, which is why it is sent last. */
const RELOAD = 'SIGHUP';

export interface ReloadOptions {
  readonly ports: readonly ObservedPort[];
  /** What they answered before. */
  readonly probes: readonly ProbeResult[];
  readonly probePath: string;
  readonly like: readonly ProbeResult[];
  readonly eventCount: () => number;
  readonly settle?: SettleOptions;
  readonly signal?: AbortSignal;
}

/** The time a handler gets before we look. */
const HANDLER_MS = 200;
/** How often the ports are asked, a second apart, until they answer as before. */
const TRIES = 6;

/** Undefined when the first process has no use for the signal. */
export async function reload(container: Container, options: ReloadOptions): Promise<Observation['reload']> {
  if (!understands(await container.processes())) return undefined;
  await container.signal(RELOAD);
  await new Promise((resolve) => setTimeout(resolve, HANDLER_MS));
  const { eventCount, ports, probePath, like, signal } = options;
  const settled = await settle(container, { ...options.settle, eventCount, expectedPorts: ports }, signal);
  if (!container.running()) return { outcome: 'ended', ports: [], probes: [] };
  // A supervisor that starts its programs again has its ports open before they all answer.
  for (let attempt = 1; ; attempt++) {
    const probes = await probePorts(container, settled.ports, probePath, like);
    const asBefore = compareProbes(options.probes, probes, new Map()).every((reason) => reason.kind !== 'bad');
    if (asBefore || attempt === TRIES || !container.running()) return { outcome: 'went on', ports: settled.ports, probes };
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** It has a handler, or waits for the signal with sigwait(3) or signalfd(2); an init that only passes it on needs a child that understands it. */
function understands([first, ...others]: readonly ProcessStatus[]): boolean {
  if (first === undefined) return false;
  if (first.signals?.caught.includes(RELOAD) === true) return true;
  const waits = (process: ProcessStatus): boolean => process.signals?.blocked.includes(RELOAD) === true;
  const catches = (process: ProcessStatus): boolean => process.signals?.caught.includes(RELOAD) === true;
  return waits(first) && (others.length === 0 || others.some(catches));
}

/** Whether the second run takes the signal as the first one did. */
export function compareReload(before: Observation, after: Observation, moved: ReadonlyMap<number, number>): Reason[] {
  const [was, is] = [before.reload, after.reload];
  if (was === undefined || after.outcome !== 'running') return [];
  if (is === undefined) return [{ kind: 'unsure', text: `no longer reacts to ${RELOAD}; before, it did` }];
  if (was.outcome === 'ended') {
    const text = `${RELOAD} ends it in both runs`;
    return [is.outcome === 'ended' ? { kind: 'note', text } : { kind: 'unsure', text: `${RELOAD} no longer ends it` }];
  }
  if (is.outcome === 'ended') return [{ kind: 'bad', text: `ends when it is told to reload (${RELOAD}); before, it went on` }];
  const broken = [
    ...comparePorts({ ...before, ports: was.ports }, { ...after, ports: is.ports }, moved),
    ...compareProbes(was.probes, is.probes, moved),
  ].filter((reason) => reason.kind === 'bad' || reason.kind === 'unsure');
  if (broken.length > 0) return broken.map(({ kind, text }) => ({ kind, text: `after ${RELOAD}: ${text}` }));
  return [{ kind: 'ok', text: `still works after ${RELOAD}` }];
}
