/** A compose project ready to be started: each service as the process it would be, with what it waits for and how the others find it. */
import type { Engine, PreparedImage } from '../engine/engine.ts';
import type { PublishedAnswer } from '../engine/published.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Observation } from '../prove/observation.ts';
import type { Tracer } from '../trace/tracer.ts';
import type { ComposeDependency } from '../workload/formats/compose/dependencies.ts';
import type { ComposeSurroundings } from '../workload/formats/compose/surroundings.ts';

/** When a container counts as healthy (moby daemon/health.go). */
export interface ServiceHealth {
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly retries: number;
}

export interface PublishedPort {
  /** Inside. */
  readonly port: number;
  /** On the host's loopback; 0 = whichever is free. */
  readonly host: number;
}

export interface ProjectService {
  readonly name: string;
  readonly launch: Launch | Refusal;
  readonly image: PreparedImage;
  readonly dependsOn: readonly ComposeDependency[];
  readonly health?: ServiceHealth;
  readonly surroundings: ComposeSurroundings;
  /** Another service, whose network it has. */
  readonly networkOf?: string;
  readonly published: readonly PublishedPort[];
  /** Run inside, when everything is up. */
  readonly probeCommand?: readonly string[];
  readonly probePath?: string;
}

export interface ProjectRunInput {
  readonly services: readonly ProjectService[];
  /** Can make volumes, and join sandboxes. */
  readonly engine: Engine;
  /** Whom to watch. */
  readonly tracers?: ReadonlyMap<string, Tracer>;
  /** The run to compare with, by service. */
  readonly like?: ReadonlyMap<string, Observation>;
  readonly signal?: AbortSignal;
  readonly onProgress: (message: string) => void;
}

/** What was seen of one service. */
export interface ServiceRun {
  readonly observation: Observation;
  readonly restarts: number;
  /** `db:5432`: connections that it made to others of the project. */
  readonly talksTo: readonly string[];
  readonly published: readonly PublishedAnswer[];
}

export type ProjectRun = ReadonlyMap<string, ServiceRun>;

/** Each after what it waits for; those that wait for each other as they come. */
export function startOrder(services: readonly ProjectService[]): readonly ProjectService[] {
  const by = new Map(services.map((service) => [service.name, service]));
  const done = new Set<string>();
  const order: ProjectService[] = [];
  const visit = (service: ProjectService): void => {
    if (done.has(service.name)) return;
    done.add(service.name);
    for (const { service: name } of service.dependsOn) {
      const other = by.get(name);
      if (other !== undefined) visit(other);
    }
    order.push(service);
  };
  for (const service of services) visit(service);
  return order;
}
