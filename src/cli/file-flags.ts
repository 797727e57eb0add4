/** What `unroot fix` takes beside its targets, when those are files. */
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { PatchKind } from '../workload/formats/kubernetes/patch-files.ts';
import type { FailOn } from './exit-code.ts';
import type { ChartFlags } from './manifest-charts.ts';
import type { ProjectFlags } from './project-flags.ts';

export interface FileFlags extends ProjectFlags, ChartFlags {
  readonly out?: string;
  readonly tag?: string;
  readonly prove?: boolean;
  readonly static?: boolean;
  readonly failOn: FailOn;
  readonly portStrategy?: PortStrategy;
  readonly diff?: boolean;
  readonly write?: boolean;
  readonly force?: boolean;
  readonly patch?: PatchKind;
}
