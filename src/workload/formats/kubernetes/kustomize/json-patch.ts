/** RFC 6902 on a traced object. */
import { sameValue } from '../../../../text/yaml/value-change.ts';
import { copied, nodeAt, plainValue, type Traced, type TracedList, type TracedMap } from './traced.ts';

const parts = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Undefined when all operations could be made; else which could not, and why. */
export function applyJsonPatch(target: TracedMap, operations: TracedList): string | undefined {
  for (const operation of operations.items) {
    const fault = applyOne(target, operation);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function applyOne(target: TracedMap, operation: Traced): string | undefined {
  const text = (key: string): string | undefined => {
    const found = operation.kind === 'map' ? operation.entries.get(key) : undefined;
    return found?.kind === 'scalar' && found.value !== null ? String(found.value) : undefined;
  };
  const [op, path, from] = [text('op'), text('path'), text('from')];
  if (op === undefined || path === undefined) return 'an operation of the patch has no op or no path';
  const at = parts(path);
  const value = operation.kind === 'map' ? operation.entries.get('value') : undefined;
  const known = find(target, at);
  const missing = `there is nothing at ${path}, which the patch wants to ${op}`;
  switch (op) {
    case 'add':
      return put(target, at, copied(value ?? nothing(operation)), true) ? undefined : missing;
    case 'replace':
      if (known === undefined) return missing;
      return put(target, at, copied(value ?? nothing(operation)), false) ? undefined : missing;
    case 'remove':
      return known !== undefined && remove(target, at) ? undefined : missing;
    case 'test':
      return known !== undefined && sameValue(plainValue(known), value === undefined ? null : plainValue(value))
        ? undefined
        : `${path} is not what the patch tests for`;
    case 'copy':
    case 'move': {
      const source = from === undefined ? undefined : find(target, parts(from));
      if (source === undefined) return `there is nothing at ${from ?? 'from'}, which the patch wants to ${op}`;
      const taken = copied(source);
      if (op === 'move') remove(target, parts(from!));
      return put(target, at, taken, true) ? undefined : missing;
    }
    default:
      return `the patch has an operation ${op}, which RFC 6902 does not know`;
  }
}

const nothing = (operation: Traced): Traced => ({ kind: 'scalar', value: null, origins: operation.origins });

const indexIn = (list: TracedList, part: string): number =>
  /^-?\d+$/.test(part) ? (Number(part) < 0 ? list.items.length + Number(part) : Number(part)) : -1;

function find(target: Traced, path: readonly string[]): Traced | undefined {
  let at: Traced | undefined = target;
  for (const part of path) {
    if (at === undefined) return undefined;
    at = at.kind === 'list' ? at.items[indexIn(at, part)] : nodeAt(at, [part]);
  }
  return at;
}

function put(target: TracedMap, path: readonly string[], value: Traced, insert: boolean): boolean {
  const last = path.at(-1);
  if (last === undefined) return false;
  const parent = find(target, path.slice(0, -1));
  if (parent?.kind === 'map') {
    parent.entries.set(last, value);
    return true;
  }
  if (parent?.kind !== 'list') return false;
  const index = last === '-' ? parent.items.length : indexIn(parent, last);
  if (index < 0 || index > parent.items.length) return false;
  parent.items.splice(index, insert ? 0 : 1, value);
  return true;
}

function remove(target: TracedMap, path: readonly string[]): boolean {
  const last = path.at(-1);
  const parent = last === undefined ? undefined : find(target, path.slice(0, -1));
  if (parent?.kind === 'map') return parent.entries.delete(last!);
  return parent?.kind === 'list' && parent.items.splice(indexIn(parent, last!), 1).length > 0;
}
