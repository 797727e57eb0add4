/** A compose project on its way to being run here: its services with their images, and what of it is never done on somebody's machine. */
import type { ProjectService, ServiceHealth } from '../compose/project.ts';
import type { PreparedImage } from '../engine/engine.ts';
import { processStatus } from '../engine/proc.ts';
import { refusedBinds } from '../engine/project-folders.ts';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { launchOf, readSubject } from '../prove/subject.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import type { ComposeProject, ComposeWorkload } from '../workload/formats/compose/read.ts';
import type { ContainerImages } from './container-images.ts';
import { containersOf, imageOf } from './manifest-containers.ts';

export interface StagedService {
  readonly workload: ComposeWorkload;
  readonly image: Image;
  readonly settings: ContainerSettings;
  readonly launch: Launch | Refusal;
}

export interface Stage {
  readonly services: readonly StagedService[];
  /** What is otherwise here than the files say, in words. */
  readonly notes: readonly string[];
}

export interface StageOptions {
  readonly images: ContainerImages;
  /** Images that exist only here, by the name the files give them. */
  readonly made?: ReadonlyMap<string, Image>;
  readonly profile: PlatformProfile;
  /** The project's own. */
  readonly folder: string;
  readonly allowedBinds: readonly string[];
}

/** Throws `compose.not-runnable` with everything that stands in the way. */
export async function stageProject(project: ComposeProject, options: StageOptions): Promise<Stage> {
  const { images, made, profile, folder, allowedBinds } = options;
  const problems: string[] = project.problems.flatMap(({ severity, message, where: { file, line, column } }) =>
    severity === 'error' ? [`${[file, line, column].filter((part) => part !== undefined).join(':')}: ${message}`] : [],
  );
  const notes: string[] = [];
  const services: StagedService[] = [];
  const bounding = processStatus(process.pid)?.capabilities.bounding;
  for (const one of containersOf(project.workloads)) {
    const { workload, container } = one;
    const { surroundings } = workload.service;
    if (workload.kind !== 'service' || workload.service.inactive === true || surroundings.scale === 0) continue;
    for (const { service: name, required } of workload.service.dependsOn) {
      const other = project.workloads.find((each) => each.name === name)?.service;
      if (required && other?.inactive === true)
        problems.push(
          `service ${name} is required by ${container.name} but is disabled. Can be enabled by profiles [${other.profiles.join(' ')}]`,
        );
    }
    if (container.unknown !== undefined) problems.push(`${container.name}: ${container.unknown}`);
    if (container.settings.privileged === true)
      problems.push(`${container.name} is privileged: what it may do to this machine is nothing for a trial run`);
    const own = container.image === undefined ? undefined : made?.get(container.image);
    const found = own === undefined ? await imageOf(one, images, async (image): Promise<Image> => image) : { value: own };
    if ('missing' in found) {
      problems.push(`${container.name}: ${found.missing} (--image NAME=TARGET says where an image is)`);
      continue;
    }
    const settings = runnable(container.settings, container.name, notes, problems);
    const subject = await readSubject(found.value);
    const launch = launchOf(subject, settings, profile, bounding === undefined ? undefined : { bounding });
    services.push({ workload, image: found.value, settings, launch });
    if (surroundings.scale > 1) notes.push(`${container.name}: one of ${surroundings.scale} was run`);
    for (const name of surroundings.hostNamespaces)
      notes.push(`${container.name}: its ${name} namespace is its own here, not the host's`);
    for (const { target, content } of surroundings.files)
      if (content === undefined) notes.push(`${container.name}: ${target} is empty here, because its variable is not set`);
  }
  const launches = services.flatMap(({ launch }) => (launch.kind === 'launch' ? [launch] : []));
  problems.push(...refusedBinds(launches, folder, allowedBinds));
  if (services.length === 0 && problems.length === 0) problems.push('it has no service that would be started (profiles?)');
  if (problems.length > 0)
    throw new UnrootError(
      problems.length === 1
        ? `project ${project.name} cannot be run here: ${problems[0]}`
        : `project ${project.name} cannot be run here:\n${problems.map((text) => `  ${text}`).join('\n')}`,
      { code: 'compose.not-runnable', where: { file: project.sources[0]?.path ?? project.name } },
    );
  const networks = new Set(services.flatMap(({ workload }) => workload.service.networks.map(({ name }) => name)));
  if (networks.size > 1) notes.push(`networks ${[...networks].join(', ')} are one here: everybody reaches everybody`);
  return { services, notes };
}

/** As it can be had here: the network is the project's, whatever volume it wants is a new one. */
function runnable(settings: ContainerSettings, name: string, notes: string[], problems: string[]): ContainerSettings {
  const { network, volumes = [], ...rest } = settings;
  if (network === 'host') notes.push(`${name}: it has the network of the project here, not the host's`);
  const made = volumes.map((volume): Volume => {
    if (volume.kind !== 'external') return volume;
    if (volume.type?.startsWith('external ') === true && volume.source === undefined) {
      problems.push(`${name}: ${volume.type} lies somewhere else, and what is in it is not known here`);
      return volume;
    }
    if (volume.type === 'image') problems.push(`${name}: an image mounted at ${volume.target} is not given to trial runs`);
    if (volume.type !== 'volume shared with other images')
      notes.push(`${name}: ${volume.type ?? 'the volume'} at ${volume.target} is a new, empty one here`);
    const { type: _, subPath: __, ...plain } = volume;
    return { ...plain, kind: 'named' };
  });
  return { ...rest, ...(network === 'none' ? { network } : {}), ...(made.length === 0 ? {} : { volumes: made }), name };
}

/** docker's own (moby daemon/health.go). */
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, retries: 3 };

function healthOf({ workload, image }: StagedService): ServiceHealth | undefined {
  const said = workload.service.healthcheck;
  const own = image.config.healthcheck;
  if (said?.disabled === true) return undefined;
  const [kind, ...words] = own?.test ?? [];
  const argv = said?.test ?? (kind === 'CMD' ? words : kind === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : []);
  if (argv.length === 0) return undefined;
  const ms = (nanoseconds: number | undefined): number | undefined =>
    nanoseconds === undefined || nanoseconds === 0 ? undefined : nanoseconds / 1e6;
  return {
    argv,
    intervalMs: said?.interval ?? ms(own?.interval) ?? DEFAULTS.intervalMs,
    timeoutMs: said?.timeout ?? ms(own?.timeout) ?? DEFAULTS.timeoutMs,
    startPeriodMs: said?.startPeriod ?? ms(own?.startPeriod) ?? DEFAULTS.startPeriodMs,
    retries: said?.retries ?? (own?.retries || undefined) ?? DEFAULTS.retries,
  };
}

export interface Asking {
  /** `--publish`: the host ports of the file. */
  readonly publish: boolean;
  /** A shell line for one service. */
  readonly probe?: { readonly service: string; readonly line: string };
  readonly probePath?: string;
}

export function projectService(staged: StagedService, image: PreparedImage, asking: Asking): ProjectService {
  const { workload, launch } = staged;
  const { service, name } = workload;
  const health = healthOf(staged);
  const mode = service.networkMode;
  const published = new Map(
    service.ports.flatMap(({ target, published: host, protocol }) =>
      protocol === 'tcp' ? [[target, asking.publish && /^\d+$/.test(host ?? '') ? Number(host) : 0] as const] : [],
    ),
  );
  return {
    name,
    launch,
    image,
    dependsOn: service.dependsOn,
    ...(health === undefined ? {} : { health }),
    surroundings: service.surroundings,
    ...(mode?.startsWith('service:') === true ? { networkOf: mode.slice('service:'.length) } : {}),
    published: [...published].map(([port, host]) => ({ port, host })),
    ...(asking.probe?.service === name ? { probeCommand: ['/bin/sh', '-c', asking.probe.line] } : {}),
    ...(asking.probePath === undefined ? {} : { probePath: asking.probePath }),
  };
}
