/** A project that was started: waits until all of it is quiet, asks every service what it does, and ends it, the last one first. */
import type { Container } from '../engine/engine.ts';
import type { NetworkMember } from '../engine/project-network.ts';
import { askPublished, type PublishedAnswer } from '../engine/published.ts';
import { connections } from '../engine/sockets.ts';
import { pause } from '../pod/pause.ts';
import { notStarted, type Observation } from '../prove/observation.ts';
import { isEphemeral } from '../prove/ports.ts';
import { probePorts, runProbeCommand } from '../prove/probes.ts';
import { reload } from '../prove/reload.ts';
import { type Settled, settle } from '../prove/settle.ts';
import type { Life } from './life.ts';
import type { ProjectRunInput, ProjectService, ServiceRun } from './project.ts';

export interface ExerciseInput extends ProjectRunInput {
  /** In the order in which they were started. */
  readonly services: readonly ProjectService[];
  readonly lives: ReadonlyMap<string, Life>;
  readonly members: ReadonlyMap<string, NetworkMember>;
  /** Not started, and why. */
  readonly held: ReadonlyMap<string, string>;
}

/** A busy start takes several times as long when every call is watched. */
const WATCHED_STEADY_MS = 10_000;
/** How long a service that is started again and again is given. */
const RESTARTING_MS = 45_000;
const GRACE_MS = 6000;

interface Seen {
  readonly service: ProjectService;
  readonly life: Life;
  readonly settled: Settled;
  readonly readyMs: number;
}

type Mutable = { -readonly [K in keyof Observation]: Observation[K] };

export async function exercise(input: ExerciseInput): Promise<ReadonlyMap<string, ServiceRun>> {
  const { services, lives, held, signal, onProgress } = input;
  const up = services.filter(({ name }) => !held.has(name));
  onProgress(`waiting for ${up.length} ${up.length === 1 ? 'service' : 'services'} to be ready`);
  const all = await Promise.all(up.map((service) => settled(service, lives.get(service.name)!, input)));
  const talks = talkWatch(input);
  const found = new Map<string, Mutable>();
  const published = new Map<string, readonly PublishedAnswer[]>();
  onProgress(`asking ${up.length === 1 ? 'it' : 'them'} what ${up.length === 1 ? 'it does' : 'they do'}`);
  await Promise.all(all.map(async (one) => found.set(one.service.name, await asked(one, input))));
  signal?.throwIfAborted();
  talks.look();
  for (const { service, life } of all) {
    const member = input.members.get(service.name);
    if (member === undefined || !life.container()?.running() || service.published.length === 0) continue;
    const http = (found.get(service.name)?.probes ?? []).flatMap((probe) => (probe.outcome === 'http' ? [probe.port] : []));
    const ports = new Map(service.published.map(({ port, host }) => [port, host]));
    published.set(service.name, await askPublished(member, ports, new Set(http)));
    talks.look();
  }
  // Those that others hang on come last, so that nobody is told to reload while what it needs does.
  for (const one of all.toReversed()) {
    signal?.throwIfAborted();
    await reloaded(one, found.get(one.service.name)!, input);
  }
  talks.look();
  for (const { service, life } of all.toReversed()) {
    const run = found.get(service.name)!;
    onProgress(`stopping ${service.name}`);
    await ended(life, run, input.like?.get(service.name));
  }
  return new Map(
    services.map(({ name }): [string, ServiceRun] => [
      name,
      {
        observation: found.get(name) ?? notStarted(held.get(name) ?? 'it was not started'),
        restarts: lives.get(name)?.restarts() ?? 0,
        talksTo: talks.of(name),
        published: published.get(name) ?? [],
      },
    ]),
  );
}

/** Quiet, over, or given up on; one that is started again is waited for again. */
async function settled(service: ProjectService, life: Life, input: ExerciseInput): Promise<Seen> {
  const { signal } = input;
  const began = performance.now();
  const like = input.like?.get(service.name);
  let last: Settled = { ready: 'exited', ports: [], processes: [] };
  while (life.over() === undefined && performance.now() - began < RESTARTING_MS) {
    signal?.throwIfAborted();
    const container = life.container();
    if (container === undefined) break;
    last = await settle(
      container,
      {
        ...(input.tracers?.has(service.name) ? { steadyMs: WATCHED_STEADY_MS } : {}),
        eventCount: () => life.session()?.eventCount() ?? 0,
        expectedPorts: like?.ports ?? [],
        ...(announced(service) ? { portlessMs: ANNOUNCED_MS } : {}),
      },
      signal,
    );
    if (last.ready !== 'exited') break;
    await Promise.race([life.ended, pause(200, signal)]);
  }
  return { service, life, settled: last, readyMs: Math.round(performance.now() - began) };
}

const ANNOUNCED_MS = 12_000;

/** It, or its image, names a port: then it is waited for. */
const announced = ({ image, published }: ProjectService): boolean =>
  published.length > 0 || (image.image.config.exposedPorts ?? []).some((port) => !port.endsWith('/udp'));

async function asked({ service, life, settled: { ports, processes }, readyMs }: Seen, input: ExerciseInput): Promise<Mutable> {
  const container = life.container();
  const like = input.like?.get(service.name);
  const refusal = life.refusal();
  if (container === undefined || refusal !== undefined) return notStarted(refusal ?? 'it was not started');
  const running = container.running();
  const own = ports.filter((port) => port.protocol === 'tcp');
  const probes = running ? await probePorts(container, own, service.probePath ?? '/', like?.probes) : [];
  const healthcheck = running && service.health !== undefined ? await healthOf(container, service.health) : undefined;
  const command =
    running && service.probeCommand !== undefined ? await runProbeCommand(container, service.probeCommand) : undefined;
  const alive = container.running();
  const seen = alive ? await container.processes() : processes;
  return {
    outcome: alive ? 'running' : 'exited',
    readyMs,
    ports,
    probes,
    ...(healthcheck === undefined ? {} : { healthcheck }),
    ...(command === undefined ? {} : { command }),
    processes: seen.map(({ command: name, uids, gids }) => ({ command: name, uids, gid: gids[1] ?? 0 })),
    stdout: '',
    stderr: '',
    changes: [],
  };
}

/** A few times: it may just be at work. */
async function healthOf(
  container: Container,
  { argv, timeoutMs }: NonNullable<ProjectService['health']>,
): Promise<{ code: number; output: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const { code, stdout, stderr } = await container.exec(argv, { timeoutMs });
    if (code === 0 || attempt === 3 || !container.running()) return { code, output: (stdout + stderr).slice(0, 2000) };
    await pause(700);
  }
}

async function reloaded({ service, life }: Seen, run: Mutable, input: ExerciseInput): Promise<void> {
  const container = life.container();
  if (run.outcome !== 'running' || !container?.running()) return;
  const like = input.like?.get(service.name);
  const done = await reload(container, {
    ports: run.ports,
    probes: run.probes,
    probePath: service.probePath ?? '/',
    like: like?.reload?.probes ?? run.probes,
    eventCount: () => life.session()?.eventCount() ?? 0,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  if (done !== undefined) run.reload = done;
}

async function ended(life: Life, run: Mutable, like: Observation | undefined): Promise<void> {
  const container = life.container();
  if (container === undefined || run.outcome === 'refused') return;
  const ignored = like?.outcome === 'running' && like.exit?.code === 137;
  const exit = await life.stop(ignored ? 500 : Math.max(GRACE_MS, life.service.surroundings.stopGraceMs ?? 0));
  if (exit !== undefined) run.exit = exit;
  const trace = await life.session()?.finish();
  if (trace !== undefined) run.trace = trace;
  run.changes = await container.changes();
  run.stdout = container.stdout();
  run.stderr = container.stderr();
}

/** Who talks to whom: the other ends of connections, by the addresses of the network and the ports that are listened on there. */
function talkWatch({ members, lives }: ExerciseInput): { look(): void; of(name: string): readonly string[] } {
  const names = new Map([...members].map(([name, { address }]) => [address, name]));
  const seen = new Map<string, Set<string>>();
  return {
    look() {
      // Where several share a network nobody knows whose connection it was: it is its owner's.
      for (const [name, life] of lives) {
        if (!members.has(name)) continue;
        const pid = life.container()?.pid;
        if (pid === undefined || !life.container()?.running()) continue;
        for (const { localPort, address, port } of connections(pid)) {
          const other = names.get(address);
          if (other === undefined || other === name) continue;
          // Who closes first remembers it for a minute, and that may be the one that was asked.
          if (!isEphemeral({ port })) seen.set(name, (seen.get(name) ?? new Set()).add(`${other}:${port}`));
          else if (!isEphemeral({ port: localPort })) seen.set(other, (seen.get(other) ?? new Set()).add(`${name}:${localPort}`));
        }
      }
    },
    of: (name) => [...(seen.get(name) ?? [])].sort(),
  };
}
