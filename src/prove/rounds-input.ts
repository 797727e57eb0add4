/** What the search for the smallest change works with. */
import type { PreparedImage } from '../engine/engine.ts';
import type { KeptVolumes } from '../engine/kept-volumes.ts';
import type { LayerChange, Run } from '../finding/fix.ts';
import type { Recipient } from '../fixes/context.ts';
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { Image } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Tracer } from '../trace/tracer.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Observe, ObserveOptions } from './observe.ts';
import type { Subject } from './subject.ts';

export interface RoundsInput {
  readonly subject: Subject;
  readonly recipient: Recipient;
  readonly settings: ContainerSettings;
  readonly profile: PlatformProfile;
  /** The result shall run with a read-only root; what it is compared with runs as the image says. */
  readonly readOnly?: boolean;
  /** Makes an image runnable on the engine that is traced on; called for the image and for every derived one. */
  readonly prepare: (image: Image) => Promise<PreparedImage>;
  /** Builds the image with the one added layer. */
  readonly derive: (layer: readonly LayerChange[], run: Run) => Promise<Image>;
  /** The same on an engine with user namespaces; undefined where there is none. */
  readonly prepareMapped?: (image: Image) => Promise<PreparedImage | undefined>;
  readonly tracer: Tracer;
  readonly observe: ObserveOptions;
  /** Runs it; absent = by itself. */
  readonly run?: Observe;
  /** What becomes of low ports; default `auto`. */
  readonly portStrategy?: PortStrategy;
  /** Keeps what the run as the image says leaves in its volumes. */
  readonly keep: KeptVolumes;
  readonly onProgress: (message: string) => void;
}
