/** Fields that decide an identity and have a type the API does not take: the whole object is refused when it is sent. */
import type { Path } from '../../../text/yaml/path.ts';
import { isMapping } from './objects.ts';

export interface WrongType {
  /** From the pod on. */
  readonly path: Path;
  /** As Go's decoder says it. */
  readonly message: string;
}

type GoType = 'int64' | 'bool';

const SHARED: readonly (readonly [string, GoType])[] = [
  ['runAsUser', 'int64'],
  ['runAsGroup', 'int64'],
  ['runAsNonRoot', 'bool'],
];
const OF_POD: readonly (readonly [string, GoType])[] = [...SHARED, ['fsGroup', 'int64']];
const OF_CONTAINER: readonly (readonly [string, GoType])[] = [
  ...SHARED,
  ['privileged', 'bool'],
  ['allowPrivilegeEscalation', 'bool'],
  ['readOnlyRootFilesystem', 'bool'],
];
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** The first field of a wrong type, in the words of the API server after `cannot be handled as a KIND: `. */
export function wrongType(pod: unknown, prefix: Path): WrongType | undefined {
  const spec = isMapping(pod) ? pod.spec : undefined;
  if (!isMapping(spec)) return undefined;
  // Go's decoder names the lists on its way, without numbers.
  const at = [...prefix, 'spec'].filter((part) => typeof part === 'string');
  const ofPod = inContext(
    spec.securityContext,
    OF_POD,
    'PodSecurityContext',
    ['spec', 'securityContext'],
    [...at, 'securityContext'],
  );
  if (ofPod !== undefined) return ofPod;
  for (const list of LISTS) {
    const containers = spec[list];
    if (!Array.isArray(containers)) continue;
    for (const [index, container] of containers.entries()) {
      const context = isMapping(container) ? container.securityContext : undefined;
      const path = ['spec', list, index, 'securityContext'];
      const found = inContext(context, OF_CONTAINER, 'SecurityContext', path, [...at, list, 'securityContext']);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function inContext(
  context: unknown,
  fields: readonly (readonly [string, GoType])[],
  struct: string,
  path: Path,
  words: readonly string[],
): WrongType | undefined {
  if (!isMapping(context)) return undefined;
  for (const [field, type] of fields) {
    const value = context[field];
    if (value === undefined || value === null) continue;
    const right = type === 'bool' ? typeof value === 'boolean' : Number.isInteger(value);
    if (right) continue;
    const message = `json: cannot unmarshal ${goKind(value)} into Go struct field ${struct}.${[...words, field].join('.')} of type ${type}`;
    return { path: [...path, field], message };
  }
  return undefined;
}

/** encoding/json's name for what stood there; a number that does not fit is shown. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value === 'string' ? 'string' : 'object';
}
