/** Runs a launch once, watches it from outside until it is ready, probes it, and stops it again. */

import type { Container, PreparedImage } from '../engine/engine.ts';
import type { KeptVolumes } from '../engine/kept-volumes.ts';
import { processVariable } from '../engine/proc.ts';
import { type ScratchBinds, scratchBinds } from '../engine/scratch-binds.ts';
import type { VolumeOwner } from '../engine/volume-remedy.ts';
import { UnrootError } from '../error.ts';
import type { Healthcheck } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import type { Tracer, TraceSession } from '../trace/tracer.ts';
import type { Observation, ObservedProcess } from './observation.ts';
import { runProbeCommand } from './probes.ts';
import { reload } from './reload.ts';
import type { SettleOptions } from './settle.ts';
import { untilReady } from './until-ready.ts';

export interface ObserveOptions {
  readonly tracer?: Tracer;
  /** The run to compare with: its ports are waited for, they are asked in the words they answered to, and a program that ignored its stop signal is not waited for again. */
  readonly like?: Observation;
  readonly healthcheck?: Healthcheck;
  /** A shell line or argv run inside the container as one more probe. */
  readonly probeCommand?: readonly string[];
  /** Path of HTTP probes; default `/`. */
  readonly probePath?: string;
  readonly settle?: SettleOptions;
  /** Owners that the folders of the host shall have; they are given to copies, never to the folders themselves. */
  readonly volumeOwners?: readonly VolumeOwner[];
  /** Keeps what the run leaves in its volumes. */
  readonly keep?: KeptVolumes;
  readonly graceMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

/** How a launch is run once and watched: by itself, or among others. */
export type Observe = (image: PreparedImage, launch: Launch, options?: ObserveOptions) => Promise<Observation>;

/** Never leaves the container behind, whatever happens. A refusal of the runtime is an observation, not an error. */
export async function observe(image: PreparedImage, launch: Launch, options: ObserveOptions = {}): Promise<Observation> {
  try {
    return await observeOnce(image, launch, options);
  } catch (error) {
    // Nothing of the image ran yet. Seen with runc and strace, about once in thousands of starts.
    if (!(error instanceof UnrootError && error.code === 'engine.start-stuck')) throw error;
    options.onProgress?.('The runtime got stuck before the program ran: once more');
    return observeOnce(image, launch, options);
  }
}

async function observeOnce(image: PreparedImage, launch: Launch, options: ObserveOptions): Promise<Observation> {
  let container: Container | undefined;
  let session: TraceSession | undefined;
  let scratch: ScratchBinds | undefined;
  try {
    scratch = await scratchBinds(launch, options.volumeOwners);
    container = await image.create(scratch.launch, { ...(options.signal ? { signal: options.signal } : {}) });
    session = options.tracer ? await options.tracer.attach(container, scratch.launch) : undefined;
    const observation = await watch(container, session, options);
    await options.keep?.take(container, launch);
    return observation;
  } catch (error) {
    if (error instanceof UnrootError && error.code === 'engine.start-refused') return refused(error, container, session);
    await session?.abort();
    throw error;
  } finally {
    await container?.remove();
    scratch?.remove();
  }
}

async function watch(container: Container, session: TraceSession | undefined, options: ObserveOptions): Promise<Observation> {
  const started = performance.now();
  await container.start();
  const { settled, readyMs, running, ports, probes, datagrams } = await untilReady(container, session, options, started);
  const healthcheck = running && options.healthcheck ? await runHealthcheck(container, options.healthcheck) : undefined;
  const command = running && options.probeCommand ? await runProbeCommand(container, options.probeCommand) : undefined;
  const stillRunning = container.running();
  const live = stillRunning ? await container.processes() : settled.processes;
  const processes = live.map(asObserved);
  const home = stillRunning ? servedHome(live) : undefined;
  const reloaded = stillRunning
    ? await reload(container, {
        ports,
        probes,
        probePath: options.probePath ?? '/',
        like: options.like?.reload?.probes ?? probes,
        eventCount: () => session?.eventCount() ?? 0,
        ...(options.settle ? { settle: options.settle } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      })
    : undefined;
  const exit = container.running() ? await container.stop(graceOf(options)) : await container.exited;
  const trace = await session?.finish();
  const changes = await container.changes();
  return {
    outcome: stillRunning ? 'running' : 'exited',
    exit,
    readyMs,
    ports,
    probes,
    ...(datagrams.length > 0 ? { datagrams } : {}),
    ...(healthcheck ? { healthcheck } : {}),
    ...(command ? { command } : {}),
    ...(reloaded ? { reload: reloaded } : {}),
    processes,
    ...(home === undefined ? {} : { home }),
    stdout: container.stdout(),
    stderr: container.stderr(),
    changes,
    ...(trace ? { trace } : {}),
  };
}

async function refused(
  error: UnrootError,
  container: Container | undefined,
  session: TraceSession | undefined,
): Promise<Observation> {
  const trace = await session?.finish();
  return {
    outcome: 'refused',
    refusal: error.message,
    readyMs: 0,
    ports: [],
    probes: [],
    processes: [],
    stdout: container?.stdout() ?? '',
    stderr: container?.stderr() ?? '',
    changes: [],
    ...(trace ? { trace } : {}),
  };
}

/** Exit 137: it had to be killed the last time. */
const graceOf = ({ graceMs, like }: ObserveOptions): number =>
  graceMs ?? (like?.outcome === 'running' && like.exit?.code === 137 ? 500 : 6000);

/** What a wrapper that drops root, or a start script, made of HOME; the first process may be one of those. */
function servedHome(processes: readonly { readonly pid: number; readonly uids: readonly number[] }[]): string | undefined {
  const users = processes.filter(({ uids }) => uids[1] !== 0);
  // Some programs write over their environment to show a title in its place.
  const homes = (users.length > 0 ? users : processes).flatMap(({ pid }) => processVariable(pid, 'HOME') ?? []);
  return new Set(homes).size === 1 && homes[0]?.startsWith('/') ? homes[0] : undefined;
}

const asObserved = (process: {
  readonly command: string;
  readonly uids: readonly number[];
  readonly gids: readonly number[];
}): ObservedProcess => ({
  command: process.command,
  uids: process.uids,
  gid: process.gids[1] ?? 0,
});

/** HEALTHCHECK as Docker runs it: CMD is an argv, CMD-SHELL a line for /bin/sh (image config `Healthcheck`). A few tries, because services start slowly. */
async function runHealthcheck(container: Container, check: Healthcheck): Promise<{ code: number; output: string } | undefined> {
  const [kind, ...rest] = check.test;
  const argv = kind === 'CMD' ? rest : kind === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : undefined;
  if (!argv || argv.length === 0) return undefined;
  const timeoutMs = Math.min(30_000, Math.max(1000, (check.timeout ?? 30e9) / 1e6));
  for (let attempt = 1; ; attempt++) {
    const result = await container.exec(argv, { timeoutMs });
    if (result.code === 0 || attempt === 3 || !container.running())
      return { code: result.code, output: (result.stdout + result.stderr).slice(0, 2000) };
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}
