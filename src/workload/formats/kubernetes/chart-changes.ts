/** Changes of a chart's objects as changes of its values, as far as it exposes them. */
import { isPlainObject } from '../../../text/yaml/dump.ts';
import type { YamlChange } from '../../../text/yaml/edit.ts';
import { type Path, pathText } from '../../../text/yaml/path.ts';
import { sameValue, valueAt } from '../../../text/yaml/value-change.ts';
import { type Exposed, objectKey, valueFor } from './chart-values.ts';
import { AT_END, folded, type ObjectChange } from './object-change.ts';
import type { NoOrigin } from './origin-change.ts';

export interface ChartChanges {
  /** Paths in the values. */
  readonly changes: readonly YamlChange[];
  /** What must come out, when it is not what was asked for word by word. */
  readonly wanted?: ObjectChange;
}

/** `atContainers`: what is asked of the pod is asked of each of its containers. */
export function chartChanges(change: ObjectChange, exposed: readonly Exposed[], atContainers: boolean): ChartChanges | NoOrigin {
  const { object } = change;
  const key = objectKey(object.value);
  const asked = atContainers ? { object, changes: change.changes.flatMap((one) => lowered(one, object.value)) } : change;
  const changes: YamlChange[] = [];
  for (const one of folded(asked)) {
    const made = valueChanges(one, object.value, key, exposed);
    if ('fault' in made) return made;
    for (const each of made) if (!changes.some((known) => same(known, each))) changes.push(each);
  }
  return { changes, ...(atContainers ? { wanted: asked } : {}) };
}

const same = (a: YamlChange, b: YamlChange): boolean =>
  a.op === b.op && pathText(a.path) === pathText(b.path) && sameValue(a.value, b.value);

function valueChanges(
  { op, path, value }: YamlChange,
  now: unknown,
  key: string,
  exposed: readonly Exposed[],
): readonly YamlChange[] | NoOrigin {
  const field = op === 'insert' ? path.slice(0, -1) : path;
  const found = valueFor(exposed, key, field);
  if (found !== undefined) {
    // Items of a list that the template writes itself are none of the value's.
    if (op === 'insert') return [{ op, path: [...found, AT_END], value }];
    return [{ op, path: found, ...(op === 'remove' ? {} : { value }) }];
  }
  const known = valueAt(now, path);
  if (op === 'set' && isPlainObject(value)) {
    const out: YamlChange[] = [];
    for (const [name, item] of Object.entries(value)) {
      if (isPlainObject(known) && sameValue(known[name], item)) continue;
      const made = valueChanges({ op, path: [...path, name], value: item }, now, key, exposed);
      if ('fault' in made) return made;
      out.push(...made);
    }
    if (out.length > 0 || isPlainObject(known)) return out;
  }
  return { fault: `no value of the chart reaches ${pathText(path)}: its template must say it, or a post-renderer` };
}

const SHARED = new Set(['runAsNonRoot', 'runAsUser', 'runAsGroup', 'seccompProfile']);

/** A field of the pod's context at the containers that do not say it themselves. */
function lowered(change: YamlChange, object: unknown): readonly YamlChange[] {
  const { op, path, value } = change;
  const at = path.lastIndexOf('securityContext');
  const field = path[at + 1];
  if (op !== 'set' || at < 1 || path[at - 1] !== 'spec' || !SHARED.has(String(field)) || path.length !== at + 2) return [change];
  const spec: Path = path.slice(0, at);
  return (['initContainers', 'containers'] as const).flatMap((list) => {
    const all = valueAt(object, [...spec, list]);
    return (Array.isArray(all) ? all : []).flatMap((_, index): readonly YamlChange[] => {
      const own: Path = [...spec, list, index, 'securityContext', field!];
      return valueAt(object, own) === undefined ? [{ op, path: own, value }] : [];
    });
  });
}
