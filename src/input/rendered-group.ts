/** Objects that are made from several files together: an overlay, a chart. */
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import type { ObjectChange } from '../workload/formats/kubernetes/object-change.ts';
import type { NoOrigin, OriginChange } from '../workload/formats/kubernetes/origin-change.ts';

export interface GroupChanges {
  readonly changes: readonly OriginChange[];
  /** What must come out, when it is not what was asked for word by word. */
  readonly wanted?: ObjectChange;
}

export interface RenderedGroup {
  /** `overlays/prod`. */
  readonly name: string;
  /** What they are together, as a text whose places are those of the files. */
  readonly source: SourceFile;
  /** What it was made from, as far as it can be changed. */
  readonly files: readonly SourceFile[];
  readonly problems: readonly TextProblem[];
  /** The changes of one object as changes of the files; `index`: its number among the documents. From one attempt to the next they go elsewhere. */
  readonly changesOf: (index: number, change: ObjectChange, attempt: number) => GroupChanges | NoOrigin;
  readonly attempts: number;
  /** The text as it would be with other texts in its files, by path. */
  readonly again: (texts: ReadonlyMap<string, string>) => SourceFile;
}
