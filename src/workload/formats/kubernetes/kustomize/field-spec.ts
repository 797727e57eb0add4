/** Fields of objects by kind: what a transformer of kustomize works on. */
import type { Resource } from './resource.ts';
import { idOf } from './resource.ts';
import type { Origin, Traced, TracedMap } from './traced.ts';

export interface FieldSpec {
  /** Parts; lists on the way are gone through. */
  readonly path: readonly string[];
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  /** Mappings that are missing on the way are made. */
  readonly create?: boolean;
}

export function selects({ kind, group, version }: Omit<FieldSpec, 'path'>, resource: Resource): boolean {
  const id = idOf(resource.object);
  return (
    (kind === undefined || kind === id.kind) &&
    (group === undefined || group === id.group) &&
    (version === undefined || version === id.version)
  );
}

/** Calls with every mapping that holds the last part of the path. */
export function eachHolder(
  node: Traced,
  path: readonly string[],
  create: Origin | undefined,
  work: (holder: TracedMap, key: string) => void,
): void {
  if (node.kind === 'list') {
    for (const item of node.items) eachHolder(item, path, create, work);
    return;
  }
  const [part, ...rest] = path;
  if (node.kind !== 'map' || part === undefined) return;
  if (rest.length === 0) {
    if (create !== undefined || node.entries.has(part)) work(node, part);
    return;
  }
  let next = node.entries.get(part);
  if (next === undefined || (next.kind === 'scalar' && next.value === null)) {
    // volumeClaimTemplates is a list: none is made.
    if (create === undefined || part === 'volumeClaimTemplates') return;
    next = { kind: 'map', entries: new Map(), origins: [create] };
    node.entries.set(part, next);
  }
  eachHolder(next, rest, create, work);
}
