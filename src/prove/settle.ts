/** Waits until a container has ended, or is ready and quiet: nothing opens, nothing is written, nothing computes. */
import type { Container, ProcessStatus } from '../engine/engine.ts';
import type { ObservedPort } from './observation.ts';
import { isEphemeral } from './ports.ts';

export interface SettleOptions {
  /** Longest wait for readiness, ms. Default 30 000. */
  readonly timeoutMs?: number;
  /** How long it must be quiet once it listens, ms. Default 500; half of it when every expected port is open. */
  readonly quietMs?: number;
  /** How long it may be quiet before the expected ports count as missing, ms. At least 3000. */
  readonly silenceMs?: number;
  /** How long a program without a port is watched at least, ms. Default 3000. */
  readonly portlessMs?: number;
  /** A program that never falls silent has started when it opened nothing new for this long, ms. Default 4000. */
  readonly steadyMs?: number;
}

export interface Settled {
  readonly ready: 'quiet' | 'exited' | 'timeout';
  readonly ports: readonly ObservedPort[];
  /** As last seen. */
  readonly processes: readonly ProcessStatus[];
}

const POLL_MS = 50;
const LONGEST_SILENCE_MS = 10_000;
/** Ticks (10 ms) of CPU per poll that still count as idle: timers and event loops tick a little. */
const IDLE_TICKS = 1;
/** Traced calls per poll that still count as idle: a server's housekeeping looks at its own /proc entries ten times a second. */
const IDLE_EVENTS = 8;

export async function settle(
  container: Container,
  options: SettleOptions & { readonly eventCount: () => number; readonly expectedPorts: readonly ObservedPort[] },
  signal?: AbortSignal,
): Promise<Settled> {
  const { timeoutMs = 30_000, quietMs = 500, portlessMs = 3000, steadyMs = 4000, silenceMs = 0 } = options;
  const started = performance.now();
  let quietSince = started;
  let steadySince = started;
  let shapeBefore = '';
  let logBefore = 0;
  let ticksBefore = 0;
  let eventsBefore = 0;
  let ports: readonly ObservedPort[] = [];
  let processes: readonly ProcessStatus[] = [];
  // A port that the kernel picks is another one each time.
  const awaited = options.expectedPorts.filter((port) => !isEphemeral(port));
  let exited = false;
  void container.exited.then(() => {
    exited = true;
  });
  for (;;) {
    signal?.throwIfAborted();
    if (exited || !container.running()) return { ready: 'exited', ports, processes };
    const seen = await container.processes();
    if (seen.length > 0) {
      processes = seen;
      ports = (await container.listening()).map(({ protocol, port, address }) => ({ protocol, port, address }));
    }
    const ticks = processes.reduce((sum, process) => sum + (process.cpuTicks ?? 0), 0);
    const now = performance.now();
    const shape = `${ports.map((port) => `${port.protocol}${port.port}`).join()}|${processes.length}`;
    const logged = container.stdout().length + container.stderr().length;
    const events = options.eventCount();
    if (shape !== shapeBefore) steadySince = now;
    if (shape !== shapeBefore || logged !== logBefore || ticks - ticksBefore > IDLE_TICKS || events - eventsBefore > IDLE_EVENTS)
      quietSince = now;
    shapeBefore = shape;
    logBefore = logged;
    ticksBefore = ticks;
    eventsBefore = events;
    const quiet = now - quietSince;
    const elapsed = now - started;
    const expected =
      awaited.length > 0 &&
      awaited.every((wanted) => ports.some((port) => port.protocol === wanted.protocol && port.port === wanted.port));
    if (expected && (quiet >= quietMs / 2 || now - steadySince >= steadyMs)) return { ready: 'quiet', ports, processes };
    if (awaited.length === 0) {
      if (ports.length > 0 && quiet >= quietMs) return { ready: 'quiet', ports, processes };
      if (ports.length === 0 && quiet >= quietMs && elapsed >= portlessMs) return { ready: 'quiet', ports, processes };
    } else if (quiet >= Math.max(4 * quietMs, 3000, Math.min(silenceMs, LONGEST_SILENCE_MS)) && elapsed >= portlessMs + 2000) {
      // Quiet for long, and the expected ports are not there: they will not come.
      return { ready: 'quiet', ports, processes };
    }
    if (ports.length > 0 && now - steadySince >= steadyMs && awaited.length === 0) return { ready: 'quiet', ports, processes };
    if (elapsed >= timeoutMs) return { ready: 'timeout', ports, processes };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
