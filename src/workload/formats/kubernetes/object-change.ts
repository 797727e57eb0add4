/** Changes of Kubernetes objects before they are written down in one way or another: as edits, as patches. */
import type { TextEdit } from '../../../text/edit.ts';
import type { SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import { changeYaml, type YamlChange } from '../../../text/yaml/edit.ts';
import type { Path } from '../../../text/yaml/path.ts';
import { sameValue, valueAt, withValue } from '../../../text/yaml/value-change.ts';
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

/** The same with fewer changes: what is new below something new goes with it. */
export function folded({ object, changes }: ObjectChange): readonly YamlChange[] {
  const out: YamlChange[] = [];
  /** Places in `out` of what is new, by its path. */
  const fresh: number[] = [];
  let value: unknown = object.value;
  for (const change of changes) {
    const { op, path, value: put } = change;
    const next = withValue(value, path, op, put);
    // What has no place is told when it is written.
    if (next !== undefined && sameValue(next.value, value)) continue;
    const at = fresh.find((index) => isWithin(path, out[index]!.path));
    if (at !== undefined) {
      const known = out[at]!;
      out[at] = { ...known, value: withValue(known.value, path.slice(known.path.length), op, put)?.value };
    } else {
      const made = missing(value, path);
      const whole = made.length === path.length || next === undefined || op === 'remove';
      if (!whole) fresh.push(out.length);
      out.push(whole ? change : { ...change, op: 'set', path: made, value: valueAt(next.value, made) });
    }
    value = next?.value ?? value;
  }
  return out;
}

const isWithin = (path: Path, outer: Path): boolean =>
  path.length > outer.length && outer.every((part, index) => path[index] === part);

/** The path as far as it is there, and one part more. */
function missing(value: unknown, path: Path): Path {
  for (let length = 1; length < path.length; length += 1) {
    const at = valueAt(value, path.slice(0, length));
    if (at === undefined || at === null) return path.slice(0, length);
  }
  return path;
}

/** As edits of the files that the objects were read from. */
export function editsOfObjects(objects: readonly ObjectChange[]): WrittenChange {
  const files = new Map<SourceFile, YamlChange[]>();
  for (const one of objects) {
    const { source, node } = one.object;
    const list = files.get(source) ?? [];
    files.set(source, list);
    for (const change of folded(one)) list.push({ ...change, from: node });
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
