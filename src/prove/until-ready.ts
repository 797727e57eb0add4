/** Waits until a program is ready, and asks its ports: those of one that listens before it can answer, again. */
import type { Container } from '../engine/engine.ts';
import type { TraceSession } from '../trace/tracer.ts';
import { probeDatagrams } from './datagrams.ts';
import type { DatagramAnswers, Observation, ObservedPort, ProbeResult } from './observation.ts';
import { probePorts } from './probes.ts';
import { type Settled, type SettleOptions, settle } from './settle.ts';

export interface ReadyOptions {
  readonly like?: Observation;
  readonly probePath?: string;
  readonly settle?: SettleOptions;
  readonly signal?: AbortSignal;
}

export interface Asked {
  readonly settled: Settled;
  readonly ports: readonly ObservedPort[];
  /** From `started` until it was ready to be asked. */
  readonly readyMs: number;
  readonly running: boolean;
  readonly probes: readonly ProbeResult[];
  readonly datagrams: readonly DatagramAnswers[];
}

/** What took the first run long is given longer still: the machine may be busier by now, and a start that was cut off looks like one that failed. */
const patienceWith = (like: Observation | undefined): SettleOptions =>
  like?.outcome === 'running' ? { timeoutMs: Math.max(30_000, 4 * like.readyMs + 20_000), silenceMs: like.readyMs } : {};

/** A busy start takes several times as long when every call is watched: more ports may be on their way. */
const WATCHED_STEADY_MS = 10_000;

/** What a program that listens already gets to load the rest, with nothing new to be seen. */
const LOADING_MS = 20_000;

/** How often a port that says nothing is asked again. */
const TURNS = 3;

/**
 * Some listen first, and load what they answer with afterwards. A port that says nothing may do so yet when its program still works, or when it did
 * the last time; one that said nothing the last time either had its chance.
 */
function startsStill({ ready }: Settled, probes: readonly ProbeResult[], like: Observation | undefined): boolean {
  const silent = probes.filter(({ outcome }) => outcome === 'silent');
  if (like === undefined) return silent.length > 0 && ready === 'steady';
  return silent.some(({ port }) =>
    like.probes.some((one) => one.port === port && one.outcome !== 'silent' && one.outcome !== 'refused'),
  );
}

/** `started`: by performance.now(). */
export async function untilReady(
  container: Container,
  session: TraceSession | undefined,
  options: ReadyOptions,
  started: number,
): Promise<Asked> {
  const { like, signal } = options;
  const patience = {
    ...(session ? { steadyMs: WATCHED_STEADY_MS } : {}),
    eventCount: () => session?.eventCount() ?? 0,
    ...patienceWith(like),
    ...options.settle,
  };
  let expectedPorts = like?.ports ?? [];
  for (let turn = 0; ; turn++) {
    const settled = await settle(
      container,
      { ...patience, ...(turn > 0 ? { steadyMs: LOADING_MS } : {}), expectedPorts },
      signal,
    );
    const readyMs = Math.round(performance.now() - started);
    const { ports } = settled;
    const running = container.running();
    const [probes, datagrams] = running
      ? await Promise.all([
          probePorts(container, ports, options.probePath ?? '/', like?.probes),
          probeDatagrams(container, ports, like?.datagrams),
        ])
      : [[], []];
    if (turn === TURNS || !running || !startsStill(settled, probes, like))
      return { settled, ports, readyMs, running, probes, datagrams };
    expectedPorts = ports;
  }
}
