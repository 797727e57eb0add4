/** What is asked for around one image that is run, checked or changed. */
import type { EngineKind } from '../engine/engine.ts';
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Observe } from './observe.ts';
import type { Session } from './session.ts';

export interface ImageOptions {
  /** Default 10001. */
  readonly user?: string;
  readonly settings: ContainerSettings;
  /** The result of a fix shall run with a read-only root; "before" runs as the settings say. */
  readonly readOnly?: boolean;
  /** Default: the chosen engine's own. */
  readonly profile?: PlatformProfile;
  readonly engine: EngineKind | 'auto';
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
  readonly probeCommand?: readonly string[];
  readonly probePath?: string;
  /** What becomes of low ports; default `auto`. */
  readonly portStrategy?: PortStrategy;
  /** Engines that are open already, and stay open. */
  readonly session?: Session;
  /** Of a program that needs others: how it is run among them, watched. Absent = by itself. */
  readonly run?: Observe;
}
