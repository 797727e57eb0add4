/** A chart as one group of objects, rendered by helm where there is one. */
import type { TextProblem } from '../text/span.ts';
import type { RenderedGroup } from './rendered-group.ts';

export interface ChartRead {
  /** Absent: there is no helm, or it refused. */
  readonly group?: RenderedGroup;
  readonly problems: readonly TextProblem[];
}

export function chartGroup(_folder: string, _values: readonly string[]): ChartRead {
  return { problems: [] };
}
