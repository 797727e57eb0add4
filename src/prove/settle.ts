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
  /** steady: it opens nothing new, and goes on working. */
  readonly ready: 'quiet' | 'steady' | 'exited' | 'timeout';
  readonly ports: readonly ObservedPort[];
  /** As last seen. */
  readonly processes: readonly ProcessStatus[];
}

const POLL_MS = 50;
/** Of the time between two looks, no more than this counts as seen: on a busy machine we come late ourselves. */
const SEEN_MS = 4 * POLL_MS;
const LONGEST_SILENCE_MS = 10_000;
/** Milliseconds of CPU, had or waited for, between two looks that still count as idle: timers and event loops tick a little. */
const IDLE_MS = 19;
const TICK_MS = 10;
/** Traced calls per poll that still count as idle: a server's housekeeping looks at its own /proc entries ten times a second. */
const IDLE_EVENTS = 8;

export async function settle(
  container: Container,
  options: SettleOptions & { readonly eventCount: () => number; readonly expectedPorts: readonly ObservedPort[] },
  signal?: AbortSignal,
): Promise<Settled> {
  const { timeoutMs = 30_000, quietMs = 500, portlessMs = 3000, steadyMs = 4000, silenceMs = 0 } = options;
  const started = performance.now();
  let lookedAt = started;
  let quiet = 0;
  let steady = 0;
  let before = { shape: '', logged: 0, worked: 0, events: 0 };
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
    const now = performance.now();
    const looked = Math.min(now - lookedAt, SEEN_MS);
    lookedAt = now;
    const is = {
      shape: `${ports.map((port) => `${port.protocol}${port.port}`).join()}|${processes.length}`,
      logged: container.stdout().length + container.stderr().length,
      worked: processes.reduce((sum, process) => sum + wanted(process), 0),
      events: options.eventCount(),
    };
    const same = is.shape === before.shape;
    const busy =
      is.logged !== before.logged ||
      is.worked - before.worked > IDLE_MS ||
      is.events - before.events > IDLE_EVENTS ||
      processes.some(({ scheduling }) => scheduling?.active === true);
    steady = same ? steady + looked : 0;
    quiet = same && !busy ? quiet + looked : 0;
    before = is;
    const elapsed = now - started;
    const expected =
      awaited.length > 0 &&
      awaited.every((wanted) => ports.some((port) => port.protocol === wanted.protocol && port.port === wanted.port));
    const settled = (ready: Settled['ready']): Settled => ({ ready, ports, processes });
    if (expected && quiet >= quietMs / 2) return settled('quiet');
    if (awaited.length === 0) {
      if (ports.length > 0 && quiet >= quietMs) return settled('quiet');
      if (ports.length === 0 && quiet >= quietMs && elapsed >= portlessMs) return settled('quiet');
    } else if (quiet >= Math.max(4 * quietMs, 3000, Math.min(silenceMs, LONGEST_SILENCE_MS)) && elapsed >= portlessMs + 2000) {
      // Quiet for long, and the expected ports are not there: they will not come.
      return settled('quiet');
    }
    if (ports.length > 0 && steady >= steadyMs && (expected || awaited.length === 0)) return settled('steady');
    if (elapsed >= timeoutMs) return settled('timeout');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** CPU time that it had, and that it would have had on a machine of its own. */
const wanted = ({ cpuTicks = 0, scheduling }: ProcessStatus): number => cpuTicks * TICK_MS + (scheduling?.waitedMs ?? 0);
