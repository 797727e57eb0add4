/** The engines of one piece of work: the one that proves, and the one that is watched. */
import type { Engine, EngineKind } from '../engine/engine.ts';
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
  readonly notes: readonly string[];
  close(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const { chooseEngine } = await import('../engine/detect.ts');
  const { chooseTracer } = await import('../trace/tracers/choose.ts');
  const engine = await chooseEngine(options.engine, options.profile ? { profile: options.profile } : {});
  const watched = await chooseTracer(engine, (kind) => chooseEngine(kind, {}));
  return {
    engine,
    watcher: watched.engine,
    tracer: watched.tracer,
    profile: options.profile ?? engine.profile,
    notes: [...engine.notes, ...watched.notes],
    close: async () => {
      await engine.close();
      if (watched.engine !== engine) await watched.engine.close();
    },
  };
}
