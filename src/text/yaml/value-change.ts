/** Changes plain values by path, without touching what was given. */
import { isPlainObject } from './dump.ts';
import type { Path } from './path.ts';

type Mapping = Readonly<Record<string, unknown>>;

/** What stands at the path, or undefined. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (at, part) =>
      Array.isArray(at)
        ? at[part as number]
        : isPlainObject(at) && Object.hasOwn(at, String(part))
          ? at[String(part)]
          : undefined,
    value,
  );

/** With another value at the path; mappings are made where nothing is. Undefined when text or a list is in the way. */
export function withValue(
  value: unknown,
  path: Path,
  op: 'set' | 'remove' | 'insert',
  put?: unknown,
): { readonly value: unknown } | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return op === 'set' ? { value: put } : undefined;
  const last = rest.length === 0;
  if (Array.isArray(value) || (typeof part === 'number' && (value === undefined || value === null))) {
    const list = (value ?? []) as readonly unknown[];
    if (typeof part !== 'number' || part < 0) return undefined;
    const index = Math.min(part, list.length);
    if (last && op === 'remove') return index === list.length ? { value: list } : { value: list.toSpliced(index, 1) };
    if (last && op === 'insert') return { value: list.toSpliced(index, 0, put) };
    const changed = withValue(list[index], rest, op, put);
    return changed && { value: list.toSpliced(index, 1, changed.value) };
  }
  if (value !== undefined && value !== null && !isPlainObject(value)) return undefined;
  const map: Mapping = value ?? {};
  const key = String(part);
  if (op === 'remove' && !Object.hasOwn(map, key)) return { value };
  if (last && op === 'remove') return { value: Object.fromEntries(Object.entries(map).filter(([name]) => name !== key)) };
  const known = Object.hasOwn(map, key) ? map[key] : undefined;
  const changed = withValue(known, rest, op, put);
  return changed && { value: Object.fromEntries([...Object.entries(map), [key, changed.value]]) };
}

/** The same JSON. Keys may stand in any order. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]));
}
