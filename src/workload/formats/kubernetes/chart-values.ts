/**
 * Which values of a chart reach which fields of its objects. Found out by asking: every value that a template names is marked, and where the
 * marks come out is what it reaches. Nothing is guessed from the templates' language.
 */
import { isPlainObject } from '../../../text/yaml/dump.ts';
import type { Path } from '../../../text/yaml/path.ts';
import { valueAt, withValue } from '../../../text/yaml/value-change.ts';

/** A value and what it is given to be found again. */
export interface Mark {
  readonly value: Path;
  readonly kind: 'map' | 'list' | 'number' | 'text';
  readonly mark: string | number;
}

/** A field of an object that a value fills. */
export interface Exposed {
  readonly object: string;
  readonly field: Path;
  readonly value: Path;
  readonly kind: Mark['kind'];
}

const MOST = 200;
const NUMBERS = 41_000;

/** Paths that templates name: `.Values.service.port`. */
export function namedValues(templates: Iterable<string>): readonly Path[] {
  const found = new Map<string, Path>();
  for (const text of templates)
    for (const [, path] of text.matchAll(/\.Values((?:\.[A-Za-z_]\w*)+)/g)) {
      const parts = path!.slice(1).split('.');
      found.set(parts.join('.'), parts);
    }
  return [...found.values()].slice(0, MOST);
}

/** What can be asked of them; words and switches would change which objects there are. */
export function marksFor(paths: readonly Path[], values: unknown): readonly Mark[] {
  return paths.flatMap((value, index): readonly Mark[] => {
    const now = valueAt(values, value);
    if (Array.isArray(now)) return [{ value, kind: 'list', mark: `unroot-mark-${index}` }];
    if (
      isPlainObject(now) ||
      ((now === undefined || now === null) && /context|ctx|ports?$|volumes|mounts|env$/i.test(String(value.at(-1))))
    )
      return /volumes$|mounts$|^env$|extraenv$/i.test(String(value.at(-1))) && !isPlainObject(now)
        ? [{ value, kind: 'list', mark: `unroot-mark-${index}` }]
        : [{ value, kind: 'map', mark: `unrootMark${index}` }];
    if (typeof now === 'number') return [{ value, kind: 'number', mark: NUMBERS + index }];
    return typeof now === 'string' && /^(?:tag|repository|image|registry)$/i.test(String(value.at(-1)))
      ? [{ value, kind: 'text', mark: `unroot-mark-${index}` }]
      : [];
  });
}

/** Values with marks. */
export function markedValues(values: unknown, marks: readonly Mark[]): unknown {
  return marks.reduce<unknown>((at, { value, kind, mark }) => {
    const now = valueAt(at, value);
    const put =
      kind === 'map'
        ? { ...(isPlainObject(now) ? now : {}), [mark]: 'unroot' }
        : kind === 'list'
          ? [...(Array.isArray(now) ? now : []), { name: mark }]
          : mark;
    return withValue(at, value, 'set', put)?.value ?? at;
  }, values);
}

export const objectKey = (value: unknown): string => {
  const { kind, metadata } = (isPlainObject(value) ? value : {}) as {
    kind?: unknown;
    metadata?: { name?: unknown; namespace?: unknown };
  };
  return [kind, metadata?.namespace, metadata?.name].map((part) => String(part ?? '')).join('/');
};

/** Where the marks came out. */
export function exposedIn(objects: readonly unknown[], marks: readonly Mark[]): readonly Exposed[] {
  const out: Exposed[] = [];
  const byMark = new Map(marks.map((one) => [String(one.mark), one]));
  for (const object of objects) {
    const key = objectKey(object);
    const put = (mark: Mark | undefined, kind: Mark['kind'], field: Path): void => {
      if (mark?.kind === kind) out.push({ object: key, field, value: mark.value, kind });
    };
    const walk = (at: unknown, path: Path): void => {
      if (Array.isArray(at)) {
        for (const [index, item] of at.entries()) {
          if (isPlainObject(item) && typeof item.name === 'string') put(byMark.get(item.name), 'list', path);
          walk(item, [...path, index]);
        }
      } else if (isPlainObject(at))
        for (const [name, item] of Object.entries(at)) {
          put(byMark.get(name), 'map', path);
          walk(item, [...path, name]);
        }
      else if (typeof at === 'number') put(byMark.get(String(at)), 'number', path);
    };
    walk(object, []);
  }
  return out;
}

/** The value that fills the field, or a mapping or list around it, with the rest of the way. */
export function valueFor(exposed: readonly Exposed[], object: string, field: Path): Path | undefined {
  const fits = exposed
    .filter((one) => one.object === object && one.field.every((part, index) => field[index] === part))
    .filter((one) => one.kind === 'map' || one.kind === 'list' || one.field.length === field.length)
    .sort((a, b) => b.field.length - a.field.length);
  const [best] = fits;
  return best === undefined ? undefined : [...best.value, ...field.slice(best.field.length)];
}
