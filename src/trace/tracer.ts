/** How a run is watched. */
import type { Container } from '../engine/engine.ts';
import type { Launch } from '../launch/launch.ts';
import type { Trace } from './event.ts';

/** A watch on one container: attach after create, before start; finish after it has ended (or to cut it short). */
export interface TraceSession {
  /** Events so far; cheap enough to poll for quietness. */
  readonly eventCount: () => number;
  finish(): Promise<Trace>;
  /** Stops watching and removes its files, without a result. */
  abort(): Promise<void>;
}

export interface Tracer {
  readonly kind: Trace['tracer'];
  attach(container: Container, launch: Launch): Promise<TraceSession>;
}
