/** Changes of Kubernetes objects before they are written down in one way or another: as edits, as patches. */
import type { TextEdit } from '../../../text/edit.ts';
import type { SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import { changeYaml, type YamlChange } from '../../../text/yaml/edit.ts';
import type { WrittenChange } from '../../change.ts';
import type { KubernetesObject } from './objects.ts';

/** As the number of an item: behind the last. */
export const AT_END = 1_000_000_000;

/** Paths begin at the object. */
export interface ObjectChange {
  readonly object: KubernetesObject;
  readonly changes: readonly YamlChange[];
}

export interface PlannedChanges {
  /** One for each object that changes. */
  readonly objects: readonly ObjectChange[];
  readonly problems: readonly TextProblem[];
}

/** As edits of the files that the objects were read from. */
export function editsOfObjects(objects: readonly ObjectChange[]): WrittenChange {
  const files = new Map<SourceFile, YamlChange[]>();
  for (const { object, changes } of objects) {
    const list = files.get(object.source) ?? [];
    files.set(object.source, list);
    for (const change of changes) list.push({ ...change, from: object.node });
  }
  const edits: TextEdit[] = [];
  const problems: TextProblem[] = [];
  for (const [file, changes] of files) {
    const made = changeYaml(file, changes);
    for (const edit of made.edits) edits.push(edit);
    for (const problem of made.problems) problems.push(problem);
  }
  return { edits, problems };
}
