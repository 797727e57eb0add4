/** The objects of a document: itself, or those of a List, as `kubectl get -o yaml` prints them. */
import type { FieldPath } from './control.ts';

export interface ListedObject {
  readonly object: unknown;
  /** From the top of the document. */
  readonly path: FieldPath;
}

/** Lists in lists end somewhere. */
const DEEPEST = 4;

/** A list of one kind may leave kind and apiVersion out of its items: they are filled in. */
export function listedObjects(value: unknown, path: FieldPath = []): readonly ListedObject[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return [{ object: value, path }];
  const { kind, apiVersion, items } = value as Readonly<Record<string, unknown>>;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items) || path.length >= 2 * DEEPEST)
    return [{ object: value, path }];
  const filled = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
  return (items as readonly unknown[]).flatMap((item, index) =>
    listedObjects(typeof item === 'object' && item !== null && !Array.isArray(item) ? { ...filled, ...item } : item, [
      ...path,
      'items',
      index,
    ]),
  );
}
