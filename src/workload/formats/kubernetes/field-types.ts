/** Fields of a type that the API does not take: the whole object is refused when it is sent. */
import type { Path } from '../../../text/yaml/path.ts';
import { isMapping } from './objects.ts';

export interface WrongType {
  /** From the pod on. */
  readonly path: Path;
  /** As Go's decoder says it. */
  readonly message: string;
}

type GoType = 'int64' | 'int32' | 'bool' | 'string' | '[]string' | 'map[string]string';

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
/** What people write without quotes: `name: 5`, `value: 8080`, `containerPort: "80"`. */
const OF_BODY: readonly (readonly [string, GoType])[] = [
  ['name', 'string'],
  ['image', 'string'],
  ['imagePullPolicy', 'string'],
  ['workingDir', 'string'],
  ['command', '[]string'],
  ['args', '[]string'],
  ['stdin', 'bool'],
  ['tty', 'bool'],
];
/** Lists of a container: their field, Go's type of an element, and the fields of that. */
const IN_BODY: readonly (readonly [string, string, readonly (readonly [string, GoType])[]])[] = [
  [
    'env',
    'EnvVar',
    [
      ['name', 'string'],
      ['value', 'string'],
    ],
  ],
  [
    'ports',
    'ContainerPort',
    [
      ['name', 'string'],
      ['containerPort', 'int32'],
      ['hostPort', 'int32'],
      ['protocol', 'string'],
      ['hostIP', 'string'],
    ],
  ],
  [
    'volumeMounts',
    'VolumeMount',
    [
      ['name', 'string'],
      ['mountPath', 'string'],
      ['subPath', 'string'],
      ['readOnly', 'bool'],
    ],
  ],
];
const OF_METADATA: readonly (readonly [string, GoType])[] = [
  ['name', 'string'],
  ['namespace', 'string'],
  ['labels', 'map[string]string'],
  ['annotations', 'map[string]string'],
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
      const found =
        inContext(context, OF_CONTAINER, 'SecurityContext', path, [...at, list, 'securityContext']) ??
        inBody(container, ['spec', list, index], [...at, list]);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Of an object's own metadata, or those of its template. */
export function wrongMetadata(metadata: unknown, words: readonly string[]): WrongType | undefined {
  return inContext(metadata, OF_METADATA, 'ObjectMeta', ['metadata'], [...words, 'metadata']);
}

function inBody(container: unknown, path: Path, words: readonly string[]): WrongType | undefined {
  const found = inContext(container, OF_BODY, 'Container', path, words);
  if (found !== undefined || !isMapping(container)) return found;
  for (const [field, struct, fields] of IN_BODY) {
    const items = container[field];
    if (!Array.isArray(items)) continue;
    for (const [index, item] of items.entries()) {
      const inside = inContext(item, fields, struct, [...path, field, index], [...words, field]);
      if (inside !== undefined) return inside;
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
    const wrong = wrongValue(value, type);
    if (wrong === undefined) continue;
    const goType = type === '[]string' && !Array.isArray(value) ? type : type.replace(/^(?:\[\]|map\[string\])(?=string)/, '');
    const shown = type === 'map[string]string' && !isMapping(value) ? type : goType;
    const message = `json: cannot unmarshal ${goKind(wrong.value)} into Go struct field ${struct}.${[...words, field].join('.')} of type ${shown}`;
    return { path: [...path, field, ...wrong.path], message };
  }
  return undefined;
}

/** What does not fit, itself or inside of the value. */
function wrongValue(value: unknown, type: GoType): { readonly value: unknown; readonly path: Path } | undefined {
  const wrong = { value, path: [] };
  switch (type) {
    case 'bool':
      return typeof value === 'boolean' ? undefined : wrong;
    case 'string':
      return typeof value === 'string' ? undefined : wrong;
    case 'int32':
    case 'int64':
      return Number.isInteger(value) ? undefined : wrong;
    case '[]string': {
      if (!Array.isArray(value)) return wrong;
      const at = value.findIndex((one) => typeof one !== 'string' && one !== null);
      return at < 0 ? undefined : { value: value[at], path: [at] };
    }
    case 'map[string]string': {
      if (!isMapping(value)) return wrong;
      const [key, one] = Object.entries(value).find(([, each]) => typeof each !== 'string' && each !== null) ?? [];
      return key === undefined ? undefined : { value: one, path: [key] };
    }
  }
}

/** encoding/json's name for what stood there; a number that does not fit is shown. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value === 'string' ? 'string' : 'object';
}
