/** The engines of one piece of work: the one that proves, and the one that is watched. */
import type { Engine, EngineKind, PreparedImage } from '../engine/engine.ts';
import type { KeptVolumes } from '../engine/kept-volumes.ts';
import { UnrootError } from '../error.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Tracer } from '../trace/tracer.ts';

export interface SessionOptions {
  readonly engine: EngineKind | 'auto';
  /** Default: the engine's own. */
  readonly profile?: PlatformProfile;
}

/** The engine that proves, the engine that is watched, and how. */
export interface Session {
  readonly engine: Engine;
  readonly watcher: Engine;
  readonly tracer: Tracer;
  readonly profile: PlatformProfile;
  /** For what a run leaves in its volumes. */
  readonly keep: KeptVolumes;
  /** Known by now: what the engines leave out, and what they could not make of the images they were given. */
  readonly notes: readonly string[];
  /** An engine that gives a container ids of its own, opened on first use; absent where there is none. */
  userNamespaces?(): Promise<Engine | undefined>;
  close(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const { chooseEngine } = await import('../engine/detect.ts');
  const { chooseTracer } = await import('../trace/tracers/choose.ts');
  const { keptVolumes } = await import('../engine/kept-volumes.ts');
  const engine = await chooseEngine(options.engine, options.profile ? { profile: options.profile } : {});
  const watched = await chooseTracer(engine, (kind) => chooseEngine(kind, {}));
  const prepared: PreparedImage[] = [];
  const proving = remembering(engine, prepared);
  const keep = keptVolumes();
  let mapping: Promise<Engine | undefined> | undefined;
  return {
    engine: proving,
    keep,
    userNamespaces: () => {
      mapping ??= engine.kind === 'podman' ? Promise.resolve(engine) : chooseEngine('podman', {}).catch(notThere);
      return mapping;
    },
    watcher: watched.engine === engine ? proving : remembering(watched.engine, prepared),
    tracer: watched.tracer,
    profile: options.profile ?? engine.profile,
    get notes() {
      return [...new Set([...engine.notes, ...watched.notes, ...prepared.flatMap(({ notes }) => notes ?? [])])];
    },
    close: async () => {
      keep.remove();
      const mapped = await mapping;
      if (mapped !== undefined && mapped !== engine) await mapped.close();
      await engine.close();
      if (watched.engine !== engine) await watched.engine.close();
    },
  };
}

/** Of all engines only Podman maps ids for one container; a machine without it goes without that proof. */
function notThere(error: unknown): undefined {
  if (error instanceof UnrootError) return undefined;
  throw error;
}

/** Some of what an image lost is known only once a container of it was made. */
function remembering(engine: Engine, prepared: PreparedImage[]): Engine {
  return {
    ...engine,
    async prepare(image, options) {
      const made = await engine.prepare(image, options);
      prepared.push(made);
      return made;
    },
  };
}

/** What the engine of the proof does otherwise than the platform that was asked for. */
export const differencesOf = (engine: Engine, launches: readonly (Launch | Refusal)[]): readonly string[] =>
  launches.flatMap((launch) => (launch.kind === 'launch' ? engine.differences(launch) : []));
