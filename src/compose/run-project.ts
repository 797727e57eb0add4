/** Runs a whole project once, on a network of its own: started in order, watched until all of it is quiet, asked, stopped in the reverse order. */
import type { Engine, SharedVolume } from '../engine/engine.ts';
import { projectFolders } from '../engine/project-folders.ts';
import { type NetworkMember, openNetwork } from '../engine/project-network.ts';
import type { Launch, LaunchMount } from '../launch/launch.ts';
import { notStarted } from '../prove/observation.ts';
import { exercise } from './exercise.ts';
import { waitHealthy } from './health.ts';
import { type Life, serviceLife } from './life.ts';
import { type ProjectRun, type ProjectRunInput, type ProjectService, startOrder } from './project.ts';

/** How long somebody waits for a service that has to come to its end. */
const COMPLETION_MS = 180_000;

/** Everything it made is gone when it resolves or throws. */
export async function runProject(input: ProjectRunInput): Promise<ProjectRun> {
  const { services, engine, signal } = input;
  const startable = services.filter(({ launch }) => launch.kind === 'launch');
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const folders = await projectFolders(startable.map(({ launch }) => launch as Launch));
    closers.push(() => folders.close());
    const volumes = await sharedVolumes(engine, startable, closers);
    const network = await openNetwork();
    closers.push(() => network.close());
    const members = new Map<string, NetworkMember>();
    for (const { name, networkOf, launch } of startable) {
      signal?.throwIfAborted();
      if (networkOf === undefined && (launch as Launch).network !== 'none') members.set(name, await network.join());
    }
    const lives = new Map<string, Life>();
    for (const service of startable) {
      const launch = service.launch as Launch;
      const member = memberOf(service, services, members);
      const tracer = input.tracers?.get(service.name);
      const { surroundings } = service;
      const life = serviceLife(service, {
        launch: folders.over(withoutSecondFill(service, startable), surroundings.files),
        create: {
          ...(member === undefined ? {} : { sandbox: member.pid, names: member.names(surroundings.hosts) }),
          volumes: volumesOf(launch, volumes),
          ...(signal === undefined ? {} : { signal }),
        },
        ...(member === undefined || service.networkOf !== undefined ? {} : { member }),
        shared: service.networkOf !== undefined || startable.some(({ networkOf }) => networkOf === service.name),
        names: [service.name, ...surroundings.names, ...linkedAs(service.name, services)],
        ...(tracer === undefined ? {} : { tracer }),
        ...(signal === undefined ? {} : { signal }),
      });
      lives.set(service.name, life);
      closers.push(() => life.remove());
    }
    const held = await startAll(input, lives);
    signal?.throwIfAborted();
    const runs = await exercise({ ...input, services: startOrder(startable), lives, members, held });
    const out = new Map(runs);
    for (const { name, launch } of services)
      if (launch.kind === 'refusal')
        out.set(name, { observation: notStarted(launch.message), restarts: 0, talksTo: [], published: [] });
    return out;
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

/** Named volumes are new, and the same one for all that mount them. */
async function sharedVolumes(
  engine: Engine,
  services: readonly ProjectService[],
  closers: (() => Promise<void> | void)[],
): Promise<ReadonlyMap<string, SharedVolume>> {
  const out = new Map<string, SharedVolume>();
  for (const { launch } of services)
    for (const { type, source, origin } of (launch as Launch).mounts) {
      if (type !== 'volume' || origin !== 'settings' || source === undefined || out.has(source)) continue;
      const made = await engine.makeVolume!();
      closers.push(() => made.remove());
      out.set(source, made);
    }
  return out;
}

const volumesOf = ({ mounts }: Launch, volumes: ReadonlyMap<string, SharedVolume>): ReadonlyMap<string, string> =>
  new Map(
    mounts.flatMap(({ type, source, target }) => {
      const made = type === 'volume' && source !== undefined ? volumes.get(source) : undefined;
      return made === undefined ? [] : [[target, made.id] as const];
    }),
  );

/**
 * Compose creates all containers before it starts the first, and it is then that a volume gets what an image has in its place. Here a container
 * is made when it starts: what another one of the same image has filled, and perhaps given to somebody, is not filled again.
 */
export function withoutSecondFill(service: ProjectService, all: readonly ProjectService[]): Launch {
  const launch = service.launch as Launch;
  const filled = new Set(
    waitedFor(service, all)
      .filter(({ image }) => image === service.image)
      .flatMap(({ launch: one }) => (one.kind === 'launch' ? one.mounts : []))
      .flatMap((mount) => placeOf(mount) ?? []),
  );
  if (filled.size === 0) return launch;
  const mounts = launch.mounts.map((mount): LaunchMount => {
    const { copiesImageContent: _, ...rest } = mount;
    return filled.has(placeOf(mount) ?? '') ? rest : mount;
  });
  return { ...launch, mounts };
}

const placeOf = ({ type, source, target }: LaunchMount): string | undefined =>
  type === 'volume' && source !== undefined ? `${source} ${target}` : undefined;

/** Everybody who has come to his end before it starts. */
function waitedFor(
  service: ProjectService,
  all: readonly ProjectService[],
  seen: Set<string> = new Set(),
): readonly ProjectService[] {
  return service.dependsOn.flatMap(({ service: name, condition: wanted }) => {
    const other = all.find((one) => one.name === name);
    if (other === undefined || seen.has(name)) return [];
    seen.add(name);
    return [...(wanted === 'service_completed_successfully' ? [other] : []), ...waitedFor(other, all, seen)];
  });
}

/** Its own place, or that of the service whose network it has in the end. */
function memberOf(
  service: ProjectService,
  all: readonly ProjectService[],
  members: ReadonlyMap<string, NetworkMember>,
): NetworkMember | undefined {
  let at: ProjectService | undefined = service;
  for (let steps = 0; steps <= all.length && at?.networkOf !== undefined; steps += 1) {
    const networkOf: string = at.networkOf;
    at = all.find(({ name }) => name === networkOf);
  }
  return at === undefined ? undefined : members.get(at.name);
}

const linkedAs = (name: string, all: readonly ProjectService[]): readonly string[] =>
  all.flatMap(({ surroundings }) => surroundings.links.flatMap((link) => (link.service === name ? [link.name] : [])));

/** Those that were not started, with the reason in compose's words. */
async function startAll(input: ProjectRunInput, lives: ReadonlyMap<string, Life>): Promise<ReadonlyMap<string, string>> {
  const { services, signal, onProgress } = input;
  const held = new Map<string, string>();
  const begun = new Map<string, Promise<void>>();
  const by = new Map(services.map((service) => [service.name, service]));
  for (const { name, launch } of services) if (launch.kind === 'refusal') held.set(name, launch.message);
  const begin = (service: ProjectService): Promise<void> => {
    const known = begun.get(service.name);
    if (known !== undefined) return known;
    const made = (async () => {
      const life = lives.get(service.name);
      if (life === undefined) return;
      // With its network, or not at all.
      const needed = service.networkOf === undefined || service.dependsOn.some((one) => one.service === service.networkOf);
      const waits = needed
        ? service.dependsOn
        : [...service.dependsOn, { service: service.networkOf!, condition: 'service_started' as const, required: true }];
      const all = await Promise.all(
        waits.map(async (one) => {
          const other = by.get(one.service);
          if (other === undefined) return undefined;
          await begin(other);
          const why = held.get(one.service) ?? (await condition(one.condition, lives.get(one.service), signal));
          return why !== undefined && one.required ? why : undefined;
        }),
      );
      const why = all.find((one) => one !== undefined);
      if (why !== undefined) {
        held.set(service.name, `dependency failed to start: ${why.replace(/^dependency failed to start: /, '')}`);
        return;
      }
      signal?.throwIfAborted();
      onProgress(`starting ${service.name}`);
      await life.start();
    })();
    begun.set(service.name, made);
    return made;
  };
  const results = await Promise.allSettled(services.map(begin));
  const broken = results.find((result) => result.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  return held;
}

/** Why it does not hold, in compose's words. */
async function condition(
  wanted: ProjectService['dependsOn'][number]['condition'],
  life: Life | undefined,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (life === undefined) return undefined;
  const { name } = life.service;
  const refused = life.refusal();
  if (refused !== undefined) return `container ${name}: ${refused}`;
  if (wanted === 'service_started') return undefined;
  if (wanted === 'service_healthy') return waitHealthy(life, signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: () => void = () => undefined;
  const late = new Promise<void>((resolve) => {
    stop = resolve;
    timer = setTimeout(resolve, COMPLETION_MS);
  });
  signal?.addEventListener('abort', stop, { once: true });
  await Promise.race([life.ended, late]);
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  const over = life.over();
  if (over === undefined) return `service "${name}" has not ended after ${COMPLETION_MS / 1000} s`;
  return over.code === 0 ? undefined : `service "${name}" didn't complete successfully: exit ${over.code}`;
}
